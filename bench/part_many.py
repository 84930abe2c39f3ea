"""Part 3: many orders per request, beside single ones on the same pipeline."""

from rig import FIRST_USER, Wrong, measure, say, warm_up

LINES, CONNECTIONS = 100, 16
ORDER = f'{{"userId":{FIRST_USER},"productId":1}}\n'


def offered(pipeline):
    """Does this build take many orders per request?"""
    reply = pipeline.request("POST", "/orders", 2 * ORDER,
                             {"Content-Type": "application/x-ndjson"})
    if reply.status in (400, 415):
        return False
    rows = reply.text.strip().splitlines()
    if reply.status // 100 != 2 or len(rows) != 2:
        raise Wrong(f"application/x-ndjson: {reply}")
    return True


def run(bench):
    seconds = bench.seconds(10)
    with bench.pipeline() as pipeline:
        if not offered(pipeline):
            say("  skipped: this build refuses application/x-ndjson")
            return {"skipped": "this build refuses application/x-ndjson"}
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
