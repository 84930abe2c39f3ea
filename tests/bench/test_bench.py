"""make bench in small: every part runs, and says all that it should."""

import os
import re
import subprocess
import sys

import pytest

from pipeline import BIN, TREE

sys.path.insert(0, str(TREE / "bench"))

import reach  # noqa: E402 (the path comes first)

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
         "999", "1", "100"], capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    assert '"samples_completed": 0, "samples_failed": 100' in result.stdout


@pytest.mark.parametrize("sagas, verdict", [
    (40, "aim reached"), (25, "reached"), (24, "**not reached**")])
def test_reach_more_is_better(sagas, verdict):
    results = {"single": {"echoes": [{"rate": 50}, {"rate": 150}],
                          "few": {"sagas_rate": sagas}}}
    rows = {row[0]: row for row in reach.rows(results)}
    assert rows["completed sagas/s, single POSTs ÷ echo requests/s"][1:] == \
        (f"{sagas / 100:.2f}", "0.25", "0.4", verdict)
    assert rows["kept with 2 ms fdatasync, 64 connections"][4] == "not measured"


@pytest.mark.parametrize("p99_us, verdict", [
    (1000, "aim reached"), (5000, "reached"), (5010, "**not reached**")])
def test_reach_less_is_better(p99_us, verdict):
    results = {"open": {"runs": [{"rate": 5000, "seconds": 1, "answered": {
        "p99_us": p99_us, "p99.9_us": 1}}]}}
    rows = {row[0]: row for row in reach.rows(results)}
    assert rows["open loop 5k/s: p99 to 201"][4] == verdict


def test_reach_names_another_size_than_the_wanted():
    runs = [{"size": 0, "sagas_rate": 10}, {"size": 1000000, "sagas_rate": 9}]
    rows = {row[0]: row for row in reach.rows({"growth": {"runs": runs}})}
    assert rows["throughput at 1,000,000 orders (instead of 5M) ÷ at none"][
        4] == "reached"
