"""RESULTS.md: what was measured, in tables; and how, in words."""

import datetime

import reach
import rig

POINTS = ("p50_us", "p90_us", "p99_us", "p99.9_us", "max_us")

BUSY_LOAD, BUSY_SHARE = 1.0, 0.15
BUSY = "\n**Others were at work on these cores: the figures are too low, and their " \
    "ratios uncertain.**\n"

STALLS = "the machine itself"

HOW_SLOW = """
With 64 connections all clients wait for one flush together, as in part 2: what is
kept is the time of such a round divided by that time and 2 ms more, so the less the
faster the disk and the program are. With 256 the processors are busy while some wait.
"""

HOW_OPEN = """\
Latency counts from the moment an order was meant to be sent, on 512 kept
connections; where none was free, the order waited and its clock ran. *To
terminal* is what a customer sees: 100 orders per second, chosen by their place in
the schedule, are asked for with GET /orders/{id}, and again 1 ms after each reply
that shows them open, so it is up to 1 ms and one GET too high and never too low.
Rates above what the machine does show a queue that grows: *kept* tells. The line of
the bare echo is what the load and the kernel take by themselves.
"""

HOW_BROKERS = """\
One program (bench/brokers.c) drives all of them: 8 connections, 8 requests under
way on each, a batch of 200-byte events per request, every event acknowledged; then
each connection reads the whole stream, a batch per request, one request under way.
A new server and an empty stream for each line; servers and load on the same cores.

What makes such comparisons unfair, and what was done about it:

- **Durability.** Ours and Redis (appendfsync always) answer after fdatasync.
  {nats}
- **Batches.** Only ours has them in the protocol. NATS 2.9 publishes one message
  at a time, and Redis has XADD: a batch is as many of them written at once, with
  each acknowledged (NATS: a reply subject each, as PublishAsync does). An
  application can also pack a batch into one message, which is then one sequence
  number and one acknowledgement for all of it: those are the lines *packed*. The
  ratio is to the others, where each event has a number of its own as with ours.
- **Who keeps the position.** Readers of NATS (ack none) and Redis (XREAD) pay for
  no bookkeeping; ours are named and report their position with each fetch.
- **Transport.** No client library in the driver: it writes and reads the sockets
  itself, ours (ZMTP) as theirs. Ours is ipc, as our processes use it; the peers get
  TCP over loopback. The line *sagapipe, libzmq* is the same load through libzmq with
  its I/O thread, where the driver takes nearly half of the CPU time. The ratio is to
  the line without.
- **Memory or disk.** All streams fit in the page cache. Redis holds its stream in
  memory and only appends to a file; ours and NATS read files. Peaks are shown.
- **Peers at their best.** No snapshots and no AOF rewriting during the run, no
  duplicate window used, no consumer groups.
"""

NATS_UNSYNCED = """\
NATS syncs every two minutes by default, and this version has no
  `sync_interval: always`: it is let off, which favours it."""
NATS_SYNCED = """\
NATS syncs every two minutes by default; *NATS, synced* is with
  `sync_interval: always`."""


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |"
              for row in rows]
    return "\n".join(lines) + "\n"


def ms(microseconds):
    return f"{microseconds / 1000:.2f}"


def latencies(figures):
    return [ms(figures[point]) for point in POINTS]


def head(*first, after=()):
    return [*first, "p50 ms", "p90", "p99", "p99.9", "max", *after]


def ceilings(results):
    figures = results["ceilings"]
    disk, hop = figures["disk"], figures["hop"]
    rows = [["fdatasync of 4 KiB appended", f"{disk['fdatasyncs_rate']:,.0f}/s",
             *latencies(disk["fdatasync"])],
            ["Berkeley DB, 100 B puts, synced by 100",
             f"{disk['puts_rate']:,.0f}/s", *latencies(disk["commit"])],
            ["ZeroMQ ipc, 200 B there and back",
             f"{1e6 / hop['roundtrip']['mean_us']:,.0f}/s; "
             f"64 under way: {hop['window_rate']:,.0f}/s",
             *latencies(hop["roundtrip"])],
            [STALLS, "500/s", *latencies(figures["stalls"])]]
    for echo, when in zip(results.get("single", {}).get("echoes", ()),
                          ("before part 2", "after it")):
        rows.append([f"bare HTTP echo of the POST, {when}",
                     f"{echo['rate']:,.0f}/s", *latencies(echo)])
    return table(head("ceiling", "rate"), rows)


