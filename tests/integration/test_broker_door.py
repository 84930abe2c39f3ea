"""The broker's door for operators, HOME/run/broker.ctl: status and backup."""

import json
import os
import pathlib
import shutil
import socket
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from pipeline import wait_for  # noqa: E402
from test_broker import PRODUCE_OK, Broker  # noqa: E402

REPLY_LIMIT_S = 60
REPLY_BYTES_MAX = 96 << 10


@pytest.fixture
def broker():
    broker = Broker().start()
    yield broker
    broker.close()


class Door:
    def __init__(self, broker):
        self.path = broker.home / "run" / "broker.ctl"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(REPLY_LIMIT_S)
        self.socket.connect(str(self.path))

    def send(self, request):
        self.socket.send(request.encode())

    def take(self):
        return json.loads(self.socket.recv(REPLY_BYTES_MAX))

    def ask(self, request):
        self.send(request)
        return self.take()


def test_broker_door_status_tells_of_every_partition(broker):
    broker.producer().next(3)
    status = Door(broker).ask("status")
    assert status["process"] == "broker"
    topics = {row["topic"]: row for row in status["partitions"]}
    assert status["count"] == len(status["partitions"]) == 5
    assert (topics["orders"]["start"], topics["orders"]["end"]) == (0, 3)
    assert topics["payments"]["end"] == 0
    assert os.stat(Door(broker).path).st_mode & 0o077 == 0


def test_broker_door_refuses_what_it_does_not_know(broker):
    door = Door(broker)
    assert "error" in door.ask("whatever")
    assert "error" in door.ask(" ")
    assert "error" in door.ask("backup")
    assert "error" in door.ask("backup not/whole")
    assert "error" in door.ask("backup /" + "x" * 900)
    assert door.ask("status")["count"] == 5


def test_broker_door_copies_while_it_serves(broker, tmp_path):
    producer = broker.producer()
    producer.next(3)
    asked, other = Door(broker), Door(broker)
    asked.send(f"backup {tmp_path}/copy")
    producer.next(3)
    assert other.ask("status")["count"] == 5
    assert asked.take() == {"copied": True}
    names = os.listdir(tmp_path / "copy")
    assert "meta" in names and any(n.startswith("topic.orders") for n in names)
    broker.end(9)
    shutil.rmtree(broker.home / "data" / "broker")
    shutil.copytree(tmp_path / "copy", broker.home / "data" / "broker")
    (broker.home / "data" / "broker").chmod(0o700)
    broker.start()
    row = Door(broker).ask("status")["partitions"][0]
    assert row["topic"] == "orders" and row["end"] in (3, 6)


def test_broker_door_holds_while_its_client_is_there(broker):
    producer = broker.producer()
    producer.next(1)
    holder, other = Door(broker), Door(broker)
    assert holder.ask("hold 60") == {"held": True}
    assert "error" in other.ask("hold 60")
    producer.client.send(producer.octets(2, 1))
    assert other.ask("status")["partitions"][0]["end"] == 1
    holder.socket.close()
    assert producer.client.receive().verb == PRODUCE_OK
    assert other.ask("status")["partitions"][0]["end"] == 2
    assert other.ask("hold 60") == {"held": True}
    assert broker.end(15) == 0  # it can be stopped meanwhile


def test_broker_door_releases_when_it_is_told_or_the_time_is_over(broker):
    holder, other = Door(broker), Door(broker)
    for wrong in ("", " x", " 0", " 601", " 1000", " -1", " 1 2"):
        assert "how long?" in holder.ask("hold" + wrong)["error"]
    assert "not held" in holder.ask("release")["error"]
    assert holder.ask("hold 60") == {"held": True}
    assert "not held by you" in other.ask("release")["error"]
    assert holder.ask("release") == {"released": True}
    assert holder.ask("hold 1") == {"held": True}
    wait_for(lambda: "words=\"its time is over\"" in broker.log(),
             what="the end of the hold")
    assert "not held" in holder.ask("release")["error"]


def test_broker_door_tells_of_a_copy_that_failed(broker, tmp_path):
    (tmp_path / "file").write_text("in the way")
    assert "error" in Door(broker).ask(f"backup {tmp_path}/file/copy")
    assert Door(broker).ask(f"backup {tmp_path}/copy") == {"copied": True}
