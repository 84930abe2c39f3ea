"""sagactl filter in tests: starts one, and reads what it answered."""

import json
import os
import select
import signal
import subprocess
import sys

import msgpack

from pipeline import BIN, READY_LIMIT_S, STOP_LIMIT_S, TREE, wait_for
from sagabus import Bus


class Filter:
    """A filter that runs, or its end."""

    def __init__(self, pipeline, command, wait_until_ready=True, out=None):
        self.log_path = pipeline.home / "log" / "filter.log"
        reader, writer = os.pipe()
        with open(self.log_path, "ab") as log:
            self.child = subprocess.Popen(
                [str(word) for word in command], cwd=TREE,
                stdin=subprocess.DEVNULL, stdout=out or log, stderr=log,
                pass_fds=[writer],
                env={**pipeline.environment(), "READY_FD": str(writer)})
        os.close(writer)
        ready, _, _ = select.select([reader], [], [], READY_LIMIT_S)
        told = os.read(reader, 64) if ready else b""
        os.close(reader)
        if wait_until_ready:
            assert told == b"ready\n", self.log()

    def log(self):
        return self.log_path.read_text()

    def stop(self):
        self.child.send_signal(signal.SIGTERM)
        return self.child.wait(STOP_LIMIT_S)

    def kill(self):
        self.child.kill()
        self.child.wait(STOP_LIMIT_S)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.child.poll() is None:
            self.kill()


def filtered(pipeline, name, *program, source="payments", to="reviews",
             options=(), wait_until_ready=True):
    target = ["--to", to] if to else []
    return Filter(pipeline, [
        BIN / "sagactl", "filter", "--name", name, "--from", source, *target,
        *options, "--", *program], wait_until_ready)


def python(code):
    """A lasting filter: answer(event) gives the answer's lines."""
    return (sys.executable, "-c", f"""
import json, os, signal, sys
{code}
for line in sys.stdin:
    event = json.loads(line)
    for text in answer(event, event["data"]):
        print(text)
    print(flush=True)
""")


def reviews(pipeline, source, partition=0):
    """What this filter wrote there, in order: its CloudEvents' members."""
    found, offset = [], 0
    with Bus(f"ipc://{pipeline.home}/run/broker.ipc") as bus:
        while True:
            events = list(bus.fetch("reviews", partition, offset).events(offset))
            if not events:
                return found
            for offset, _, octets in events:
                event = msgpack.unpackb(octets)
                if event["source"] == source:
                    assert event["type"] == "Foreign"
                    found.append(json.loads(event["event"]))
            offset += 1


def comes(pipeline, source, count, partitions=(0,)):
    """Waits for so many answers; there must never be more."""
    found = wait_for(lambda: len(rows := [
        row for partition in partitions
        for row in reviews(pipeline, source, partition)]) >= count and rows,
        what=f"{count} answers of {source}")
    assert len(found) == count, found
    return found
