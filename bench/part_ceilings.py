"""Part 1: what this machine can do at most, in this hour.

The HTTP echo belongs here, too, but it is measured before and after the orders
that are divided by it (part_single.py): a machine's speed moves.
"""

import tempfile

from rig import Stalls, say, tool


def run(bench):
    seconds = bench.seconds(4)
    say(f"  fdatasync, then Berkeley DB, {seconds} s each")
    with tempfile.TemporaryDirectory(prefix="saga-") as directory:
        figures = {"disk": tool("disk", directory, seconds)}
        say(f"  ZeroMQ over ipc, {2 * seconds} s")
        figures["hop"] = tool("roundtrip", directory, seconds)
    say(f"  the machine at rest, {seconds} s")
    with Stalls(seconds) as stalls:
        pass
    figures["stalls"] = stalls.figures
    return figures
