"""089: what `sagactl verify` found was lost without a word.

It was printed by a process apart, which nobody asked whether the disk took it:
stdout on a full disk made exit status 0 and an empty report, and with
something wrong 1.
"""

import subprocess

import pytest

from pipeline import BIN, WAIT_LIMIT_S, Pipeline, clean_environment


@pytest.fixture(scope="module", name="home")
def _home():
    with Pipeline(supervised=False) as pipeline:
        yield pipeline.home


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_089_verify_that_cannot_be_written_is_111(home, options):
    with open("/dev/full", "w", encoding="ascii") as full:
        result = subprocess.run(
            [BIN / "sagactl", "--home", home, "verify", *options], stdout=full,
            stderr=subprocess.PIPE, text=True, timeout=WAIT_LIMIT_S,
            env=clean_environment())
    assert result.returncode == 111, result
    assert result.stderr == ("sagactl: the output can't be written: "
                             "No space left on device\n")
    assert not list(home.glob("verify.*"))


def test_089_reader_that_goes_is_no_failure(home):
    line = '"$0" --home "$1" verify | true; echo "${PIPESTATUS[0]}"'
    result = subprocess.run(
        ["bash", "-c", line, BIN / "sagactl", home], capture_output=True,
        text=True, timeout=WAIT_LIMIT_S, env=clean_environment())
    assert (result.stdout, result.stderr) == ("0\n", "")
