"""090: `sagactl status` called a gateway silent that it had not asked.

With a token file that can't be read, or that holds no token, it told what the
home tells, "gateway silent" with it, and ended with 1, which pages somebody
who is then told to kill the gateway.  It is wrong use: 100, as everywhere.
"""

import subprocess

import pytest

from pipeline import BIN, WAIT_LIMIT_S, Pipeline, clean_environment


@pytest.fixture(scope="module", name="home")
def _home():
    with Pipeline(supervised=False) as pipeline:
        yield pipeline.home


@pytest.mark.parametrize("command", ["status", "top"])
@pytest.mark.parametrize("text", [None, "", "no token\n"])
def test_090_token_that_is_none_is_wrong_use(home, tmp_path, command, text):
    path = tmp_path / "token"
    if text is not None:
        path.write_text(text)
    result = subprocess.run(
        [BIN / "sagactl", "--home", home, "--token-file", path, command],
        capture_output=True, text=True, timeout=WAIT_LIMIT_S,
        stdin=subprocess.DEVNULL, env=clean_environment())
    assert (result.returncode, result.stdout) == (100, ""), result
    assert result.stderr.count("\n") == 1
