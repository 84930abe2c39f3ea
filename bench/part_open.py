"""Part 4: open loop, orders at fixed rates (load.c says how)."""

from rig import (FEW_USERS, FIRST_USER, Stalls, Wrong, drain, echo_server, say, tool,
                 warm_up)

RATES = ((1000, 10), (5000, 60), (10000, 15), (20000, 15))
QUICK_RATES = ((500, 2), (1000, 2))
ECHO_RATE = 5000
SAMPLES_RATE = 100


def load(url, rate, seconds, samples_rate):
    figures = tool("load", "open", url, rate, seconds, FIRST_USER, FEW_USERS,
                   samples_rate)
    if figures["refused"] or figures["samples_failed"]:
        raise Wrong(f"refused or failed: {figures}")
    figures["seconds"] = seconds
    return figures


def run(bench):
    runs, echo_s = [], bench.seconds(5)
    say(f"  the bare echo, {ECHO_RATE:,}/s, {echo_s} s")
    with echo_server() as url:
        echo = load(url, ECHO_RATE, echo_s, 0)
    with bench.pipeline() as pipeline:
        warm_up(pipeline, bench)
        for rate, seconds in QUICK_RATES if bench.quick else RATES:
            say(f"  {rate:,} orders/s, {seconds} s")
            drain(pipeline)
            with Stalls(seconds) as stalls:
                figures = load(pipeline.url, rate, seconds, SAMPLES_RATE)
            figures["stalls"] = stalls.figures
            runs.append(figures)
    return {"echo": echo, "runs": runs}
