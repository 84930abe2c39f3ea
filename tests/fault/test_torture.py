"""tests/fault/torture, short with two seeds, and for a minute (long)."""

import subprocess

import pytest

from pipeline import TREE

SECONDS_SHORT = 8
SECONDS_LONG = 60
REST_S = 400


def torture(seconds, seed):
    result = subprocess.run(
        ["/usr/bin/python3", TREE / "tests" / "fault" / "torture",
         "--seconds", str(seconds), "--seed", str(seed)],
        text=True, capture_output=True, timeout=seconds + REST_S)
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.startswith(f"torture: seed={seed} ")
    assert "torture: passed " in result.stdout


@pytest.mark.parametrize("seed", [11, 4])
def test_g1_g2_tortured_for_seconds_loses_nothing(seed):
    torture(SECONDS_SHORT, seed)


@pytest.mark.long
def test_g1_g2_tortured_for_a_minute_loses_nothing():
    torture(SECONDS_LONG, 2)
