"""031: `sagactl backup DIR` replaced whatever was in DIR/gateway and the others.

Of a home that was its own running stores: they were emptied, and so could
everybody in the home's group do it through a process's door.  `verify --copy`
and `restore` took a running home's data for a backup: the first recovered it
in place, which was its end.  A backup that failed half-way, or whose broker
was restarted and so not held, stayed where it was and could be restored.
A blank in DIR made payment, ledger and gateway copy into what stood before it.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import threading

import pytest

from pipeline import BIN, START_ORDER, clean_environment

EXIT_SYSTEM = 111
NAMES = sorted(START_ORDER)


def sagactl(home, *arguments):
    return subprocess.run(
        [BIN / "sagactl", "--home", str(home), *map(str, arguments)],
        capture_output=True, text=True, timeout=120, env=clean_environment())


def refused(result, words, code=100):
    assert (result.returncode, result.stdout) == (code, ""), result
    assert words in result.stderr, result.stderr


def good(result):
    assert result.returncode == 0, result
    return result


@pytest.fixture(name="pipeline")
def _pipeline(make_pipeline):
    return make_pipeline(supervised=False).start()


def test_031_stores_of_a_running_home_are_no_place_and_no_backup(
        pipeline, make_pipeline):
    order = pipeline.order(5, 1)
    pipeline.ended(order)
    data = pipeline.home / "data"
    refused(sagactl(pipeline.home, "backup", data), "File exists")
    refused(sagactl(pipeline.home, "verify", "--copy", data), "is held by")
    other = make_pipeline()
    refused(sagactl(other.home, "restore", data), "is in use")
    assert not any((other.home / "data").iterdir())
    pipeline.stop()
    pipeline.start()
    assert pipeline.ended(order)["status"] == "ORDER_COMPLETED"
    good(sagactl(pipeline.home, "verify"))


def test_031_a_door_copies_only_to_where_nothing_is(pipeline, tmp_path):
    def ask(name, request):
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as door:
            door.settimeout(60)
            door.connect(str(pipeline.home / "run" / f"{name}.ctl"))
            door.send(request.encode())
            return json.loads(door.recv(100000))

    for name in START_ORDER:
        own = pipeline.home / "data" / name
        # The library renames a new table's file to its name.
        before = {file for file in os.listdir(own) if file[:2] != "__"}
        assert "is there already" in ask(name, f"backup {own}")["error"]
        assert "is there already" in ask(name, f"backup {tmp_path}")["error"]
        assert before <= set(os.listdir(own))
    assert os.listdir(tmp_path) == []


def test_031_a_second_backup_leaves_the_first_alone(pipeline, tmp_path):
    copy = tmp_path / "of my old pipeline"
    assert good(sagactl(pipeline.home, "backup", copy)).stdout \
        == f"copied={copy}/{{gateway,payment,ledger,broker}}\n"
    assert sorted(os.listdir(copy)) == NAMES
    assert os.listdir(tmp_path) == [copy.name]
    refused(sagactl(pipeline.home, "backup", copy),
            "File exists: nothing is replaced, choose a new one")
    refused(sagactl(pipeline.home, "backup", tmp_path / "no" / "copy"),
            "No such file or directory: make what is above it first")
    good(sagactl(pipeline.home, "verify", "--copy", copy))


def test_031_of_a_process_that_hangs_nothing_is_copied(pipeline, tmp_path):
    os.kill(pipeline.pid("payment"), signal.SIGSTOP)
    try:
        refused(sagactl(pipeline.home, "backup", tmp_path / "copy"),
                "payment: it does not answer in time", EXIT_SYSTEM)
    finally:
        os.kill(pipeline.pid("payment"), signal.SIGCONT)
    assert os.listdir(tmp_path) == []
    assert "event=held" not in pipeline.log("broker")


class Doors:
    """What stands at a home's doors, in the place of its processes."""

    def __init__(self, home, replies):
        self.replies = replies
        self.asked = []
        (home / "run").mkdir(parents=True)
        (home / "data").mkdir()
        self.listening = {}
        for name in START_ORDER:
            door = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            door.bind(str(home / "run" / f"{name}.ctl"))
            door.listen()
            self.listening[name] = door
            threading.Thread(target=self.serve, args=(name, door),
                             daemon=True).start()

    def serve(self, name, door):
        with contextlib.suppress(OSError):
            while True:
                client, _ = door.accept()
                threading.Thread(target=self.answer, args=(name, client),
                                 daemon=True).start()

    def answer(self, name, client):
        while request := client.recv(2000).decode():
            self.asked.append((name, request.split()[0]))
            client.send(json.dumps(self.replies.get(
                (name, request.split()[0]), {})).encode())

    def close(self):
        for door in self.listening.values():
            door.shutdown(socket.SHUT_RDWR)
            door.close()


@pytest.mark.parametrize("where, error", [
    (("broker", "release"), "it is not held by you (any more)"),
    (("broker", "hold"), "it is held already"),
    (("ledger", "backup"), "no copy: no space is left on that disk"),
    (("broker", "backup"), "no copy: see the process's log")])
def test_031_of_a_backup_that_failed_nothing_stays(make_pipeline, tmp_path,
                                                   where, error):
    home = make_pipeline().directory / "stand-ins"
    doors = Doors(home, {where: {"error": error}})
    try:
        refused(sagactl(home, "backup", tmp_path / "copy"), error,
                EXIT_SYSTEM)
    finally:
        doors.close()
    assert where in doors.asked
    assert os.listdir(tmp_path) == []


def test_031_what_was_not_finished_is_no_backup(pipeline, make_pipeline,
                                                tmp_path):
    copy = tmp_path / "copy"
    good(sagactl(pipeline.home, "backup", copy))
    (copy / "unfinished").touch()
    refused(sagactl(pipeline.home, "verify", "--copy", copy), "not finished")
    other = make_pipeline()
    refused(sagactl(other.home, "restore", copy), "not finished")
    (copy / "unfinished").unlink()
    good(sagactl(other.home, "restore", copy))
