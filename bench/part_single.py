"""Part 2: single orders over HTTP, and the bare echo on both sides of them."""

from rig import FEW_USERS, Stalls, measure, measure_echo, say, warm_up


def one(bench, users, seconds):
    say(f"  {users:,} users, {seconds} s")
    with bench.pipeline(users) as pipeline:
        warm_up(pipeline, bench, users=users)
        with Stalls(seconds) as stalls:
            figures = measure(pipeline, seconds, users=users)
    figures["users"] = users
    figures["stalls"] = stalls.figures
    return figures


def run(bench):
    echo_s = bench.seconds(6)
    say(f"  bare echo, {echo_s} s")
    echoes = [measure_echo(echo_s)]
    few = one(bench, FEW_USERS, bench.seconds(60))
    say(f"  bare echo again, {echo_s} s")
    echoes.append(measure_echo(echo_s))
    many = one(bench, bench.many_users, bench.seconds(20))
    return {"echoes": echoes, "few": few, "many": many}
