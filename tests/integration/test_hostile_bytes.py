"""G6: random, mutated, cut and slow octets on every socket that a pipeline
opens.  It survives them (the same processes), nothing of what it holds has
changed but by requests that it answered, and it serves as before.

One seed makes them all; it is printed, and HOSTILE_SEED replays it.
"""

import errno
import json
import pathlib
import re
import socket
import struct
import sys

import pytest
import zmq

from hostile import dice, mutated, noise
from pipeline import START_ORDER, Pipeline, may_be_cut, wait_for

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from test_broker import (ERROR, FORGET, OPEN, STATUS,  # noqa: E402
                         Client as BrokerClient, fetch_frame, frame,
                         produce_frame, text)

LIMIT_S = 60
BODY = b'{"userId":5,"productId":1}'
HEAD = (b"POST /orders HTTP/1.1\r\nHost: localhost\r\n"
        b"Content-Type: application/json\r\n")
PLACE = HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY


class Target:
    """A pipeline, and what must be the same after an attack on it."""

    def __init__(self, pipeline):
        self.pipeline = pipeline
        self.run = pipeline.home / "run"
        pipeline.ended(pipeline.order(1, 1))
        wait_for(lambda: pipeline.json("/users/1")["balance"] == 50 and
                 all(map(pipeline.user_active, range(1, 6))),
                 what="the seed's users, and the first payment")
        self.pids = {name: pipeline.pid(name) for name in START_ORDER}
        self.before = self.state()

    def ask(self, name, request):
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as door:
            door.settimeout(LIMIT_S)
            door.connect(str(self.run / f"{name}.ctl"))
            door.send(request)
            return json.loads(door.recv(96 << 10))

    def state(self):
        topics = self.ask("broker", b"status")["partitions"]
        return {
            "ends": {row["topic"]: (row["start"], row["end"])
                     for row in topics},
            "orders": self.pipeline.all_rows("/orders?limit=1000"),
            "users": self.pipeline.all_rows("/users?limit=1000"),
            "transactions":
                self.pipeline.all_rows("/transactions?limit=1000"),
        }

    def assert_alive(self):
        for name, pid in self.pids.items():
            assert self.pipeline.pid(name) == pid, f"{name} is not the same"
        for name in START_ORDER[1:]:
            assert self.ask(name, b"parked")["count"] == 0

    def assert_serves(self):
        order = self.pipeline.order(2, 1)
        assert self.pipeline.ended(order)["status"] in (
            "ORDER_COMPLETED", "ORDER_FAILED")
        assert not self.pipeline.crashes()

    def assert_unchanged(self):
        self.assert_alive()
        assert self.state() == self.before
        self.assert_serves()


@pytest.fixture
def target(make_pipeline):
    return Target(make_pipeline(supervised=False, http_timeout="5s",
                                topics="strange").start())


# --- the gateway -------------------------------------------------------------

def connect(target):
    host, port = target.pipeline.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), LIMIT_S)


def talk(target, octets):
    """Sends, ends, reads to the end; the answer, and whether it is whole."""
    answer = b""
    with connect(target) as connection:
        try:
            connection.sendall(octets)
            connection.shutdown(socket.SHUT_WR)
            while chunk := connection.recv(65536):
                answer += chunk
        except OSError as error:
            assert error.errno in (errno.ECONNRESET, errno.EPIPE,
                                   errno.ENOTCONN), error
            return answer, False
    return answer, True


def placed(answer):
    return len(re.findall(rb"HTTP/1\.1 201 ", answer))


# What others speak, and what the protocol forbids or bounds.
FOREIGN = {
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(512),
    "http2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(64),
    "zmtp": b"\xff\0\0\0\0\0\0\0\x01\x7f\x03\0NULL" + bytes(48),
    "nothing": b"",
    "newlines": b"\r\n" * 4000,
    "zeros": bytes(65536),
    "huge_line": b"GET /" + b"a" * 70000,
    "huge_header": HEAD + b"X: " + b"a" * 70000 + b"\r\n\r\n",
    "many_headers": HEAD + b"X: y\r\n" * 9000 + b"\r\n",
    "huge_length": HEAD + b"Content-Length: 99999999999999999999\r\n\r\n{",
    "length_over_limit": HEAD + b"Content-Length: 20000\r\n\r\n" + b"1" * 20000,
    "chunked": HEAD + b"Transfer-Encoding: chunked\r\n\r\n1a\r\n" + BODY,
    "deep": HEAD + b"Content-Length: 16000\r\n\r\n" + b"[" * 16000,
    "body_cut": PLACE[:-5],
    "head_cut": HEAD[:-9],
    "version_0": b"GET /orders\r\n\r\n",
    "nul_in_path": b"GET /or\0ders HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "connect": b"CONNECT x:443 HTTP/1.1\r\nHost: localhost\r\n\r\n" + bytes(99),
}


