"""The one who kills and stops processes of a pipeline at random moments."""

import os
import pathlib
import signal
import subprocess
import threading
import time

from pipeline import BIN, START_ORDER, TREE, WAIT_LIMIT_S, alive, wait_for

PAUSE_S = (0.05, 1.5)
STOP_S = (0.1, 3.0)
# A kind of trouble, how often, and the method that makes it.
KINDS = (
    ("kill_one", 30), ("kill_two", 8), ("kill_four", 8), ("kill_all", 14),
    ("kill_supervisor", 4), ("kill_again", 10), ("stop_one", 16),
    ("stop_one_kill_other", 6), ("restart", 4),
)


class Killer(threading.Thread):
    def __init__(self, pipeline, rng):
        super().__init__(name="killer", daemon=True)
        self.pipeline = pipeline
        self.rng = rng
        self.stopping = threading.Event()
        self.counts = {kind: 0 for kind, _ in KINDS}
        self.kills = 0
        self.refused_starts = 0
        self.failure = None
        self.stopped_pid = None

    def run(self):
        kinds, weights = zip(*KINDS)
        try:
            while not self.stopping.wait(self.rng.uniform(*PAUSE_S)):
                kind = self.rng.choices(kinds, weights)[0]
                getattr(self, kind)()
                self.counts[kind] += 1
        except Exception as failure:
            self.failure = failure

    def stop(self):
        self.stopping.set()
        if self.is_alive():
            self.join(180)

    def heal(self, start=True):
        """Continues what is stopped; starts what is down."""
        if self.stopped_pid is not None:
            self.signal(self.stopped_pid, signal.SIGCONT)
            self.stopped_pid = None
        if start and self.failure:
            raise self.failure
        if start and self.supervisor() is None:
            self.start_all()
        elif start:
            self.hurry()

    def figures(self):
        kinds = " ".join(f"{kind}={count}"
                         for kind, count in self.counts.items())
        refused = (f" refused_starts={self.refused_starts}"
                   if self.refused_starts else "")
        return f"kills={self.kills} {kinds}{refused}"

    # --- who is who ----------------------------------------------------------

    def process(self, name):
        """Its pid, if that is surely a process of ours, else None."""
        pid = self.pipeline.pid(name)
        try:
            program = os.readlink(f"/proc/{pid}/exe")
        except OSError:
            return None
        return pid if program == str(BIN / name) else None

    def supervisor(self):
        pid = self.pipeline.pid("supervisor")
        try:
            words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return None
        return pid if str(self.pipeline.home).encode() in words else None

    @staticmethod
    def signal(pid, number):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return False
        return True

    def kill(self, names):
        """kill -9 of all of them, without a pause between."""
        pids = [self.supervisor() if name == "supervisor"
                else self.process(name) for name in names]
        for pid in pids:
            if pid is not None and self.signal(pid, signal.SIGKILL):
                self.kills += 1
        return [pid for pid in pids if pid is not None]

    def hurry(self):
        """The supervisor forgets its back-off, or all would wait for it."""
        pid = self.supervisor()
        if pid is not None:
            self.signal(pid, signal.SIGHUP)

    # --- kinds of trouble ------------------------------------------------------

    def kill_one(self):
        self.kill([self.rng.choice(START_ORDER)])
        self.hurry()

    def kill_two(self):
        self.kill(self.rng.sample(START_ORDER, 2))
        self.hurry()

    def kill_four(self):
        self.kill(self.rng.sample(START_ORDER, 4))
        self.hurry()

    def kill_again(self):
        """The second time while it recovers, or soon after."""
        name = self.rng.choice(START_ORDER)
        delay = self.rng.uniform(0, 0.1)
        killed = self.kill([name])
        self.hurry()
        if killed:
            wait_for(lambda: self.process(name) not in (None, killed[0]) or
                     self.stopping.is_set(), what=f"the restart of {name}")
            self.stopping.wait(delay)
            self.kill([name])
            self.hurry()

    def kill_all(self):
        pids = self.kill(["supervisor"] + self.rng.sample(START_ORDER, 4))
        for pid in pids:
            wait_for(lambda pid=pid: not alive(pid), what=f"the end of {pid}")
        self.start_all()

    def kill_supervisor(self):
        """The four are left behind; start-all.sh finds and stops them."""
        for pid in self.kill(["supervisor"]):
            wait_for(lambda pid=pid: not alive(pid), what=f"the end of {pid}")
        self.start_all()

    def stop_one(self):
        self.stop_while(self.rng.choice(START_ORDER), lambda: None)

    def stop_one_kill_other(self):
        stopped, killed = self.rng.sample(START_ORDER, 2)
        self.stop_while(stopped, lambda: self.kill([killed]))
        self.hurry()

    def stop_while(self, name, action):
        seconds = self.rng.uniform(*STOP_S)
        pid = self.process(name)
        if pid is None or not self.signal(pid, signal.SIGSTOP):
            return
        self.stopped_pid = pid
        action()
        self.stopping.wait(seconds)
        self.signal(pid, signal.SIGCONT)
        self.stopped_pid = None

    def restart(self):
        self.pipeline.stop()
        self.start_all()

    def start_all(self):
        """What a killed supervisor was just starting may hold a lock for a
        moment; then the start is refused (100), and tried again as a user
        would."""
        until = time.monotonic() + WAIT_LIMIT_S

        def started():
            result = subprocess.run(
                [TREE / "scripts" / "start-all.sh"], cwd=TREE,
                env=self.pipeline.environment(), stdin=subprocess.DEVNULL,
                capture_output=True, text=True, timeout=120)
            if result.returncode == 0:
                return True
            if result.returncode != 100 or time.monotonic() > until:
                raise AssertionError(f"start-all.sh: exit {result.returncode}"
                                     f"\n{result.stdout}{result.stderr}")
            self.refused_starts += 1
            return False
        wait_for(started, 2 * WAIT_LIMIT_S, "a start")