def single(results):
    figures = results["single"]
    rows = []
    for run in (figures["few"], figures["many"]):
        rows.append([f"{run['users']:,} users, {run['elapsed_s']:.0f} s",
                     f"{run['sagas_rate']:,.0f}", f"{run['rate']:,.0f}",
                     *latencies(run), max(run["open_seen"], default=0),
                     f"{run['drain_s']:.2f}", run["checkpoints"],
                     f"{run['others_share']:.0%}"])
        rows.append([STALLS, "", "", *latencies(run["stalls"]), "", "", "", ""])
    return table(head("wrk -t2 -c64", "completed sagas/s", "answered/s",
                      after=("most open", "drained in s", "checkpoints",
                             "CPU of others")),
                 rows) + """
A saga counts when its order is ORDER_COMPLETED, and the clock runs until the last
one is. *Most open*: orders answered and not ended, looked at once a second: what
grows there would be a backlog. Checkpoints are those that /metrics tells, with the
removal of old log files behind each. *CPU of others*: what neither the four nor wrk
used; a few percent are the kernel's and the supervisor's. *The machine itself*: how
late it wakes a thread on each processor that goes before all others, every 2 ms
meanwhile (bench/stalls.c): no program can be better than that.
"""


def many(results):
    figures = results["many"]
    rows = [[name, f"{run['sagas_rate']:,.0f}", f"{run['rate']:,.0f}",
             *latencies(run), f"{run['drain_s']:.2f}"]
            for name, run in (
                ("one order per request, 64 connections", figures["single"]),
                (f"{figures['lines']} orders per request, "
                 f"{figures['connections']} connections", figures["many"]))]
    return table(head("", "completed sagas/s", "requests/s",
                      after=("drained in s",)), rows)


def open_loop(results):
    echo = results["open"]["echo"]
    rows = [[f"{echo['rate']:,}/s, {echo['seconds']} s, to the bare echo",
             f"{echo['answered_rate']:,.0f}/s", "to 201",
             f"{echo['answered']['count']:,}", *latencies(echo["answered"])]]
    for run in results["open"]["runs"]:
        for which, words in (("answered", "to 201"), ("ended", "to terminal")):
            rows.append([f"{run['rate']:,}/s, {run['seconds']} s",
                         f"{run['answered_rate']:,.0f}/s", words,
                         f"{run[which]['count']:,}", *latencies(run[which])])
        rows.append(["", "", STALLS, "", *latencies(run["stalls"])])
    return table(head("rate", "kept", "latency", "orders"), rows) + \
        "\n" + HOW_OPEN


def brokers(results):
    figures = results["brokers"]
    rows = [[run["label"], run["batch"], f"{run['produced_rate']:,.0f}",
             f"{run['fetched_rate']:,.0f}", f"{run['peak'] / 2**20:,.0f}"]
            for run in figures["runs"]]
    return table(("broker", "batch", "produced events/s", "fetched events/s",
                  "peak memory, MiB"), rows) + "\n" + HOW_BROKERS.format(
                      nats=NATS_SYNCED if figures["nats_syncs"]
                      else NATS_UNSYNCED)


def growth(results):
    figures = results["growth"]
    rows, stores = [], []
    for run in figures["runs"]:
        rows.append([f"{run['before']:,}", f"{run['sagas_rate']:,.0f}",
                     *[ms(run[point]) for point in
                       ("p50_us", "p99_us", "p99.9_us")],
                     f"{reach.disk_per_order(run):,.0f}",
                     f"{run['ready_s']:.2f}"])
        stores.append([f"{run['before']:,}"] + [
            f"{run['memory'][name]['resident'] / 2**20:.0f} "
            f"({run['memory'][name]['peak'] / 2**20:.0f}), "
            f"{run['disk'].get(name, 0) / run['orders']:,.0f}"
            for name in rig.START_ORDER] + [
                f"{reach.memory_bytes(run) / 2**20:.0f} "
                f"({reach.memory_bytes(run, 'share') / 2**20:.0f})"])
    return table(("orders before", "completed sagas/s", "p50 ms", "p99",
                  "p99.9", "bytes on disk per order",
                  "kill -9 of all to ready, s"), rows) + "\n" + table(
                      ("orders before", *rig.START_ORDER,
                       "all, resident MiB (shared counted once)"), stores) + f"""
{figures['users']:,} users. Below each process: resident MiB (its peak), bytes on
disk per order. Disk is counted in blocks after a stop, which ends with a
checkpoint, over all orders made by then; so the first line, with few orders, holds
what files take at least. kill -9 hits all four and their supervisor while orders
come; then scripts/start-all.sh, until it says ready.
"""


