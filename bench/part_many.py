"""Part 3: many orders per request, beside single ones on the same pipeline."""

from rig import Wrong, measure, say, warm_up

LINES, CONNECTIONS = 500, 8


def run(bench):
    seconds = bench.seconds(10)
    with bench.pipeline() as pipeline:
        say(f"  one order per request, {seconds} s")
        warm_up(pipeline, bench)
        single = measure(pipeline, seconds)
        say(f"  {LINES} orders per request, {seconds} s")
        many = measure(pipeline, seconds, lines=LINES, connections=CONNECTIONS)
    if many["created"] < (many["requests"] - 2 * CONNECTIONS) * LINES:
        raise Wrong(f"{many['requests']} requests of {LINES} lines made only "
                    f"{many['created']} orders")
    return {"single": single, "many": many, "lines": LINES,
            "connections": CONNECTIONS}
