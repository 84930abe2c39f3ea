"""bench.py ECHO SECONDS - measures the pipeline and the bare HTTP echo.

A pipeline of its own in a temporary home, 1,000 users with ample credit, wrk
with 64 connections that post orders (post.lua).  A saga counts when its order
is ORDER_COMPLETED, and the clock runs until the last one is: what is only
accepted and waits somewhere is no throughput.  The echo runs before and after,
because a machine's speed moves from minute to minute.
"""

import datetime
import os
import pathlib
import platform
import re
import subprocess
import sys
import time

TREE = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TREE / "tests" / "support"))

from pipeline import Pipeline, wait_for  # noqa: E402

THREADS, CONNECTIONS = 2, 64
FIRST_USER, USERS = 1001, 1000
CREDIT = "1000000000.00"
WARM_UP_S = 2
DRAIN_LIMIT_S = 300
PACKAGES = ("libmicrohttpd12", "libzmq5", "libdb5.3", "libmsgpackc2", "wrk")


def say(text):
    print(text, flush=True)


def load(url, seconds):
    """Runs wrk; its figures as a dictionary of numbers."""
    result = subprocess.run(
        ["wrk", f"-t{THREADS}", f"-c{CONNECTIONS}", f"-d{seconds}s",
         "--timeout", "10s", "-s", TREE / "bench" / "post.lua", url],
        env={**os.environ, "USERS": str(USERS),
             "FIRST_USER": str(FIRST_USER)},
        capture_output=True, text=True, check=True)
    line = re.search(r"^bench (.*)$", result.stdout, re.MULTILINE).group(1)
    figures = {name: int(value) for name, value in
               (pair.split("=") for pair in line.split())}
    figures["rate"] = figures["requests"] * 1e6 / figures["duration_us"]
    return figures


def measure_echo(program, seconds):
    with subprocess.Popen([program], stdout=subprocess.PIPE,
                          text=True) as echo:
        try:
            url = echo.stdout.readline().strip()
            load(url, WARM_UP_S)
            return load(url, seconds)
        finally:
            echo.terminate()


def open_users(pipeline):
    client = pipeline.client()
    for user in range(FIRST_USER, FIRST_USER + USERS):
        reply = client.request("POST", "/users",
                               {"userId": user, "balance": CREDIT})
        assert reply.status == 202, reply
    path = f"/users?limit={USERS}&after={FIRST_USER - 1}"

    def all_active():
        rows = client.request("GET", path).json
        return sum(row["state"] == "ACTIVE" for row in rows) == USERS
    wait_for(all_active, what="1,000 active users")
    client.close()


def reached(client):
    """How many orders reached each status so far."""
    text = client.request("GET", "/metrics").text
    return {status: int(count) for status, count in re.findall(
        r'^sagapipe_orders_total\{status="ORDER_(\w+)"\} (\d+)', text,
        re.MULTILINE)}


def drain(client):
    def all_ended():
        counts = reached(client)
        ended = sum(counts.values()) - counts["CREATED"]
        return counts if ended == counts["CREATED"] else None
    return wait_for(all_ended, DRAIN_LIMIT_S, "the end of all orders")


def measure_pipeline(pipeline, seconds):
    client = pipeline.client()
    load(pipeline.url, WARM_UP_S)
    before = drain(client)
    start = time.monotonic()
    figures = load(pipeline.url, seconds)
    after = drain(client)
    figures["elapsed_s"] = time.monotonic() - start
    figures["completed"] = after["COMPLETED"] - before["COMPLETED"]
    figures["failed"] = after["FAILED"] - before["FAILED"]
    figures["sagas_rate"] = figures["completed"] / figures["elapsed_s"]
    client.close()
    return figures


def machine():
    model = re.search(r"^model name\s*: (.*)$",
                      pathlib.Path("/proc/cpuinfo").read_text(),
                      re.MULTILINE)
    file_system = subprocess.run(
        ["findmnt", "-no", "FSTYPE", "-T", "/tmp"], capture_output=True,
        text=True, check=False).stdout.strip()
    return (f"{os.cpu_count()} cores ({model.group(1) if model else '?'}), "
            f"Linux {'.'.join(platform.release().split('.')[:2])}, "
            f"{file_system}")


def versions():
    lines = subprocess.run(
        ["dpkg-query", "--show", "--showformat=${Package} ${Version}, ",
         *PACKAGES], capture_output=True, text=True, check=False).stdout
    return lines.rstrip(", ")


def report(seconds, load_before, echoes, figures):
    echo = sum(figure["rate"] for figure in echoes) / len(echoes)
    rows = [
        ("completed sagas/s", f"{figures['sagas_rate']:,.0f}"),
        ("answered orders/s", f"{figures['rate']:,.0f}"),
        ("p50 / p99 / max of POST /orders, ms",
         " / ".join(f"{figures[name] / 1000:.1f}"
                    for name in ("p50_us", "p99_us", "max_us"))),
        ("bare HTTP echo, requests/s, before and after",
         " / ".join(f"{figure['rate']:,.0f}" for figure in echoes)),
        ("sagas / echo", f"{figures['sagas_rate'] / echo:.2f}"),
        ("completed, failed, refused, socket errors",
         f"{figures['completed']:,}, {figures['failed']}, "
         f"{figures['refused']}, {figures['socket_errors']}"),
        ("drained after the load, s",
         f"{figures['elapsed_s'] - figures['duration_us'] / 1e6:.2f}"),
        ("load average before (others' work on these cores)",
         f"{load_before:.1f}"),
    ]
    text = "\n".join(f"| {name} | {value} |" for name, value in rows)
    for name, value in rows:
        say(f"    {name}: {value}")
    now = datetime.datetime.now(datetime.timezone.utc)
    (TREE / "bench" / "RESULTS.md").write_text(f"""\
# The latest run of make bench

{now:%Y-%m-%d %H:%M} UTC, {seconds} s each, wrk -t{THREADS} -c{CONNECTIONS} \
on the same machine, {USERS:,} users

| figure | value |
|---|---|
{text}

Machine: {machine()}

Versions: {versions()}
""")


def main():
    program, seconds = sys.argv[1], int(sys.argv[2])
    load_before = os.getloadavg()[0]
    say(f"bench: echo, {seconds} s")
    echoes = [measure_echo(program, seconds)]
    say(f"bench: pipeline, {USERS} users, {seconds} s")
    with Pipeline(drain="60s") as pipeline:
        open_users(pipeline)
        figures = measure_pipeline(pipeline, seconds)
    say(f"bench: echo again, {seconds} s")
    echoes.append(measure_echo(program, seconds))
    report(seconds, load_before, echoes, figures)


if __name__ == "__main__":
    main()
