"""A pipeline of a test's own: its home, its port, its four processes.

Two ways to run it:

    with Pipeline() as pipeline:              # scripts/start-all.sh, supervised
    with Pipeline(supervised=False) as ...:   # the processes alone; nobody
                                              # restarts what dies

Further keywords are knobs: Pipeline(drain="0s") sets SAGAPIPE_DRAIN.  The
programs are those in SAGA_BIN, else the tree's bin/.

Tests do not sleep.  wait_for() is the one place that waits for something that
tells nobody when it happens, always with a limit.
"""

import contextlib
import decimal
import errno
import http.client
import json
import os
import pathlib
import random
import re
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

TREE = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("SAGA_BIN", TREE / "bin")).resolve()
START_ORDER = ("broker", "payment", "ledger", "gateway")
STOP_ORDER = tuple(reversed(START_ORDER))

# What the kernel gives to whoever asks for port 0 lies above.
PORTS = range(20000, 32000)
READY_LIMIT_S = 60
STOP_LIMIT_S = 60
WAIT_LIMIT_S = 60
REPLY_LIMIT_S = 60
LOG_LINES_SHOWN = 40
# What no log may hold, however well the restart hid it: a crash, a broken law,
# a sanitizer's finding, data that does not verify.
NEVER_LOGGED = re.compile(
    r".*(?:signal=(?:SEGV|ABRT|BUS|ILL|FPE)|exit=(?:120|23|1) |Sanitizer|"
    r"runtime error:|event=invariant|level=fatal).*")


def wait_for(condition, limit=WAIT_LIMIT_S, what="the condition"):
    """Calls condition until what it returns is true, and returns that."""
    deadline = time.monotonic() + limit
    pause = threading.Event()
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not come true in {limit} s")
        pause.wait(0.005)


def free_port():
    """A port that nobody has now, and that the kernel gives to nobody before
    it is taken."""
    while True:
        port = random.choice(PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@contextlib.contextmanager
def may_be_cut():
    """The other side may close, at any call on the connection."""
    try:
        yield
    except OSError as error:
        # Cut before shutdown(2), a socket is not connected any more.
        if error.errno not in (errno.ECONNRESET, errno.EPIPE, errno.ENOTCONN):
            raise


def clean_environment(**variables):
    """The environment without any SAGAPIPE_ variable but those given."""
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith("SAGAPIPE_")}
    environment.update(variables)
    return environment


class Reply:
    """An HTTP answer.  Numbers with decimals are read as Decimal."""

    def __init__(self, status, headers, text):
        self.status = status
        self.headers = headers
        self.text = text

    @property
    def json(self):
        return json.loads(self.text, parse_float=decimal.Decimal)

    def __repr__(self):
        return f"<{self.status} {self.text[:500]}>"


class Client:
    """One connection, kept open; made again when it broke."""

    def __init__(self, address):
        self.address = address
        self.connection = None

    def request(self, method, path, body=None, headers=None):
        headers = dict(headers or {})
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
        if self.connection is None:
            self.connection = http.client.HTTPConnection(
                self.address, timeout=REPLY_LIMIT_S)
        try:
            self.connection.request(method, path, body, headers)
            answer = self.connection.getresponse()
            if answer.headers.get("Content-Type") == "text/event-stream":
                # It has no end: what it says first, and no more.
                text = answer.readline() + answer.readline()
                self.close()
            else:
                text = answer.read()
            return Reply(answer.status, answer.headers, text.decode())
        except (OSError, http.client.HTTPException):
            self.close()
            raise

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None


