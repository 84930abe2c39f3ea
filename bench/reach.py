"""What was to be reached, and whether it was: ratios within one run."""

import collections

Goal = collections.namedtuple("Goal", "what parts value least aim more unit")
MIB, KIB = 2**20, 2**10


def echo_rate(results):
    echoes = results["single"]["echoes"]
    return sum(echo["rate"] for echo in echoes) / len(echoes)


def many_ratio(results):
    many = results["many"]
    return many["many"]["sagas_rate"] / many["single"]["sagas_rate"]


def slow_ratio(results):
    slow = results["slow"]
    return slow["slow"]["sagas_rate"] / slow["plain"]["sagas_rate"]


def brokers_ratio(figure):
    """Ours to the best of the peers, each event a message, batches of 100."""
    def ratio(results):
        runs = [run for run in results["brokers"]["runs"]
                if run["batch"] == 100 and run["shape"] == "each"]
        ours = [run[figure] for run in runs if run["broker"] == "sagapipe"]
        return ours[0] / max(run[figure] for run in runs
                             if run["broker"] != "sagapipe")
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


def grown(results):
    return max(results["growth"]["runs"], key=lambda run: run["size"])


def growth_ratio(results):
    return grown(results)["sagas_rate"] / \
        results["growth"]["runs"][0]["sagas_rate"]


def memory_bytes(run):
    return sum(process["resident"] for process in run["memory"].values())


def disk_per_order(run):
    return sum(run["disk"].values()) / run["orders"]


def size_words(results):
    """The size that the figures of growth are of."""
    size = grown(results)["size"] if "runs" in results.get("growth", {}) else 0
    return f"{size / 1e6:g}M" if size >= 1e6 else f"{size:,}"


def goals(results):
    size = size_words(results)
    single = ("single",)
    return (
        Goal("completed sagas/s, single POSTs ÷ echo requests/s", single,
             lambda r: r["single"]["few"]["sagas_rate"] / echo_rate(r),
             0.25, 0.40, True, ""),
        Goal("p99 of the POST in that closed loop", single,
             lambda r: r["single"]["few"]["p99_us"] / 1000, 10, 3, False,
             " ms"),
        Goal("p99.9 of the POST in that closed loop", single,
             lambda r: r["single"]["few"]["p99.9_us"] / 1000, 30, 8, False,
             " ms"),
        Goal("completed sagas/s through ndjson ÷ single POSTs", ("many",),
             many_ratio, 2, 4, True, ""),
        Goal("kept with 2 ms fdatasync", ("slow",), slow_ratio, 0.6, 0.9, True,
             ""),
        Goal("broker, batches of 100: produce ÷ the best of NATS and Redis",
             ("brokers",), brokers_ratio("produced_rate"), 1.5, 4, True, ""),
        Goal("broker, batches of 100: fetch ÷ the best of NATS and Redis",
             ("brokers",), brokers_ratio("fetched_rate"), 1.5, 4, True, ""),
        Goal("open loop 5k/s: p99 to 201", ("open",),
             open_5k("answered", "p99"), 5, 1, False, " ms"),
        Goal("open loop 5k/s: p99 to terminal", ("open",),
             open_5k("ended", "p99"), 15, 4, False, " ms"),
        Goal("open loop, longest run: p99.9 ÷ p99 to 201 (stalls)", ("open",),
             stalls("answered"), 10, 10, False, ""),
        Goal(f"throughput at {size} orders ÷ at none (goal: 5M)", ("growth",),
             growth_ratio, 0.85, 0.95, True, ""),
        Goal(f"all four processes after {size} orders (goal: 1M)",
             ("growth",), lambda r: memory_bytes(grown(r)) / MIB, 200, 100,
             False, " MiB"),
        Goal(f"kill -9 of all with {size} orders, to ready (goal: 1M)",
             ("growth",), lambda r: grown(r)["ready_s"], 3, 1, False, " s"),
        Goal("disk per completed order, after checkpoint", ("growth",),
             lambda r: disk_per_order(grown(r)) / KIB, 1.5, 0.7, False,
             " KiB"),
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
