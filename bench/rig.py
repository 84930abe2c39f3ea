"""What every part of the benchmark measures with.

A part asks for a Bench: how long, how many, where the programs are.  It gets a
pipeline of its own from bench.pipeline(), which ends with all orders ended and
`sagactl verify` clean, or with an exception: no figure of a run that lost a cent
is ever told.
"""

import contextlib
import json
import os
import pathlib
import platform
import re
import resource
import subprocess
import sys
import time

TREE = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TREE / "tests" / "support"))

from pipeline import BIN, START_ORDER, Pipeline, wait_for  # noqa: E402

TOOLS = pathlib.Path(os.environ.get("BENCH_BUILD", TREE / "build")).resolve()
THREADS, CONNECTIONS = 2, 64
FIRST_USER, FEW_USERS, MANY_USERS = 1001, 1000, 100000
CREDIT = "1000000000.00"
DRAIN_LIMIT_S = 600
VERIFY_LIMIT_S = 1800
CHECKPOINTS = "sagapipe_store_checkpoints_total"
PACKAGES = ("libmicrohttpd12", "libzmq5", "libdb5.3", "libmsgpackc2", "wrk",
            "nats-server", "redis-server")


class Wrong(Exception):
    """A run whose figures mean nothing."""


def say(text):
    print(f"bench: {text}", flush=True)


class Bench:
    """How much is done; quick: a few seconds per part, to see that all runs."""

    def __init__(self, quick=False, growth=1000000):
        self.quick = quick
        self.growth = growth
        self.commit = commit()  # before pictures change the tree
        self.results = {}

    def seconds(self, wanted):
        return 2 if self.quick else wanted

    @property
    def many_users(self):
        return 5000 if self.quick else MANY_USERS

    @contextlib.contextmanager
    def pipeline(self, users=FEW_USERS, kind=None, **knobs):
        with (kind or Pipeline)(drain="60s", **knobs) as pipeline:
            if users:
                open_users(pipeline, users)
            yield pipeline
            drain(pipeline)
            verify(pipeline)


def tool(name, *arguments, limit=900):
    """Runs a program of bench/; the JSON that it prints."""
    result = subprocess.run(
        [TOOLS / "bench" / name, *map(str, arguments)], capture_output=True,
        text=True, timeout=limit)
    if result.returncode != 0:
        raise Wrong(f"{name}: {result.stderr.strip()}")
    return json.loads(result.stdout)