class Pipeline:
    made = []       # those whose logs are shown if something fails now

    def __init__(self, supervised=True, home=None, **knobs):
        # Short, because a socket's path has room for 107 bytes.
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="saga-"))
        self.home = pathlib.Path(home) if home else self.directory / "var"
        self.supervised = supervised
        self.knobs = {"http": "127.0.0.1:0", **knobs}
        self.children = {}
        self.closed = False
        self.shown = ""         # the ends of its logs, once they are gone
        Pipeline.made.append(self)
        # A test that damages something on purpose sets this.
        self.crashes_expected = False

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind, value, trace):
        self.close()

    # --- processes ---------------------------------------------------------

    def environment(self):
        knobs = {"SAGAPIPE_" + name.upper(): str(value)
                 for name, value in self.knobs.items()}
        return clean_environment(SAGA_BIN=str(BIN),
                                 SAGAPIPE_HOME=str(self.home), **knobs)

    def script(self, name, *arguments, limit=STOP_LIMIT_S):
        """Runs scripts/NAME; its result with what it printed."""
        return subprocess.run(
            [TREE / "scripts" / name, *arguments], cwd=TREE,
            env=self.environment(), stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=limit)

    def start(self):
        if not self.supervised:
            for name in START_ORDER:
                self.start_process(name)
            return self
        result = self.script("start-all.sh")
        if result.returncode != 0:
            raise RuntimeError(f"start-all.sh: exit {result.returncode}\n"
                               f"{result.stderr}")
        return self

    def stop(self):
        if self.supervised:
            result = self.script("stop-all.sh")
            if result.returncode != 0:
                raise RuntimeError(f"stop-all.sh: {result.stderr}")
            return
        for name in STOP_ORDER:
            self.stop_process(name)

    def start_process(self, name, limit=READY_LIMIT_S):
        """Starts one process without a supervisor; waits until it is ready."""
        (self.home / "log").mkdir(parents=True, exist_ok=True, mode=0o700)
        reader, writer = os.pipe()
        with open(self.home / "log" / f"{name}.log", "ab") as log:
            child = subprocess.Popen(
                [BIN / name], cwd=TREE, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, pass_fds=[writer],
                env={**self.environment(), "READY_FD": str(writer)})
        os.close(writer)
        self.children[name] = child
        try:
            ready, _, _ = select.select([reader], [], [], limit)
            told = os.read(reader, 64) if ready else b""
        finally:
            os.close(reader)
        if told != b"ready\n":
            code = child.poll() if ready else "none: it still runs"
            raise RuntimeError(f"{name} is not ready (exit code "
                               f"{child.wait(5) if ready else code})\n"
                               f"{self.log(name)[-2000:]}")
        return child

    def stop_process(self, name, limit=STOP_LIMIT_S):
        """SIGTERM, and its exit code."""
        child = self.children.pop(name, None)
        if child is None:
            return None
        child.send_signal(signal.SIGTERM)
        return child.wait(limit)

    def pid(self, name):
        """The pid in run/NAME.pid, or None if no such process lives."""
        try:
            pid = int((self.home / "run" / f"{name}.pid").read_text())
            os.kill(pid, 0)
        except (FileNotFoundError, ValueError, ProcessLookupError):
            return None
        return pid

    def kill(self, name, number=signal.SIGKILL):
        """Signals one process; returns its pid."""
        pid = self.pid(name)
        assert pid is not None, f"{name} does not run"
        os.kill(pid, number)
        if number == signal.SIGKILL and name in self.children:
            self.children.pop(name).wait(STOP_LIMIT_S)
        return pid

    def kill_all(self):
        """kill -9 of everything at once, the supervisor first."""
        pids = [self.pid(name) for name in ("supervisor",) + START_ORDER]
        for pid in pids:
            if pid is not None:
                os.kill(pid, signal.SIGKILL)
        for child in self.children.values():
            child.wait(STOP_LIMIT_S)
        self.children.clear()
        for pid in pids:
            if pid is not None:
                wait_for(lambda: not alive(pid), what=f"the end of {pid}")

    def restarted(self, name, old_pid, limit=READY_LIMIT_S):
        """Waits until the supervisor's log tells that NAME is ready with
        another pid."""
        def ready_again():
            new = self.pid(name)
            return (new not in (None, old_pid) and
                    f"event=ready name={name} pid={new} "
                    in self.log("supervisor"))
        wait_for(ready_again, limit, f"the restart of {name}")

    def close(self):
        """Stops everything, whatever state it is in, and cleans up."""
        if self.closed:
            return
        self.closed = True
        try:
            self.end()
            crashes = self.crashes()
            assert self.crashes_expected or not crashes, "\n".join(crashes)
        finally:
            self.shown = self.last_log_lines()
            shutil.rmtree(self.directory, ignore_errors=True)

    def end(self):
        if self.supervised and self.home.exists():
            self.script("stop-all.sh")
        for name in STOP_ORDER:
            child = self.children.pop(name, None)
            if child is not None:
                child.terminate()
                try:
                    child.wait(STOP_LIMIT_S)
                except subprocess.TimeoutExpired:
                    child.kill()
                    child.wait()
        if self.supervised and self.pid("supervisor"):
            self.kill_all()

    # --- logs --------------------------------------------------------------

    def log(self, name):
        try:
            return (self.home / "log" / f"{name}.log").read_text(
                errors="replace")
        except FileNotFoundError:
            return ""

    def last_log_lines(self):
        """The ends of all logs, for a failed test's report."""
        if self.shown:
            return self.shown
        parts = []
        for path in sorted((self.home / "log").glob("*.log")):
            lines = path.read_text(errors="replace").splitlines()
            parts.append(f"--- {path.name}")
            parts.extend(lines[-LOG_LINES_SHOWN:])
        return "\n".join(parts)

    def crashes(self):
        """The lines of all logs that must never be there."""
        return [f"{path.name}: {line}"
                for path in sorted((self.home / "log").glob("*.log"))
                for line in NEVER_LOGGED.findall(
                    path.read_text(errors="replace"))]

    # --- HTTP --------------------------------------------------------------

    @property
    def url(self):
        return (self.home / "run" / "gateway.url").read_text().strip()

    def client(self):
        return Client(self.url.removeprefix("http://"))

    def request(self, method, path, body=None, headers=None):
        client = self.client()
        try:
            return client.request(method, path, body, headers)
        finally:
            client.close()

    def get(self, path):
        return self.request("GET", path)

    def json(self, path):
        """GET that must answer 200; the body."""
        reply = self.get(path)
        assert reply.status == 200, reply
        return reply.json

    def order(self, user, product, **fields):
        """Posts an order that must be accepted; its id."""
        reply = self.request("POST", "/orders", {
            "userId": user, "productId": product, **fields})
        assert reply.status == 201, reply
        assert reply.json["status"] == "ORDER_CREATED", reply
        return reply.json["id"]

    def ended(self, order_id, limit=WAIT_LIMIT_S):
        """Waits until the order is terminal; the order."""
        def terminal():
            order = self.json(f"/orders/{order_id}")
            return order if order["status"] != "ORDER_CREATED" else None
        return wait_for(terminal, limit, f"the end of order {order_id}")

    def all_rows(self, path, key="id"):
        """Every row of a list, page after page along Link: rel=next."""
        rows = []
        while path:
            reply = self.get(path)
            assert reply.status == 200, reply
            rows.extend(reply.json)
            path = next_page(reply)
        assert len({row[key] for row in rows}) == len(rows), "repeated rows"
        return rows

    def open_user(self, user, balance):
        """Opens an account and waits until payment has confirmed it."""
        reply = self.request("POST", "/users",
                             {"userId": user, "balance": balance})
        assert reply.status == 202, reply
        wait_for(lambda: self.user_active(user), what=f"user {user}")

    def user_active(self, user):
        reply = self.get(f"/users/{user}")
        return reply.status == 200 and reply.json["state"] == "ACTIVE"

    def metric(self, name):
        """The value of one sample, written as in the text format."""
        for line in self.get("/metrics").text.splitlines():
            if line.startswith(name + " "):
                return float(line.rsplit(" ", 1)[1])
        return None


def next_page(reply):
    """The path of Link: <path>; rel="next", or None."""
    link = reply.headers.get("Link")
    if not link:
        return None
    target, _, relation = link.partition(";")
    assert relation.strip() == 'rel="next"', link
    target = target.strip()
    assert target.startswith("<") and target.endswith(">"), link
    target = target[1:-1]
    return target if target.startswith("/") else \
        "/" + target.split("/", 3)[3]


def alive(pid):
    """True unless the process is gone, or a zombie with no thread left: what
    one of them waits for, the disk, keeps its files and its lock."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            if stat.read().rsplit(")", 1)[1].split()[0] != "Z":
                return True
        return len(os.listdir(f"/proc/{pid}/task")) > 1
    except (FileNotFoundError, ProcessLookupError):
        return False
