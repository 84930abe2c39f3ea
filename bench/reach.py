"""What was to be reached, and whether it was: ratios within one run."""

import collections

Goal = collections.namedtuple("Goal", "what value least aim more unit")
MIB, KIB = 2**20, 2**10
# Part 7 with as many as part 2, who all wait for one flush; and with as many as
# keep the processors busy while some wait.
SLOW_CLIENTS = (64, 256)
ONE_M, FIVE_M = 1000000, 5000000


def echo_rate(results):
    echoes = results["single"]["echoes"]
    return sum(echo["rate"] for echo in echoes) / len(echoes)


def saga_ratio(results):
    return results["single"]["few"]["sagas_rate"] / echo_rate(results)


def many_ratio(results):
    many = results["many"]
    return many["many"]["sagas_rate"] / many["single"]["sagas_rate"]


def slow_ratio(connections):
    def ratio(results):
        slow, plain = (results["slow"][kind][connections]["sagas_rate"]
                       for kind in ("slow", "plain"))
        return slow / plain
    return ratio


def brokers_ratio(figure):
    """Ours to the best of the peers, each event a message, batches of 100."""
    def ratio(results):
        runs = [run for run in results["brokers"]["runs"]
                if run["batch"] == 100 and run["shape"] == "each"]
        ours = [run[figure] for run in runs if run["broker"] == "sagapipe"]
        return ours[0] / max(run[figure] for run in runs
                             if not run["broker"].startswith("sagapipe"))
    return ratio


def open_5k(which, point):
    def milliseconds(results):
        for run in results["open"]["runs"]:
            if run["rate"] == 5000:
                return run[which][point + "_us"] / 1000
        raise KeyError("5000")
    return milliseconds


def stalls(which):
    """p99.9 to p99 of the longest run."""
    def ratio(results):
        run = max(results["open"]["runs"], key=lambda run: run["seconds"])
        return run[which]["p99.9_us"] / run[which]["p99_us"]
    return ratio


def grown(results, wanted):
    """The run with that many orders before it, or the nearest there is."""
    return min(results["growth"]["runs"],
               key=lambda run: abs(run["size"] - wanted))


def growth_ratio(results):
    return grown(results, FIVE_M)["sagas_rate"] / \
        results["growth"]["runs"][0]["sagas_rate"]


def memory_bytes(run, kind="resident"):
    return sum(process[kind] for process in run["memory"].values())


def disk_per_order(run):
    return sum(run["disk"].values()) / run["orders"]


def orders_words(results, wanted):
    """"5M orders", or how many there were instead."""
    if "runs" not in results.get("growth", {}):
        return f"{wanted / 1e6:g}M orders"
    size = grown(results, wanted)["size"]
    if size == wanted:
        return f"{wanted / 1e6:g}M orders"
    return f"{size:,} orders (instead of {wanted / 1e6:g}M)"


def goals(results):
    one_m, five_m = (orders_words(results, wanted)
                     for wanted in (ONE_M, FIVE_M))
    more, less = True, False
    return (
        Goal("completed sagas/s, single POSTs ÷ echo requests/s",
             saga_ratio, 0.25, 0.40, more, ""),
        Goal("p99 of the POST in that closed loop",
             lambda r: r["single"]["few"]["p99_us"] / 1000,
             10, 3, less, " ms"),
        Goal("p99.9 of the POST in that closed loop",
             lambda r: r["single"]["few"]["p99.9_us"] / 1000,
             30, 8, less, " ms"),
        Goal("completed sagas/s through ndjson ÷ single POSTs",
             many_ratio, 2, 4, more, ""),
        *[Goal(f"kept with 2 ms fdatasync, {connections} connections",
               slow_ratio(connections), 0.6, 0.9, more, "")
          for connections in SLOW_CLIENTS],
        Goal("broker, batches of 100: produce ÷ the best of NATS and Redis",
             brokers_ratio("produced_rate"), 1.5, 4, more, ""),
        Goal("broker, batches of 100: fetch ÷ the best of NATS and Redis",
             brokers_ratio("fetched_rate"), 1.5, 4, more, ""),
        Goal("open loop 5k/s: p99 to 201",
             open_5k("answered", "p99"), 5, 1, less, " ms"),
        Goal("open loop 5k/s: p99 to terminal",
             open_5k("ended", "p99"), 15, 4, less, " ms"),
        Goal("open loop, longest run: p99.9 ÷ p99 to 201 (stalls)",
             stalls("answered"), 10, 10, less, ""),
        Goal("open loop, longest run: p99.9 ÷ p99 to terminal (stalls)",
             stalls("ended"), 10, 10, less, ""),
        Goal(f"throughput at {five_m} ÷ at none",
             growth_ratio, 0.85, 0.95, more, ""),
        Goal(f"all four processes after {one_m}",
             lambda r: memory_bytes(grown(r, ONE_M)) / MIB,
             200, 100, less, " MiB"),
        Goal(f"kill -9 of all with {one_m}, to ready",
             lambda r: grown(r, ONE_M)["ready_s"], 3, 1, less, " s"),
        Goal("disk per completed order, after checkpoint",
             lambda r: disk_per_order(grown(r, FIVE_M)) / KIB,
             1.5, 0.7, less, " KiB"),
    )


def verdict(goal, value):
    def within(bound):
        return value >= bound if goal.more else value <= bound
    if within(goal.aim):
        return "aim reached"
    return "reached" if within(goal.least) else "**not reached**"


def rows(results):
    """(what, value, at least, aim, verdict) of each goal, as text."""
    for goal in goals(results):
        bounds = [f"{bound:g}{goal.unit}" for bound in (goal.least, goal.aim)]
        try:
            value = goal.value(results)
        except (KeyError, IndexError, ValueError, TypeError,
                ZeroDivisionError):
            yield (goal.what, "not measured", *bounds, "not measured")
            continue
        yield (goal.what, f"{value:.2f}{goal.unit}", *bounds,
               verdict(goal, value))
