"""040: a process whose watcher was killed was nobody's any more.

Each process has a shell of its own that waits for its end and tells the
supervisor.  With that one killed (an OOM killer may) the process was not
started again when it died, and a stop waited for it for ever.
"""

import contextlib
import os
import signal

import pytest

from pipeline import wait_for
from test_002_supervisor_reads_half_a_line import parent


def lives(pid):
    """False of one that ended, also if nobody asked for its status."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError), \
            open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        return stat.read().rsplit(") ", 1)[1][0] != "Z"
    return False


@pytest.mark.parametrize("name", ["payment", "broker"])
def test_040_process_without_a_watcher_is_started_anew(make_pipeline, name):
    pipeline = make_pipeline(drain="1s").start()
    order = pipeline.order(5, 1)
    first = pipeline.pid(name)
    os.kill(parent(first), signal.SIGKILL)
    wait_for(lambda: f"event=lost name={name} pid={first}" in
             pipeline.log("supervisor"), what="word of the loss")
    wait_for(lambda: pipeline.pid(name) not in (None, first),
             what="another process")
    assert pipeline.ended(order)["status"] == "ORDER_COMPLETED"
    assert pipeline.ended(pipeline.order(4, 1))["status"] == "ORDER_COMPLETED"
    pipeline.stop()
    log = pipeline.log("supervisor")
    assert "event=stopped exit=0" in log
    assert "bad array subscript" not in log


def test_040_stop_ends_what_nobody_watches(make_pipeline):
    pipeline = make_pipeline(drain="0s").start()
    gateway = pipeline.pid("gateway")
    os.kill(parent(gateway), signal.SIGKILL)
    pipeline.stop()
    assert not lives(gateway)
    assert "event=stopped exit=0" in pipeline.log("supervisor")
