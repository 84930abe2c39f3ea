"""Part 6: does it stay what it is with a million orders in the stores?"""

import time

from part_many import CONNECTIONS, LINES
from rig import (Wrong, counts, drain, load, measure, memory, processes, say,
                 wait_for, warm_up, wrk)

FILL_S = 20


def sizes(bench):
    if bench.quick:
        return (0, 60000)
    return tuple(sorted({0, min(bench.growth, 1000000), bench.growth}))


def fill(pipeline, orders, users):
    """Until there are that many orders; in pieces, so that none waits long."""
    rate = 15000
    while (left := orders - counts(pipeline)["CREATED"]) > 0:
        before, start = counts(pipeline)["CREATED"], time.monotonic()
        load(pipeline.url, int(min(FILL_S, max(2, left / rate))), users=users,
             lines=LINES, connections=CONNECTIONS)
        now = drain(pipeline)["CREATED"]
        rate = (now - before) / (time.monotonic() - start)
        say(f"    {now:,} of {orders:,} orders")


def disk_bytes(pipeline):
    """What the stores and logs of all processes take, as the disk counts."""
    return {path.name: sum(file.stat().st_blocks * 512
                           for file in path.rglob("*") if file.is_file())
            for path in sorted((pipeline.home / "data").iterdir())
            if path.is_dir()}


def kill_under_load(pipeline, users):
    """kill -9 of all while orders come; seconds until all are ready again."""
    with wrk(pipeline.url, 30, users=users) as process:
        before = counts(pipeline)["CREATED"]
        wait_for(lambda: counts(pipeline)["CREATED"] > before + 1000,
                 what="orders that come")
        start = time.monotonic()
        pipeline.kill_all()
        process.kill()
        pipeline.start()
        ready_s = time.monotonic() - start
    if pipeline.get("/readyz").status != 200:
        raise Wrong("started, but not ready")
    return ready_s


def one(bench, pipeline, orders, users):
    fill(pipeline, orders, users)
    before = counts(pipeline)["CREATED"]
    say(f"  {orders:,} orders: throughput, memory, kill -9, disk")
    warm_up(pipeline, bench, users=users)
    figures = measure(pipeline, bench.seconds(12), users=users)
    figures["memory"] = {name: memory(pid) for name, pid in
                         processes(pipeline).items()}
    figures["ready_s"] = kill_under_load(pipeline, users)
    figures["orders"] = drain(pipeline)["COMPLETED"]
    pipeline.stop()  # which ends with a checkpoint
    figures["disk"] = disk_bytes(pipeline)
    pipeline.start()
    figures["size"], figures["before"] = orders, before
    return figures


def run(bench):
    users = bench.many_users
    with bench.pipeline(users) as pipeline:
        runs = [one(bench, pipeline, orders, users) for orders in sizes(bench)]
        say("  sagactl verify")
    return {"runs": runs, "users": users}