def attack_with_mutations(target, rolls, count):
    """Some stay valid: what was answered with 201, and no more, is there."""
    answered = unknown = 0
    for _ in range(count):
        answer, whole = talk(target, mutated(rolls, PLACE * rolls.randint(1, 2)))
        answered += placed(answer)
        unknown += 0 if whole else 2
    orders = target.pipeline.all_rows("/orders?limit=1000")
    fresh = len(orders) - len(target.before["orders"])
    assert answered <= fresh <= answered + unknown
    for order in orders:
        target.pipeline.ended(order["id"])
    return fresh


def paid_by(user, orders):
    return sum(order["price"] for order in orders
               if order["userId"] == user and
               order["status"] == "ORDER_COMPLETED")


def assert_money_follows_orders(target):
    def balances():
        return {row["id"]: row["balance"] for row in
                target.pipeline.all_rows("/users?limit=1000")}

    orders = target.pipeline.all_rows("/orders?limit=1000")
    expected = {row["id"]: row["balance"] - paid_by(row["id"], orders)
                + paid_by(row["id"], target.before["orders"])
                for row in target.before["users"]}
    wait_for(lambda: balances() == expected, what="the balances")


def test_g6_gateway_survives_hostile_octets(target):
    rolls = dice()
    slow = [connect(target) for _ in range(20)]
    for connection in slow:
        connection.sendall(PLACE[:rolls.randrange(len(PLACE))])
    for name, octets in FOREIGN.items():
        answer, _ = talk(target, octets)
        assert not placed(answer), name
    for _ in range(1000):
        answer, _ = talk(target, noise(rolls, 3000))
        assert not placed(answer)
        with connect(target) as connection:
            connection.sendall(PLACE[:rolls.randrange(len(PLACE) - 1)])
    assert target.state() == target.before
    attack_with_mutations(target, rolls, 1500)
    for connection in slow:
        connection.close()
    target.assert_alive()
    assert_money_follows_orders(target)
    target.assert_serves()


def test_g6_gateway_serves_while_others_send_octet_by_octet(target):
    slow = [connect(target) for _ in range(50)]
    for octet in PLACE[:40]:
        for connection in slow:
            try:
                connection.sendall(bytes([octet]))
            except OSError:
                pass
    target.assert_alive()
    for connection in slow:
        connection.close()
    assert target.state() == target.before
    target.assert_serves()


# --- the broker --------------------------------------------------------------

EVENTS = b"\x81\xa1a\x01"
# Names of nobody, so that no mutation speaks for a process of ours.
FRAMES = [
    frame(OPEN, text("stranger-1")),
    produce_frame("strange", 0, "stranger-1", 1, 1, 1, EVENTS),
    produce_frame("orders", 0, "stranger-1", 1, 1, 1, EVENTS),
    produce_frame("dead-letters", 9, "stranger-1", 0, 2**64 - 2, 1, EVENTS),
    fetch_frame(consumer="stranger-2"),
    fetch_frame(offset=2**63, max_bytes=2**32 - 1),
    fetch_frame(topic="strange", max_wait_ms=50),
    frame(STATUS, b""),
    frame(FORGET, text("stranger-2")),
    frame(ERROR, struct.pack(">HQ", 1, 1) + text("x")),
]


def assert_only_strange_changed(target):
    ends = target.state()["ends"]
    before = target.before["ends"]
    assert {name: end for name, end in ends.items() if name != "strange"} == \
        {name: end for name, end in before.items() if name != "strange"}


def hostile_frames(rolls, count):
    for _ in range(count):
        if rolls.random() < 0.3:
            yield noise(rolls, 20000)
        else:
            yield mutated(rolls, rolls.choice(FRAMES))


def send_all(client, frames):
    """Sends them, and reads so many of the replies that none is dropped; the
    broker has read all of them when it answers the last."""
    last = 2**60
    for octets in frames:
        client.send(octets)
        while client.socket.poll(0):
            client.socket.recv_multipart()
    client.send(frame(STATUS, b"", request=last))
    end = frame(STATUS + 1, b"", request=last)
    while client.socket.poll(LIMIT_S * 1000):
        if client.socket.recv_multipart()[0].startswith(end):
            return
    raise TimeoutError("the broker's last reply does not come")


def test_g6_broker_survives_hostile_frames(target):
    rolls = dice()
    context = zmq.Context()
    endpoint = f"ipc://{target.run}/broker.ipc"
    try:
        client = BrokerClient(context, endpoint, receive_max=20000)
        assert client.call(frame(OPEN, text("stranger-1"))).epoch == 1
        send_all(client, hostile_frames(rolls, 20000))
        for _ in range(100):
            client.socket.send_multipart(list(hostile_frames(rolls, 3)))
        with context.socket(zmq.DEALER) as deaf:
            # It asks for much and reads nothing.
            deaf.setsockopt(zmq.LINGER, 0)
            deaf.setsockopt(zmq.RCVHWM, 1)
            deaf.connect(endpoint)
            for _ in range(500):
                deaf.send(fetch_frame(topic="orders"))
        assert BrokerClient(context, endpoint).status().topics
        assert_only_strange_changed(target)
        target.assert_alive()
        target.assert_serves()
    finally:
        context.destroy(0)


