"""071: `sagactl verify` of a running pipeline waited up to ten minutes for each
process that hung, and said nothing.
"""

import os
import signal
import subprocess

import pytest

from pipeline import BIN, START_ORDER

LIMIT_S = 60


@pytest.mark.parametrize("name", START_ORDER)
def test_071_verify_tells_who_hangs(make_pipeline, name):
    pipeline = make_pipeline(supervised=False).start()
    os.kill(pipeline.pid(name), signal.SIGSTOP)
    try:
        result = subprocess.run(
            [BIN / "sagactl", "verify"], env=pipeline.environment(),
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=LIMIT_S)
    finally:
        os.kill(pipeline.pid(name), signal.SIGCONT)
    assert (result.returncode, result.stdout) == (111, "")
    assert result.stderr == f"sagactl: {name}: it does not answer in time\n"
    assert not list(pipeline.home.glob("verify.*"))