class Stalls:
    """How late the machine itself is meanwhile (stalls.c): figures, afterwards."""

    def __init__(self, seconds):
        self.seconds, self.figures, self.process = seconds, None, None

    def __enter__(self):
        self.process = subprocess.Popen(
            [TOOLS / "bench" / "stalls", str(self.seconds)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        return self

    def __exit__(self, kind, *_):
        if kind:
            self.process.kill()
        output, errors = self.process.communicate(timeout=self.seconds + 60)
        if kind is None and self.process.returncode != 0:
            raise Wrong(f"stalls: {errors.strip()}")
        self.figures = None if kind else json.loads(output)["late"]


# --- a pipeline -------------------------------------------------------------

def counts(pipeline):
    """How many orders reached each status so far."""
    text = pipeline.get("/metrics").text
    return {status: int(count) for status, count in re.findall(
        r'^sagapipe_orders_total\{[^}]*status="ORDER_(\w+)"[^}]*\} (\d+)',
        text, re.MULTILINE)}


def metric_sum(pipeline, name):
    """A metric, summed over whatever labels it has."""
    samples = re.findall(rf"^{name}(?:\{{[^}}]*\}})? (\S+)$",
                         pipeline.get("/metrics").text, re.MULTILINE)
    if not samples:
        raise Wrong(f"/metrics has no {name}")
    return sum(map(float, samples))


def open_orders(now):
    return 2 * now["CREATED"] - sum(now.values())


def drain(pipeline):
    """Waits until every order has ended; the counts then."""
    def all_ended():
        now = counts(pipeline)
        return now if open_orders(now) == 0 else None
    return wait_for(all_ended, DRAIN_LIMIT_S, "the end of all orders")


def verify(pipeline):
    result = subprocess.run(
        [BIN / "sagactl", "--home", pipeline.home, "verify"],
        env=pipeline.environment(), capture_output=True, text=True,
        timeout=VERIFY_LIMIT_S)
    if result.returncode != 0:
        raise Wrong(f"sagactl verify: exit {result.returncode}\n"
                    f"{result.stdout}{result.stderr}")


def open_users(pipeline, users):
    tool("load", "users", pipeline.url, FIRST_USER, users, CREDIT)

    def all_active():
        rows, after = 0, FIRST_USER - 1
        while rows < users:
            page = pipeline.json(f"/users?limit=1000&after={after}")
            rows += len(page)
            if not page or any(row["state"] != "ACTIVE" for row in page):
                return False
            after = page[-1]["id"]
        return True
    wait_for(all_active, 120, f"{users} active accounts")


def processes(pipeline):
    return {name: pipeline.pid(name) for name in START_ORDER}


def cpu_seconds(pid):
    """User and system time that a process used."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text(
        encoding="ascii").rsplit(")", 1)[1].split()
    tick = os.sysconf("SC_CLK_TCK")
    return int(fields[11]) / tick, int(fields[12]) / tick


def busy_seconds():
    """What all processors together worked, for whomever."""
    fields = pathlib.Path("/proc/stat").read_text("ascii").split("\n")[0]
    ticks = [int(field) for field in fields.split()[1:9]]
    idle = ticks[3] + ticks[4]
    return (sum(ticks) - idle) / os.sysconf("SC_CLK_TCK")


def memory(pid):
    """In bytes: resident now, the most that ever was, and its own share of
    what is resident (libraries are shared by all four)."""
    text = "".join(pathlib.Path(f"/proc/{pid}/{name}").read_text("ascii")
                   for name in ("status", "smaps_rollup"))
    return {name: int(re.search(rf"^{key}:\s+(\d+) kB", text,
                                re.MULTILINE).group(1)) * 1024
            for name, key in (("resident", "VmRSS"), ("peak", "VmHWM"),
                              ("share", "Pss"))}


# --- a load -----------------------------------------------------------------

def wrk(url, seconds, users=FEW_USERS, lines=1, connections=CONNECTIONS):
    """Starts wrk with post.lua."""
    return subprocess.Popen(
        ["wrk", f"-t{THREADS}", f"-c{connections}", f"-d{seconds}s",
         "--timeout", "30s", "-s", TREE / "bench" / "post.lua", url],
        env={**os.environ, "USERS": str(users), "LINES": str(lines),
             "FIRST_USER": str(FIRST_USER)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wrk_figures(output):
    line = re.search(r"^bench (.*)$", output, re.MULTILINE)
    if line is None:
        raise Wrong(f"wrk: {output}")
    figures = {name: int(value) for name, value in
               (pair.split("=") for pair in line.group(1).split())}
    figures["rate"] = figures["requests"] * 1e6 / figures["duration_us"]
    return figures


def load(url, seconds, meanwhile=None, **shape):
    """Runs wrk; its figures.  Calls meanwhile once a second."""
    with wrk(url, seconds, **shape) as process:
        while True:
            try:
                output, errors = process.communicate(timeout=1)
                break
            except subprocess.TimeoutExpired:
                if meanwhile:
                    meanwhile()
    return wrk_figures(output + errors)


def measure(pipeline, seconds, **shape):
    """Orders for so long; what came of them.

    A saga counts when its order is ORDER_COMPLETED, and the clock runs until
    the last one is: what was accepted and waits somewhere is no throughput.
    """
    before, pids = drain(pipeline), processes(pipeline)
    cpu_before = {name: cpu_seconds(pid) for name, pid in pids.items()}
    checkpoints = metric_sum(pipeline, CHECKPOINTS)
    open_seen = []
    used, busy = resource.getrusage(resource.RUSAGE_CHILDREN), busy_seconds()
    start = time.monotonic()
    figures = load(pipeline.url, seconds, lambda: open_seen.append(
        open_orders(counts(pipeline))), **shape)
    loaded = time.monotonic()
    after = drain(pipeline)
    figures["elapsed_s"] = time.monotonic() - start
    figures["drain_s"] = time.monotonic() - loaded
    for name in ("CREATED", "COMPLETED", "FAILED"):
        figures[name.lower()] = after[name] - before[name]
    figures["sagas_rate"] = figures["completed"] / figures["elapsed_s"]
    figures["open_seen"] = open_seen
    used_now = resource.getrusage(resource.RUSAGE_CHILDREN)
    figures["cpu"] = {
        name: [after - before for after, before in
               zip(cpu_seconds(pid), cpu_before[name])]
        for name, pid in pids.items()}
    figures["cpu"]["wrk"] = [used_now.ru_utime - used.ru_utime,
                             used_now.ru_stime - used.ru_stime]
    ours = sum(map(sum, figures["cpu"].values()))
    figures["others_share"] = max(0, busy_seconds() - busy - ours) / (
        figures["elapsed_s"] * os.cpu_count())
    figures["checkpoints"] = int(metric_sum(pipeline, CHECKPOINTS) -
                                 checkpoints)
    check_honest(figures)
    return figures


def check_honest(figures):
    for name in ("failed", "refused", "socket_errors"):
        if figures[name] != 0:
            raise Wrong(f"{figures[name]} {name}, which no run here should "
                        "have: credit is ample, the load bearable")


@contextlib.contextmanager
def echo_server():
    with subprocess.Popen([TOOLS / "bench" / "echo"], stdout=subprocess.PIPE,
                          text=True) as process:
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def measure_echo(seconds):
    with echo_server() as url:
        load(url, 1)
        return load(url, seconds)


def warm_up(pipeline, bench, **shape):
    load(pipeline.url, bench.seconds(3), **shape)


# --- where this runs --------------------------------------------------------

def machine():
    model = re.search(r"^model name\s*: (.*)$",
                      pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8"),
                      re.MULTILINE)
    file_system = subprocess.run(
        ["findmnt", "-no", "FSTYPE,OPTIONS", "-T",
         os.environ.get("TMPDIR", "/tmp")],
        capture_output=True, text=True, check=False).stdout.split()
    memory_kb = int(re.search(r"^MemTotal:\s+(\d+)", pathlib.Path(
        "/proc/meminfo").read_text(encoding="ascii"), re.MULTILINE).group(1))
    options = file_system[1].split(",") if len(file_system) > 1 else []
    return (f"{os.cpu_count()} cores ({model.group(1) if model else '?'}), "
            f"{memory_kb / 2**20:.0f} GiB, "
            f"Linux {'.'.join(platform.release().split('.')[:2])}, "
            f"{file_system[0] if file_system else '?'}"
            f"{' with discard' if 'discard' in options else ''}")


def versions():
    lines = subprocess.run(
        ["dpkg-query", "--show", "--showformat=${Package} ${Version}\n",
         *PACKAGES], capture_output=True, text=True, check=False).stdout
    return ", ".join(lines.splitlines())


def commit():
    return subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=TREE,
        capture_output=True, text=True, check=False).stdout.strip() or "?"
