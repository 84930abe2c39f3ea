#!/usr/bin/python3
"""powercut.py [--cuts N] [--seed S] [--page BYTES] [--keep] - loses power

The four processes run over libpowercut.so, a disk that forgets what was not
synced (tests/preload/powercut.c says what it models), under load.  At a random
moment the power goes for all of them; they are started again and recover; then
every order that was ever answered must be there and end.  In some starts one
process loses its power while it recovers, or while it makes its store.

Each pipeline lives for CUTS_PER_PIPELINE cuts; at its end all money must add
up (proof.py), and `sagactl verify` must find nothing.

The seed makes the same choices; the moment of a cut is the machine's.
"""

import argparse
import contextlib
import pathlib
import random
import shutil
import sys
import threading
import time

TREE = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TREE / "tests" / "support"))

from load import Load  # noqa: E402 (the path comes first)
from powercut_rig import PowercutPipeline  # noqa: E402
from proof import USERS, assert_all_ended, open_users  # noqa: E402

CUTS_PER_PIPELINE = 25
LOADS = 2
CUT_AFTER_S_MAX = 0.15


class Tally:
    def __init__(self):
        self.cuts = self.start_cuts = self.answered = 0
        self.counts = [0, 0, 0, 0]
        self.started = time.monotonic()

    def add(self, pipeline, answered):
        self.cuts += pipeline.cuts
        self.start_cuts += pipeline.start_cuts
        self.answered += answered
        self.counts = [a + b for a, b in zip(self.counts, pipeline.counts())]

    def __str__(self):
        lost, kept, ops_lost, ops_kept = self.counts
        return (f"{self.cuts} cuts and {self.start_cuts} while starting in "
                f"{time.monotonic() - self.started:.0f} s; "
                f"{self.answered} answered orders, none missing; not synced: "
                f"{lost} units lost, {kept} kept, {ops_lost} names lost, "
                f"{ops_kept} kept")


def cut_once(pipeline):
    """One cut and one start under load; then all orders that were answered
    are there and end.  Their ids."""
    loads = [Load(pipeline, USERS[index::LOADS]) for index in range(LOADS)]
    with contextlib.ExitStack() as stack:
        for load in loads:
            stack.enter_context(load)
        for load in loads:
            load.wait(1)
        threading.Event().wait(pipeline.chance.random() * CUT_AFTER_S_MAX)
        pipeline.cut()
        pipeline.start()
        for load in loads:
            load.wait(1)
    answered = [order_id for load in loads for order_id in load.answered]
    for order_id in answered:
        pipeline.ended(order_id)
    return answered


def run_pipeline(pipeline, cuts):
    """A pipeline's whole life; how many orders were answered."""
    answered = []
    pipeline.start()
    open_users(pipeline)
    for _ in range(cuts):
        answered += cut_once(pipeline)
    assert_all_ended(pipeline, answered)
    pipeline.verify()
    return len(answered)


def run(cuts, seed, keep=False, **variables):
    """That many cuts, over as many pipelines as needed; the tally."""
    chance = random.Random(seed)
    tally = Tally()
    while tally.cuts < cuts:
        pipeline = PowercutPipeline(chance, **variables)
        try:
            answered = run_pipeline(
                pipeline, min(CUTS_PER_PIPELINE, cuts - tally.cuts))
            tally.add(pipeline, answered)
        except BaseException:
            print(f"after {tally} and {pipeline.cuts}+{pipeline.start_cuts} "
                  f"cuts, seed {seed}:\n{pipeline.last_log_lines()}",
                  file=sys.stderr)
            pipeline.crashes_expected = True
            if keep:
                pipeline.kill_all()
                kept = shutil.copytree(
                    pipeline.home, f"{pipeline.directory}-kept",
                    ignore=lambda directory, names: [
                        name for name in names if directory.endswith("run")])
                print(f"kept in {kept}", file=sys.stderr)
            raise
        finally:
            pipeline.close()
        if cuts > CUTS_PER_PIPELINE:
            print(tally, flush=True)
    return tally


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--cuts", type=int, default=25)
    parser.add_argument("--seed", type=int,
                        default=random.SystemRandom().getrandbits(32))
    parser.add_argument("--page", type=int, default=4096)
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    print(run(options.cuts, options.seed, options.keep,
              POWERCUT_PAGE=options.page))


if __name__ == "__main__":
    main()
