"""bench.py [--quick] [--part NAME]... [--growth ORDERS] [--out DIR]

Measures the pipeline beside its ceilings and its peers, in one run, and writes
RESULTS.md and pictures: to bench/ if every part ran and nothing was cut short,
else to build/bench/out/.  `make bench` builds what is needed and calls it.
Exits with 1 if a part failed; its section then says how.
"""

import argparse
import importlib
import json
import os
import pathlib
import shutil
import sys
import time
import traceback

import report
from rig import TOOLS, TREE, Bench, say

PARTS = [name for name, _, _ in report.SECTIONS]
NEEDED = ("wrk", "redis-server")


def options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", action="append", choices=PARTS, default=[],
                        help="only this part (may be repeated)")
    parser.add_argument("--quick", action="store_true",
                        help="a few seconds per part, to see that all runs")
    parser.add_argument("--growth", type=int, default=1000000, metavar="N",
                        help="orders in part 6 (default 1000000)")
    parser.add_argument("--out", type=pathlib.Path,
                        help="where RESULTS.md and the pictures go")
    chosen = parser.parse_args()
    whole = not chosen.part and not chosen.quick
    chosen.part = chosen.part or PARTS
    if chosen.out is None:
        chosen.out = TREE / "bench" if whole else TOOLS / "bench" / "out"
    return chosen


def run_part(bench, number, name):
    start = time.monotonic()
    say(f"part {number} of {len(PARTS)}: {name}")
    try:
        bench.results[name] = importlib.import_module(f"part_{name}").run(bench)
    except Exception as error:  # the other parts' figures are worth having
        traceback.print_exc()
        bench.results[name] = {"error": str(error).strip() or repr(error)}
        say(f"part {number} FAILED: {error}")
    say(f"part {number} took {time.monotonic() - start:.0f} s")


def draw(directory, results):
    try:
        import pictures
    except ImportError:
        say("no pictures: python3-matplotlib is missing")
        return set()
    return pictures.draw(directory, results)


def main():
    chosen = options()
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if missing:
        say(f"{', '.join(missing)} missing: scripts/setup.sh --with-bench")
        sys.exit(100)
    load_before, start = os.getloadavg()[0], time.monotonic()
    bench = Bench(chosen.quick, chosen.growth)
    for number, name in enumerate(PARTS, 1):
        if name in chosen.part:
            run_part(bench, number, name)
    chosen.out.mkdir(parents=True, exist_ok=True)
    report.write(chosen.out, bench, (time.monotonic() - start) / 60,
                 load_before, draw(chosen.out, bench.results))
    (TOOLS / "bench" / "results.json").write_text(
        json.dumps(bench.results, indent=1), encoding="utf-8")
    say(f"written: {chosen.out}/RESULTS.md")
    failed = [name for name, figures in bench.results.items()
              if "error" in figures]
    if failed:
        say(f"failed: {', '.join(failed)}")
        sys.exit(1)


if __name__ == "__main__":
    main()