def slow(results):
    figures = results["slow"]
    rows = []
    for connections in reach.SLOW_CLIENTS:
        for name, kind in (("as it is", "plain"), ("2 ms later", "slow")):
            run = figures[kind][connections]
            rows.append([name, connections, f"{run['sagas_rate']:,.0f}",
                         *latencies(run), f"{run['flush_ms']:.2f}",
                         f"{run['drain_s']:.2f}"])
    return table(head("fdatasync", "connections", "completed sagas/s",
                      after=("a sync took, ms", "drained in s")),
                 rows) + HOW_SLOW


def cpu(results):
    figures = results["cpu"]
    rows = [[name, f"{user:.1f}", f"{system:.1f}", f"{user + system:.1f}"]
            for name, (user, system) in figures["per_saga_us"].items()]
    saga = [times for name, times in figures["per_saga_us"].items()
            if name != "wrk"]
    rows.append(["the four", *[f"{sum(times[i] for times in saga):.1f}"
                               for i in (0, 1)],
                 f"{sum(map(sum, saga)):.1f}"])
    return table(("process", "user µs", "system µs", "µs per saga"), rows) + \
        f"\nOver {figures['sagas']:,} sagas (/proc/PID/stat); where it goes: " \
        "docs/PERFORMANCE.md.\n"


SECTIONS = (
    ("ceilings", "1. Ceilings", ceilings),
    ("single", "2. Single orders over HTTP, closed loop", single),
    ("many", "3. Many orders per request (application/x-ndjson)", many),
    ("open", "4. Open loop", open_loop),
    ("brokers", "5. The broker alone, beside its peers", brokers),
    ("growth", "6. Growth", growth),
    ("slow", "7. A slow disk", slow),
    ("cpu", "8. CPU per saga", cpu),
)
PICTURES = {"single": "throughput", "open": "latency", "brokers": "brokers",
            "growth": "growth"}


def section(name, title, words, results, pictures):
    text = f"\n## {title}\n\n"
    if name not in results:
        return text + "Not run.\n"
    if "error" in results[name]:
        return text + f"**Failed**: {results[name]['error']}\n"
    text += words(results)
    picture = PICTURES.get(name)
    if picture in pictures:
        text += f"\n![{picture}]({picture}.svg)\n"
    return text


def others_were_busy(results, load_before):
    few = results.get("single", {}).get("few", {})
    return load_before >= BUSY_LOAD or few.get("others_share", 0) > BUSY_SHARE


def write(directory, bench, minutes, load_before, pictures):
    now = datetime.datetime.now(datetime.timezone.utc)
    results = bench.results
    title = "A quick run of the benchmark: its figures mean nothing" \
        if bench.quick else "The latest run of make bench"
    text = f"""\
# {title}

{now:%Y-%m-%d %H:%M} UTC, commit {bench.commit}, {minutes:.0f} minutes. The load
comes from the same cores. All knobs have their defaults, but for the place, the
port, and `topics` in part 5. Each pipeline's run ended with `sagactl verify`, clean.

Machine: {rig.machine()}; load average before: {load_before:.1f}
{BUSY if others_were_busy(results, load_before) else ""}
Versions: {rig.versions()}

## Reach

"""
    text += table(("what", "measured", "at least", "aim", ""),
                  reach.rows(results))
    for name, heading, words in SECTIONS:
        text += section(name, heading, words, results, pictures)
    (directory / "RESULTS.md").write_text(text, encoding="utf-8")