GREETING = (b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") +
            b"\0" + bytes(31))


def command(name, body):
    return struct.pack(">BBB", 4, len(name) + len(body) + 1,
                       len(name)) + name + body


def ready_of(kind):
    return command(b"READY", b"\x0bSocket-Type" +
                   struct.pack(">I", len(kind)) + kind)


def long_frame(bytes_said, octets):
    return struct.pack(">BQ", 2, bytes_said) + octets


def zmtp_streams(kind):
    hello = GREETING + ready_of(kind)
    return [
        GREETING, hello, hello * 2, GREETING + bytes(200),
        GREETING.replace(b"NULL", b"PLAIN") + b"\x05HELLO",
        GREETING.replace(b"NULL", b"CURVE") + bytes(200),
        hello + long_frame(2**63 + 5, b"x"),
        hello + long_frame(2**40, b"x" * 9000),
        hello + command(b"PING", b"\0\x01" + b"c" * 16),
        hello + command(b"SUBSCRIBE", b"orders"),
        hello + b"\x00\x07\x01orders",
        hello + b"\x00\x07\x00orders", hello + b"\x00\x00" * 50,
        hello + b"\x01\x02SP" * 20 + b"\x00\x00",
        hello + b"\xff" * 50,
        b"\x01\x00", b"\xff" + bytes(8) + b"\x7f\x01", b"\x0b\x00hello world",
        GREETING[:11] + b"\x00\x05" + GREETING[13:],
        PLACE,
    ]


def knock_until_heard(door, path):
    """Connects; its queue may be full of those that came before."""
    door.settimeout(LIMIT_S)
    wait_for(lambda: door.connect_ex(str(path)) == 0, what=f"a place at {path}")


def pour(path, octets):
    """Raw octets on a UNIX stream socket, which may end us at any moment."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as raw:
        knock_until_heard(raw, path)
        with may_be_cut():
            raw.sendall(octets)


@pytest.mark.parametrize("door, kind", [("broker.ipc", b"DEALER"),
                                        ("tap.ipc", b"SUB")])
def test_g6_broker_survives_what_is_not_zeromq(target, door, kind):
    rolls = dice()
    path = target.run / door
    streams = zmtp_streams(kind)
    idle = [socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            for _ in range(20)]
    for connection in idle:
        connection.connect(str(path))
    for octets in streams:
        pour(path, octets)
    for _ in range(1500):
        pour(path, noise(rolls, 5000) if rolls.random() < 0.5
             else mutated(rolls, rolls.choice(streams)))
    for connection in idle:
        connection.close()
    target.assert_unchanged()


# --- the doors for operators -------------------------------------------------

# No copy is asked for: a mutation would write it somewhere else.
REQUESTS = [b"status", b"parked", b"parked 7", b"show 1", b"redrive 1",
            b"redrive all", b"drop 1", b"backup", b"backup relative",
            b"show 99999999999999999999", b"redrive -1", b"drop all all all"]


def knock(path, packets):
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as door:
        knock_until_heard(door, path)
        try:
            for packet in packets:
                door.send(packet)
            door.recv(96 << 10)
        except OSError as error:
            assert error.errno in (errno.EPIPE, errno.ECONNRESET,
                                   errno.EAGAIN, errno.ENOTCONN), error


def hostile_packets(rolls):
    packets = []
    for _ in range(rolls.randint(1, 4)):
        packet = (noise(rolls, 2000) if rolls.random() < 0.4
                  else mutated(rolls, rolls.choice(REQUESTS)))
        packets.append(packet.replace(b"backup /", b"backup "))
    return packets


@pytest.mark.parametrize("name", START_ORDER)
def test_g6_operators_door_survives_hostile_packets(target, name):
    rolls = dice()
    path = target.run / f"{name}.ctl"
    for packets in ([b""], [b"\0"], [b" " * 1023], [b"x" * 1023],
                    [b"x" * 1024], [b"x" * 60000], [b"a b c d e f g h"],
                    [b"status"] * 4, [b"show 1\n\n\n"]):
        knock(path, packets)
    for _ in range(1000):
        knock(path, hostile_packets(rolls))
    crowd = [socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
             for _ in range(8)]
    for door in crowd:
        door.setblocking(False)
        door.connect_ex(str(path))
    for door in crowd:
        door.close()
    target.assert_unchanged()
