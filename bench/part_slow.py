"""Part 7: a slow disk, each fdatasync 2 ms later (tests/preload/slowdisk.c)."""

from pipeline import Pipeline
from rig import TOOLS, Wrong, measure, metric_sum, say, warm_up

DELAY_US = 2000
FLUSHES = ("sagapipe_fsync_seconds_sum", "sagapipe_fsync_seconds_count")


class SlowPipeline(Pipeline):
    def environment(self):
        return {**super().environment(), "SLOWDISK_US": str(DELAY_US),
                "LD_PRELOAD": str(TOOLS / "tests" / "libslowdisk.so")}


def one(bench, kind, seconds):
    with bench.pipeline(kind=kind) as pipeline:
        warm_up(pipeline, bench)
        before = [metric_sum(pipeline, name) for name in FLUSHES]
        figures = measure(pipeline, seconds)
        taken, count = (metric_sum(pipeline, name) - then
                        for name, then in zip(FLUSHES, before))
    figures["flush_ms"] = 1000 * taken / count
    return figures


def run(bench):
    seconds = bench.seconds(12)
    say(f"  the disk as it is, {seconds} s")
    plain = one(bench, Pipeline, seconds)
    say(f"  each fdatasync {DELAY_US} us later, {seconds} s")
    slow = one(bench, SlowPipeline, seconds)
    if slow["flush_ms"] < DELAY_US / 1000:
        raise Wrong(f"a sync took {slow['flush_ms']} ms: it was not delayed")
    return {"plain": plain, "slow": slow}
