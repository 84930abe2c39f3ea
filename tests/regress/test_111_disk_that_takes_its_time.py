"""111: `sagactl verify` and `backup` took a process for one that hangs whose
disk took more than 2 s for a flush: 111, and no backup that night.  A busy
disk may; what hangs is still told of, after as long as by `sagactl parked`.
"""

import fcntl
import os
import subprocess
import time

import pytest

from pipeline import BIN, WAIT_LIMIT_S, Pipeline, wait_for
from powercut_rig import preload_library

STALL_S = 3


class StalledPipeline(Pipeline):
    """A process whose name is a file that somebody has locked waits in its
    next flush."""

    def environment(self):
        return {**super().environment(), "STALL_DIR": str(self.directory),
                "LD_PRELOAD": str(preload_library("stall"))}

    def waits(self, name):
        with open("/proc/locks", encoding="ascii") as locks:
            return any(f" {self.pid(name)} " in line and "->" in line
                       for line in locks)


@pytest.mark.parametrize("name, command", [
    ("payment", ["verify"]), ("ledger", ["backup", "copy"]),
    ("broker", ["verify"])])
def test_111_flush_of_seconds_is_waited_for(tmp_path, name, command):
    with StalledPipeline(supervised=False) as pipeline:
        with open(pipeline.directory / name, "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            order = pipeline.order(5, 1)
            wait_for(lambda: pipeline.waits(name), what="the flush")
            with subprocess.Popen(
                    [BIN / "sagactl", *command], cwd=tmp_path,
                    env={**os.environ, "SAGAPIPE_HOME": str(pipeline.home)},
                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT, text=True) as asks:
                end = time.monotonic() + STALL_S
                wait_for(lambda: asks.poll() is not None or
                         time.monotonic() > end)
                fcntl.flock(lock, fcntl.LOCK_UN)
                said, _ = asks.communicate(timeout=WAIT_LIMIT_S)
        assert asks.returncode == 0, said
        pipeline.ended(order)
