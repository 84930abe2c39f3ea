"""Part 4: open loop, orders at fixed rates (load.c says how)."""

from rig import FEW_USERS, FIRST_USER, Wrong, drain, say, tool, warm_up

RATES = ((1000, 10), (5000, 60), (10000, 15), (20000, 15))
QUICK_RATES = ((500, 2), (1000, 2))


def run(bench):
    runs = []
    with bench.pipeline() as pipeline:
        warm_up(pipeline, bench)
        for rate, seconds in QUICK_RATES if bench.quick else RATES:
            say(f"  {rate:,} orders/s, {seconds} s")
            drain(pipeline)
            figures = tool("load", "open", pipeline.url, rate, seconds,
                           FIRST_USER, FEW_USERS)
            if figures["refused"] or figures["samples_failed"]:
                raise Wrong(f"refused or failed: {figures}")
            figures["seconds"] = seconds
            runs.append(figures)
    return {"runs": runs}
