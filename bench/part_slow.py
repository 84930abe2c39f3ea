"""Part 7: a slow disk, each fdatasync 2 ms later (tests/preload/slowdisk.c)."""

from pipeline import Pipeline
from reach import SLOW_CLIENTS
from rig import TOOLS, Wrong, measure, metric_sum, say, warm_up

DELAY_US = 2000
FLUSHES = ("sagapipe_fsync_seconds_sum", "sagapipe_fsync_seconds_count")


class SlowPipeline(Pipeline):
    def environment(self):
        return {**super().environment(), "SLOWDISK_US": str(DELAY_US),
                "LD_PRELOAD": str(TOOLS / "tests" / "libslowdisk.so")}


def one(bench, kind, seconds):
    """Figures by connections."""
    figures = {}
    with bench.pipeline(kind=kind) as pipeline:
        warm_up(pipeline, bench)
        for connections in SLOW_CLIENTS:
            say(f"    {connections} connections, {seconds} s")
            before = [metric_sum(pipeline, name) for name in FLUSHES]
            run = measure(pipeline, seconds, connections=connections)
            taken, count = (metric_sum(pipeline, name) - then
                            for name, then in zip(FLUSHES, before))
            run["flush_ms"] = 1000 * taken / count
            figures[connections] = run
    return figures


def run(bench):
    seconds = bench.seconds(12)
    say("  the disk as it is")
    plain = one(bench, Pipeline, seconds)
    say(f"  each fdatasync {DELAY_US} us later")
    slow = one(bench, SlowPipeline, seconds)
    for figures in slow.values():
        if figures["flush_ms"] < DELAY_US / 1000:
            raise Wrong(f"a sync took {figures['flush_ms']} ms: it was not "
                        "delayed")
    return {"plain": plain, "slow": slow}
