"""make bench in small: every part runs, and says all that it should."""

import os
import re
import subprocess

import pytest

from pipeline import BIN, TREE

PARTS = 8
PICTURES = ("throughput", "latency", "brokers", "growth")


def run_bench(directory, *options, **variables):
    return subprocess.run(
        ["/usr/bin/python3", "-B", TREE / "bench" / "bench.py", "--quick",
         "--out", directory, *options],
        cwd=TREE, capture_output=True, text=True, timeout=1200,
        env={**os.environ, "SAGA_BIN": str(BIN),
             "BENCH_BUILD": str(TREE / "build"), **variables})


@pytest.mark.long
def test_quick_run_has_every_part_and_picture(tmp_path):
    result = run_bench(tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr
    for number in range(1, PARTS + 1):
        assert f"part {number} of {PARTS}" in result.stdout
    text = (tmp_path / "RESULTS.md").read_text(encoding="utf-8")
    sections = re.findall(r"^## (\d)\. .*?(?=^## |\Z)", text,
                          re.MULTILINE | re.DOTALL)
    assert sections == [str(number) for number in range(1, PARTS + 1)]
    for wrong in ("Not run", "**Failed**"):
        assert wrong not in text
    for name in PICTURES:
        assert f"({name}.svg)" in text
        assert "</svg>" in (tmp_path / f"{name}.svg").read_text("utf-8")


@pytest.mark.long
def test_run_that_does_not_verify_has_no_figures(tmp_path):
    programs = tmp_path / "bin"
    programs.mkdir()
    for program in BIN.iterdir():
        if program.name != "sagactl":
            (programs / program.name).symlink_to(program)
    (programs / "sagactl").write_text("#!/bin/sh\necho BAD; exit 1\n")
    (programs / "sagactl").chmod(0o755)
    result = run_bench(tmp_path, "--part", "slow", SAGA_BIN=str(programs))
    assert result.returncode == 1, result.stdout + result.stderr
    text = (tmp_path / "RESULTS.md").read_text(encoding="utf-8")
    assert "**Failed**: sagactl verify: exit 1\nBAD" in text


@pytest.mark.long
def test_load_tells_orders_that_fail(pipeline):
    """User 999 has no account, so every order fails; the load tells it."""
    result = subprocess.run(
        [TREE / "build" / "bench" / "load", "open", pipeline.url, "100", "1",
         "999", "1"], capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    assert '"samples_completed": 0, "samples_failed": 100' in result.stdout
