"""The broker as a client sees it that was written from docs/PROTOCOL.md alone (support/sagabus.py).

Broken expectations point at the page as often as at the broker: they have to agree.
"""

import contextlib
import os
import pathlib
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
import types

import msgpack
import pytest
import zmq

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))

import sagabus  # noqa: E402  (its place is known only now)
from sagabus import Batch, Bus, BusError, Tap, event, fetch_body, frame, name, place  # noqa: E402

BROKER = pathlib.Path(os.environ.get("SAGA_BIN", ROOT / "bin")) / "broker"
LIMIT = 30          # seconds that anything here may take
TRIFLE = b"\x81\xa1n\x01"


class Broker:
    """A broker process of our own, in a home of its own. Used as a context, it is ended with it."""

    def __init__(self, **knobs):
        self.home, self.knobs, self.process = tempfile.mkdtemp(prefix="saga-"), knobs, None
        self.bus, self.tap = (f"ipc://{self.home}/run/{end}.ipc" for end in ("broker", "tap"))

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.stop(signal.SIGKILL)
        shutil.rmtree(self.home)

    def start(self):
        ready, theirs = os.pipe()
        env = {key: value for key, value in os.environ.items() if not key.startswith("SAGAPIPE_")}
        knobs = {"home": self.home, "topics": "extra", **self.knobs}
        env.update({"SAGAPIPE_" + key.upper(): str(value) for key, value in knobs.items()})
        try:
            self.process = subprocess.Popen([BROKER], env={**env, "READY_FD": str(theirs)},
                                            pass_fds=[theirs], stderr=subprocess.DEVNULL)
        finally:
            os.close(theirs)
        with open(ready, "rb") as pipe:
            assert select.select([pipe], [], [], LIMIT)[0], "the broker does not get ready"
            assert pipe.readline() == b"ready\n"

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        return self.process.wait(LIMIT)


class Wire:
    """A DEALER for frames that the client would not send."""

    def __init__(self, endpoint):
        self.socket, self.last = zmq.Context.instance().socket(zmq.DEALER), 0
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.SNDTIMEO, LIMIT * 1000)
        self.socket.connect(endpoint)

    def send(self, verb, body=b""):
        self.last += 1
        self.socket.send(frame(verb, self.last, body))
        return self.last

    def receive(self):
        """(verb, request id, Reader of the body); an ERROR is raised."""
        assert self.socket.poll(LIMIT * 1000), "no answer"
        verb, request_id, reader = sagabus.read_reply(self.socket.recv())
        if verb == sagabus.ERROR:
            raise sagabus.read_error(reader)
        return verb, request_id, reader

    def ask(self, verb, body=b""):
        """The body of the reply, which must be the next to come."""
        sent = self.send(verb, body)
        got, request_id, reader = self.receive()
        assert (got, request_id) == (verb + 1, sent)
        return reader

    def produce(self, topic, partition, *batch):
        """Stores Batch(*batch): producer, epoch, first seq, count, octets."""
        body = place(topic, partition) + Batch(*batch).encode()
        return self.ask(sagabus.PRODUCE, body).ints("QB")


@pytest.fixture
def the():
    """Opens brokers and clients: the(Broker, ...); what was opened last is closed first."""
    with contextlib.ExitStack() as stack:
        def opened(kind, *args, **kwargs):
            one = kind(*args, **kwargs)
            if hasattr(one, "__exit__"):
                return stack.enter_context(one)
            stack.callback(lambda: one.socket.close(0))
            return one
        yield opened


@pytest.fixture
def broker(the):
    return the(Broker)


@pytest.fixture
def bus(the, broker):
    return the(Bus, broker.bus, patience=LIMIT)


@pytest.fixture
def wire(the, broker):
    return the(Wire, broker.bus)


def orders(*ids):
    return [event("OrderPurchase", orderId=one, userId=one, productId=1, quantity=1, price=5000,
                  currency="EUR") for one in ids]


def read(bus, topic, partition=0, offset=0):
    """All events of a partition, in requests that hold little each; the offsets are checked."""
    events = []
    while True:
        fetched = bus.fetch(topic, partition, offset, max_bytes=1000)
        if not fetched.batches:
            assert offset == fetched.end
            return events
        for at, seq, octets in fetched.events(offset):
            assert at == offset
            events.append((seq, msgpack.unpackb(octets)))
            offset += 1


def numbers(bus, topic="extra", partition=0):
    """The `n` of all events of a partition."""
    return [map_["n"] for _, map_ in read(bus, topic, partition)]


def hexes(page, fence):
    """The blocks of octets in the page that begin with this fence, by name."""
    text = (ROOT / "docs" / page).read_text()
    blocks = re.findall(rf"^```{fence} (\S+)\n(.*?)^```", text, re.M | re.S)
    return {title: bytes.fromhex(re.sub(r";.*", "", block)) for title, block in blocks}


EXAMPLE = hexes("PROTOCOL.md", "hex")
EXAMPLE_BATCH = Batch("gateway", 1, 1, 2, bytes.fromhex("81a16e01 81a16e02"))


def open_store(producer, starts, life):
    return name(producer) + struct.pack(">QQ", starts, life)


# The page's example

def test_the_client_encodes_the_pages_requests():
    assert frame(sagabus.OPEN, 1, name("gateway")) == EXAMPLE["OPEN"]
    produce = place("orders", 0) + EXAMPLE_BATCH.encode()
    assert frame(sagabus.PRODUCE, 2, produce) == EXAMPLE["PRODUCE"]
    fetch = fetch_body("orders", 0, "payment", 0, 1, 65536, 1000)
    assert frame(sagabus.FETCH, 3, fetch) == EXAMPLE["FETCH"]
    assert frame(sagabus.FORGET, 5, name("payment")) == EXAMPLE["FORGET"]
    life = open_store("payment", 3, 0x9e3779b97f4a7c15)
    assert frame(sagabus.OPEN_STORE, 8, life) == EXAMPLE["OPEN_STORE"]


def test_the_client_reads_the_pages_replies():
    verb, request_id, reader = sagabus.read_reply(EXAMPLE["OPEN_OK"])
    assert (verb, request_id, sagabus.read_open_ok(reader)) == (2, 1, (1, {}))
    verb, request_id, reader = sagabus.read_reply(EXAMPLE["OPEN_OK-AGAIN"])
    assert (verb, request_id) == (2, 6)
    assert sagabus.read_open_ok(reader) == (2, {("orders", 0): 2})
    verb, request_id, reader = sagabus.read_reply(EXAMPLE["PRODUCE_OK"])
    assert (verb, request_id, reader.ints("QB")) == (4, 2, (0, 0))
    reader.end()
    verb, request_id, reader = sagabus.read_reply(EXAMPLE["FETCH_OK"])
    fetched = sagabus.read_fetch_ok(reader)
    assert (verb, request_id, fetched.start, fetched.end) == (6, 3, 0, 2)
    assert fetched.batches[0].time_us == 1767225600000000
    assert list(fetched.events(1)) == [(1, 2, bytes.fromhex("81a16e02"))]
    verb, request_id, reader = sagabus.read_reply(EXAMPLE["ERROR"])
    error = sagabus.read_error(reader)
    assert (verb, request_id, type(error), error.detail) == (11, 4, sagabus.SeqGap, 3)


def test_the_pages_example_happens_like_that(wire):
    def exchange(request):
        wire.socket.send(request)
        assert wire.socket.poll(LIMIT * 1000)
        return wire.socket.recv()

    assert exchange(EXAMPLE["OPEN"]) == EXAMPLE["OPEN_OK"]
    assert exchange(EXAMPLE["PRODUCE"]) == EXAMPLE["PRODUCE_OK"]
    fetched, shown = exchange(EXAMPLE["FETCH"]), EXAMPLE["FETCH_OK"]
    time_us = slice(40, 48)
    stored = int.from_bytes(fetched[time_us], "big", signed=True) / 1e6
    assert abs(stored - time.time()) < LIMIT
    assert fetched[:40] + shown[time_us] + fetched[48:] == shown
    lost_track = place("orders", 0) + Batch("gateway", 1, 5, 1, TRIFLE).encode()
    assert exchange(frame(sagabus.PRODUCE, 4, lost_track)) == EXAMPLE["ERROR"]
    assert exchange(EXAMPLE["FORGET"]) == frame(sagabus.FORGET_OK, 5)
    assert exchange(frame(sagabus.OPEN, 6, name("gateway"))) == EXAMPLE["OPEN_OK-AGAIN"]


def test_the_events_pages_example_is_what_msgpack_makes_of_it():
    text = (ROOT / "docs" / "EVENTS.md").read_text().split("## An example")[1]
    octets = bytes.fromhex("".join(re.findall(r"^    ([0-9a-f]+)$", text, re.M)))
    order = {"id": 81, "source": "gateway", "type": "OrderPurchase", "version": 1,
             "time": 1700000000123456,
             "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
             "orderId": 81, "userId": 1, "productId": 1, "quantity": 1, "price": 5000,
             "currency": "EUR"}
    assert len(octets) == 191
    assert msgpack.packb(order) == octets


# Writing and reading

def test_events_come_back_as_they_were_stored(bus):
    assert bus.open("gateway") == {}
    sent = orders(11, 12, 13)
    assert bus.produce("orders", 0, sent[:2]) == (0, False)
    assert bus.produce("orders", 0, sent[2:]) == (2, False)
    assert read(bus, "orders") == [
        (seq, {"id": seq, "source": "gateway", **one}) for seq, one in enumerate(sent, 1)]
    batches = bus.fetch("orders", 0, 0).batches
    assert [(one.producer, one.epoch, one.first_seq, one.count, one.base_offset)
            for one in batches] == [("gateway", 1, 1, 2, 0), ("gateway", 1, 3, 1, 2)]


def test_a_users_events_keep_to_one_partition(the):
    bus = the(Bus, the(Broker, partitions=4).bus)
    bus.open("gateway")
    for one in orders(*range(1, 40)) + orders(*range(1, 40)):
        bus.produce("orders", sagabus.partition_of(one["userId"], 4), [one])
    users = [[map_["userId"] for _, map_ in read(bus, "orders", part)] for part in range(4)]
    assert sorted(sum(users, [])) == sorted([*range(1, 40)] * 2)
    assert all(set(one) for one in users)
    assert len(set().union(*users)) == sum(len(set(one)) for one in users)


@pytest.mark.parametrize("offset, batches", [(0, [0, 3, 5]), (2, [0, 3, 5]), (3, [3, 5]),
                                             (4, [3, 5]), (5, [5]), (6, [])])
def test_reading_resumes_anywhere(bus, offset, batches):
    bus.open("p")
    for seqs in ([1, 2, 3], [4, 5], [6]):
        bus.produce("extra", 0, [{"n": one} for one in seqs])
    fetched = bus.fetch("extra", 0, offset)
    assert (fetched.start, fetched.end) == (0, 6)
    assert [one.base_offset for one in fetched.batches] == batches
    assert [(at, seq) for at, seq, _ in fetched.events(offset)] == [
        (at, at + 1) for at in range(offset, 6)]


def test_max_bytes_bounds_an_answer_but_one_batch_comes(bus):
    bus.open("p")
    for _ in range(4):
        bus.produce("extra", 0, [TRIFLE])
    size = len(bus.fetch("extra", 0, 0).batches[0].encode())
    for most, count in ((0, 1), (size, 1), (2 * size - 1, 1), (2 * size, 2), (2 ** 32 - 1, 4)):
        assert len(bus.fetch("extra", 0, 0, max_bytes=most).batches) == count


def test_a_batch_sent_again_is_a_duplicate(wire):
    wire.ask(sagabus.OPEN, name("p"))
    for seq in range(1, 13, 2):
        assert wire.produce("extra", 0, "p", 1, seq, 2, TRIFLE * 2) == (seq - 1, 0)
    for seq in range(3, 13, 2):         # the last 5
        assert wire.produce("extra", 0, "p", 1, seq, 2, TRIFLE * 2) == (seq - 1, 1)
    assert wire.produce("extra", 0, "p", 1, 1, 2, TRIFLE * 2) == (sagabus.NOT_KNOWN, 1)
    assert wire.produce("extra", 0, "p", 1, 12, 1, TRIFLE) == (11, 1)
    _, end, _ = sagabus.read_status_ok(wire.ask(sagabus.STATUS)).partitions["extra", 0]
    assert end == 12


def test_seqs_are_counted_per_topic_and_partition(the):
    wire = the(Wire, the(Broker, topics="extra,more", partitions=2).bus)
    wire.ask(sagabus.OPEN, name("p"))
    for topic, partition in (("extra", 0), ("extra", 1), ("more", 0)):
        assert wire.produce(topic, partition, "p", 1, 1, 1, TRIFLE) == (0, 0)
    epoch, written = sagabus.read_open_ok(wire.ask(sagabus.OPEN, name("p")))
    assert (epoch, written) == (2, {("extra", 0): 1, ("extra", 1): 1, ("more", 0): 1})


# Refusals

def refused(what, detail, wire, verb, body):
    with pytest.raises(BusError) as caught:
        wire.ask(verb, body)
    assert type(caught.value).__name__ == what
    assert detail is None or caught.value.detail == detail
    assert 0 < len(caught.value.words) <= 255


def batch_of(topic, partition, *batch, **more):
    return place(topic, partition) + Batch(*batch, **more).encode()


@pytest.mark.parametrize("what, detail, batch", [
    ("SeqGap", 5, ("p", 2, 6, 1, TRIFLE)),
    ("SeqGap", 5, ("p", 2, 2 ** 64 - 2, 1, TRIFLE)),
    ("SeqOverlap", 4, ("p", 2, 4, 2, TRIFLE * 2)),
    ("SeqOverlap", 4, ("p", 2, 1, 5, TRIFLE * 5)),
    ("Fenced", 2, ("p", 1, 5, 1, TRIFLE)),
    ("Fenced", 2, ("p", 1, 3, 2, TRIFLE * 2)),
    ("NotOpen", None, ("p", 3, 5, 1, TRIFLE)),
    ("NotOpen", None, ("q", 1, 1, 1, TRIFLE)),
    ("NotOpen", None, ("q", 0, 1, 1, TRIFLE)),
    ("BadName", None, ("", 1, 1, 1, TRIFLE)),
    ("BadName", None, ("P", 1, 1, 1, TRIFLE)),
    ("Malformed", None, ("p" * 32, 1, 1, 1, TRIFLE)),
    ("Malformed", None, ("p", 2, 0, 1, TRIFLE)),
    ("Malformed", None, ("p", 2, 5, 0, b"")),
    ("Malformed", None, ("p", 2, 5, 5, TRIFLE)),
    ("Malformed", None, ("p", 2, 2 ** 64 - 1, 1, TRIFLE)),
    ("TooLarge", 1 << 20, ("p", 2, 5, 1, bytes((1 << 20) + 1))),
    ("TooLarge", 65536, ("p", 2, 5, 65537, bytes(65537))),
])
def test_a_batch_is_refused(wire, what, detail, batch):
    wire.ask(sagabus.OPEN, name("p"))
    for seq in (1, 3):
        wire.produce("extra", 0, "p", 1, seq, 2, TRIFLE * 2)
    wire.ask(sagabus.OPEN, name("p"))
    refused(what, detail, wire, sagabus.PRODUCE, batch_of("extra", 0, *batch))
    assert wire.produce("extra", 0, "p", 2, 5, 1, TRIFLE) == (4, 0)     # nothing was stored


@pytest.mark.parametrize("what, detail, topic, partition, producer", [
    ("UnknownTopic", None, "nowhere", 0, "gateway"),
    ("UnknownPartition", 1, "orders", 1, "gateway"),
    ("NotPermitted", None, "orders", 0, "payment"),
    ("NotPermitted", None, "payments", 0, "gateway"),
    ("NotPermitted", None, "transactions", 0, "stranger"),
    ("NotPermitted", None, "orders", 0, "gatewayed"),
    ("BadName", None, "Orders", 0, "gateway"),
    ("BadName", None, "", 0, "gateway"),
    ("Malformed", None, "o" * 32, 0, "gateway"),
])
def test_a_place_to_write_is_refused(wire, what, detail, topic, partition, producer):
    wire.ask(sagabus.OPEN, name(producer))
    refused(what, detail, wire, sagabus.PRODUCE, batch_of(topic, partition, producer, 1, 1, 1, TRIFLE))


@pytest.mark.parametrize("topic, producer", [
    ("orders", "gateway"), ("orders", "gateway-2"), ("payments", "payment"),
    ("transactions", "ledger"), ("dead-letters", "payment"), ("dead-letters", "ledger-b"),
    ("dead-letters", "gateway"), ("extra", "anybody"), ("extra", "ledger")])
def test_a_producer_that_is_permitted_writes(wire, topic, producer):
    wire.ask(sagabus.OPEN, name(producer))
    assert wire.produce(topic, 0, producer, 1, 1, 1, TRIFLE) == (0, 0)


@pytest.mark.parametrize("what, detail, fetch", [
    ("UnknownTopic", None, ("nowhere", 0, "", 0, 0, 0, 0)),
    ("UnknownPartition", 1, ("extra", 1, "", 0, 0, 0, 0)),
    ("BadName", None, ("extra", 0, "C", 0, 0, 0, 0)),
    ("Malformed", None, ("extra", 0, "c" * 32, 0, 0, 0, 0)),
    ("NotPermitted", None, ("orders", 0, "ledger", 0, 0, 0, 0)),
    ("NotPermitted", None, ("orders", 0, "gateway", 0, 0, 0, 0)),
    ("NotPermitted", None, ("payments", 0, "payment-2", 0, 0, 0, 0)),
    ("NotPermitted", None, ("dead-letters", 0, "ledger", 0, 0, 0, 0)),
    ("OffsetAhead", 1, ("extra", 0, "", 0, 2, 0, 0)),
    ("OffsetAhead", 1, ("extra", 0, "c", 2, 0, 0, 0)),
])
def test_a_fetch_is_refused(wire, what, detail, fetch):
    wire.ask(sagabus.OPEN, name("p"))
    wire.produce("extra", 0, "p", 1, 1, 1, TRIFLE)
    refused(what, detail, wire, sagabus.FETCH, fetch_body(*fetch))
    assert sagabus.read_status_ok(wire.ask(sagabus.STATUS)).consumers == {}


@pytest.mark.parametrize("topic, consumer", [
    ("orders", "payment"), ("orders", "payment-2"), ("payments", "ledger"), ("payments", "gateway"),
    ("transactions", "gateway"), ("transactions", "payment"), ("orders", "auditor"),
    ("dead-letters", "auditor"), ("dead-letters", ""), ("orders", ""), ("extra", "ledger")])
def test_a_consumer_that_is_permitted_reads(bus, topic, consumer):
    assert bus.fetch(topic, 0, 0, consumer=consumer) == (0, 0, [])


@pytest.mark.parametrize("verb, body", [
    (0, b""), (12, b""), (255, b""), (sagabus.OPEN_OK, b""), (sagabus.ERROR, b""),
    (sagabus.OPEN, b""), (sagabus.OPEN, b"\x05four"), (sagabus.OPEN, b"\x01pp"),
    (sagabus.STATUS, b"\x00"), (sagabus.FORGET, b""), (sagabus.FORGET, b"\x01cc"),
    (sagabus.FETCH, fetch_body("extra", 0, "", 0, 0, 0, 0) + b"\x00"),
    (sagabus.FETCH, fetch_body("extra", 0, "", 0, 0, 0, 0)[:-1]),
    (sagabus.PRODUCE, b""),
    (sagabus.PRODUCE, batch_of("extra", 0, "p", 1, 1, 1, TRIFLE) + b"\x00"),
    (sagabus.PRODUCE, batch_of("extra", 0, "p", 1, 1, 1, TRIFLE)[:-1]),
])
def test_a_malformed_frame_is_told(wire, verb, body):
    refused("Malformed", None, wire, verb, body)


@pytest.mark.parametrize("frames", [
    [b""], [b"SP"], [b"PS" + frame(7, 9)[2:]], [frame(7, 9)[:-1]], [b"", frame(7, 9)],
    [frame(7, 9), b""]])
def test_what_is_no_frame_is_passed_over(wire, frames):
    wire.socket.send_multipart(frames)
    wire.ask(sagabus.STATUS)        # the next answer is this one's


@pytest.mark.parametrize("version", [0, 2, 255])
def test_another_version_is_told_which_one_is_spoken(wire, version):
    wire.socket.send(b"SP" + bytes([version, 99]) + bytes(8) + b"whatever")
    with pytest.raises(sagabus.Version) as caught:
        wire.receive()
    assert caught.value.detail == 1


def test_a_frame_beyond_all_limits_disconnects(wire):
    wire.ask(sagabus.OPEN, name("p"))
    monitor = wire.socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)
    try:
        refused("TooLarge", 1 << 20, wire, sagabus.PRODUCE,
                batch_of("extra", 0, "p", 1, 1, 1, bytes(4 << 20)))     # not yet beyond
        assert not monitor.poll(0)
        wire.send(sagabus.PRODUCE, bytes((4 << 20) + (64 << 10)))
        assert monitor.poll(LIMIT * 1000)
    finally:
        wire.socket.disable_monitor()
        monitor.close(0)
    wire.socket.setsockopt(zmq.RECONNECT_IVL, 10)
    assert wire.produce("extra", 0, "p", 1, 1, 1, TRIFLE) == (0, 0)


# The client at work

class Lossy(Bus):
    """Loses the requests and replies whose numbers are in `requests` and `replies` (from 1)."""

    requests, replies = set(), set()
    sent = got = 0

    def transmit(self, octets):
        self.sent += 1
        return True if self.sent in self.requests else super().transmit(octets)

    def receive(self):
        octets = super().receive()
        self.got += octets is not None
        return self.receive() if octets is not None and self.got in self.replies else octets


@pytest.mark.parametrize("requests, replies", [
    ({1}, {}), ({2}, {}), ({1, 2}, {}), ({8}, {}), ({1, 3, 9}, {}), ({2, 8, 10}, {1}),
    ({}, {1}), ({}, {2, 3, 4}), ({}, {8}), ({*range(1, 17)}, {}), ({1, 10}, {2, 4})])
def test_lost_frames_cost_time_only(the, broker, requests, replies):
    bus = the(Lossy, broker.bus, timeout=0.1)
    bus.open("p")
    bus.requests, bus.replies, bus.sent, bus.got = requests, replies, 0, 0
    pendings = [bus.send("extra", 0, [{"n": 2 * one}, {"n": 2 * one + 1}]) for one in range(8)]
    bus.flush()
    assert bus.sent >= max(requests, default=0) and bus.got >= max(replies, default=0)
    for at, pending in enumerate(pendings):
        assert pending.base_offset == 2 * at or (
            pending.base_offset == sagabus.NOT_KNOWN and pending.duplicate and at < 3)
    assert numbers(bus) == [*range(16)]


def test_a_gap_is_mended_without_waiting_for_a_timeout(the, broker):
    class OneByOne(Lossy):
        turn = False

        def receive(self):
            self.turn = not self.turn
            return super().receive() if self.turn else None

    bus = the(OneByOne, broker.bus, timeout=2 * LIMIT, patience=LIMIT)
    bus.open("p")
    for begin in (0, 8):
        bus.requests, bus.sent = {1}, 0
        for one in range(begin, begin + 8):
            bus.send("extra", 0, [{"n": one}])
        bus.flush()
        assert 9 <= bus.sent <= 16      # gone back once, not for each SEQ_GAP
    assert numbers(bus) == [*range(16)]


def test_what_is_under_way_goes_on_under_a_new_epoch(the, broker):
    bus = the(Lossy, broker.bus, timeout=0.1)
    bus.open("p")
    before = bus.epoch      # a slow broker is asked more than once, and each OPEN raises it
    bus.requests, bus.sent = {1}, 0
    bus.send("extra", 0, [{"n": 1}])
    bus.open("p")
    bus.flush()
    assert bus.epoch > before and numbers(bus) == [1]


def test_a_window_of_many_batches_keeps_its_order(the):
    broker = the(Broker, partitions=2)
    bus = the(Bus, broker.bus)
    bus.open("p")
    for one in range(500):
        bus.send("extra", one % 2, [{"n": one}])
    bus.flush()
    assert numbers(bus, partition=0) == [*range(0, 500, 2)]
    assert numbers(bus, partition=1) == [*range(1, 500, 2)]


def test_a_slow_broker_does_not_make_a_client_fence_itself(broker, the):
    bus = the(Bus, broker.bus, timeout=0.1)
    bus.status()
    asked = threading.Event()

    def sent(octets, original=bus.transmit):
        if octets[3] == sagabus.OPEN:
            if sent.opens == 1:
                asked.set()
            sent.opens += 1
        return original(octets)

    sent.opens = 0
    bus.transmit = sent
    broker.process.send_signal(signal.SIGSTOP)
    waker = threading.Thread(target=lambda: (asked.wait(LIMIT),
                                             broker.process.send_signal(signal.SIGCONT)))
    waker.start()
    bus.open("p")
    waker.join(LIMIT)
    assert sent.opens >= 2 and bus.epoch == sent.opens
    assert bus.produce("extra", 0, [TRIFLE]) == (0, False)


def test_who_opens_the_name_later_fences_the_other(the, broker):
    old, new = the(Bus, broker.bus), the(Bus, broker.bus)
    old.open("p")
    old.produce("extra", 0, [{"n": 1}])
    assert new.open("p") == {("extra", 0): 1}
    assert (old.epoch, new.epoch) == (1, 2)
    with pytest.raises(sagabus.Fenced) as caught:
        old.produce("extra", 0, [{"n": 0}])
    assert caught.value.detail == 2
    for again in (lambda: old.produce("extra", 0, [{"n": 0}]), lambda: old.open("p")):
        with pytest.raises(sagabus.Fenced):
            again()
    assert new.produce("extra", 0, [{"n": 2}]) == (1, False)
    assert numbers(new) == [1, 2]


def epoch_of(wire, starts, life):
    """Of producer p, which opens with these; a refusal is raised."""
    sent = wire.send(sagabus.OPEN_STORE, open_store("p", starts, life))
    verb, request_id, reader = wire.receive()
    assert (verb, request_id) == (sagabus.OPEN_OK, sent)
    return sagabus.read_open_ok(reader)[0]


def test_an_older_life_and_a_copy_are_refused_and_change_nothing(broker, the):
    wire = the(Wire, broker.bus)
    assert epoch_of(wire, 3, 7) == 1
    for starts, life in ((2, 6), (3, 8), (1, 7)):
        with pytest.raises(sagabus.Fenced) as caught:
            epoch_of(wire, starts, life)
        assert caught.value.detail == 1
    assert epoch_of(wire, 3, 7) == 1
    assert wire.produce("extra", 0, "p", 1, 1, 1, TRIFLE) == (0, 0)
    assert epoch_of(wire, 9, 8) == 2
    with pytest.raises(sagabus.Fenced):
        wire.produce("extra", 0, "p", 1, 2, 1, TRIFLE)
    broker.stop(signal.SIGKILL)
    broker.start()
    with pytest.raises(sagabus.Fenced):
        epoch_of(wire, 8, 9)
    assert epoch_of(wire, 9, 8) == 2


def test_who_tells_no_starts_takes_the_name(broker, the):
    wire, bus = the(Wire, broker.bus), the(Bus, broker.bus)
    assert epoch_of(wire, 3, 7) == 1
    bus.open("p")
    assert bus.epoch == 2
    with pytest.raises(sagabus.Fenced):
        epoch_of(wire, 3, 7)
    assert bus.produce("extra", 0, [{"n": 1}]) == (0, False)
    assert epoch_of(wire, 4, 7) == 3


def test_what_was_refused_for_good_frees_its_seqs(bus):
    bus.open("p")
    with pytest.raises(sagabus.TooLarge) as caught:
        bus.produce("extra", 0, [bytes((1 << 20) + 1)])
    assert caught.value.detail == 1 << 20
    assert bus.produce("extra", 0, [{"n": 1}]) == (0, False)
    assert [seq for seq, _ in read(bus, "extra")] == [1]


def test_a_full_disk_stops_writing_and_not_reading(the, broker, bus):
    bus.open("p")
    bus.produce("extra", 0, [{"n": 1}])
    broker.stop()
    broker.knobs["disk_floor"] = "16384g"
    broker.start()
    bus.pause = 0.05
    refused_ = bus.send("extra", 0, [{"n": 2}])
    window, limit = bus.windows["extra", 0], time.monotonic() + LIMIT
    while not window.refusal and time.monotonic() < limit:
        bus._pump(limit)
    bus.patience = 0.3
    with pytest.raises(sagabus.DiskFloor):
        bus.flush()
    assert window.queue == [refused_]
    bus.patience = LIMIT
    assert numbers(bus) == [1]
    broker.stop()
    broker.knobs["disk_floor"] = 0
    broker.start()
    bus.send("extra", 0, [{"n": 3}])        # and the one that was refused is still under way
    bus.flush()
    assert numbers(bus) == [1, 2, 3]


def test_more_producers_than_there_may_be(the):
    broker = the(Broker, producers=4)
    for one in range(4):
        the(Bus, broker.bus).open(f"p{one}")
    with pytest.raises(sagabus.Limit) as caught:
        the(Bus, broker.bus, patience=LIMIT, pause=LIMIT).open("p4")
    assert caught.value.detail == 4


def test_a_refusal_is_told_when_no_more_is_heard(the, monkeypatch):
    """The last time of many there may be little time for an answer: here the time is up as soon
    as it is asked again."""
    class Deaf(Bus):
        refused = False

        def transmit(self, octets):
            clock.ahead = LIMIT if self.refused else 0
            return super().transmit(octets)

        def receive(self):
            octets = None if self.refused else super().receive()
            self.refused = self.refused or bool(octets) and octets[3] == sagabus.ERROR
            return octets

    broker = the(Broker, producers=4)
    for one in range(4):
        the(Bus, broker.bus).open(f"p{one}")
    clock = types.SimpleNamespace(ahead=0, monotonic=lambda: time.monotonic() + clock.ahead)
    monkeypatch.setattr(sagabus, "time", clock)
    with pytest.raises(sagabus.Limit):
        the(Deaf, broker.bus, patience=LIMIT, pause=0.1).open("p4")


def test_an_error_of_the_future_is_waited_out(the, broker):
    class Future(Bus):
        changed = 0

        def receive(self):
            octets = super().receive()
            if octets and octets[3] == sagabus.PRODUCE_OK and self.changed < 2:
                self.changed += 1
                octets = octets[:3] + bytes([sagabus.ERROR]) + octets[4:12] + b"\x03\xe7" + bytes(9)
            return octets

    bus = the(Future, broker.bus, pause=0.05)
    bus.open("p")
    assert bus.produce("extra", 0, [{"n": 1}]) == (0, True)
    assert bus.changed == 2 and numbers(bus) == [1]


# Waiting

def test_a_fetch_that_waits_is_answered_by_a_produce(wire, bus):
    bus.open("p")
    waiting = wire.send(sagabus.FETCH, fetch_body("extra", 0, "c", 0, 0, 1000, LIMIT * 1000))
    state = sagabus.read_status_ok(wire.ask(sagabus.STATUS))    # its reply overtakes the fetch's
    assert state.consumers == {("c", "extra", 0): 0}
    bus.produce("extra", 0, [TRIFLE])
    verb, request_id, reader = wire.receive()
    assert (verb, request_id) == (sagabus.FETCH_OK, waiting)
    assert [one[2] for one in sagabus.read_fetch_ok(reader).events(0)] == [TRIFLE]


def test_a_fetch_waits_in_a_thread_of_its_own(broker, the, bus):
    bus.open("p")
    got = []

    def wait():
        with Bus(broker.bus) as reader:
            got.append(reader.fetch("extra", 0, 0, consumer="c", max_wait_ms=LIMIT * 1000))

    thread, begin = threading.Thread(target=wait), time.monotonic()
    thread.start()
    while not bus.status().consumers and time.monotonic() < begin + LIMIT:
        assert not got
    bus.produce("extra", 0, [{"n": 1}])
    thread.join(LIMIT)
    assert len(got) == 1 and time.monotonic() < begin + LIMIT
    assert [msgpack.unpackb(one[2])["n"] for one in got[0].events(0)] == [1]


def test_a_fetch_waits_no_longer_than_asked(the, broker):
    class Timed(Bus):
        def transmit(self, octets):
            times.append(time.monotonic())
            return super().transmit(octets)

    bus, times = the(Timed, broker.bus, timeout=0.2), []
    bus.status()
    times.clear()
    assert bus.fetch("extra", 0, 0, max_wait_ms=300) == (0, 0, [])
    assert 0.29 < time.monotonic() - times[0] < LIMIT
    # Where the answer is late it is asked again, and not before its time.
    assert all(again - times[0] >= 0.49 for again in times[1:])


def test_a_newer_fetch_takes_the_place_of_the_older(wire, bus):
    bus.open("p")
    wait = fetch_body("extra", 0, "", 0, 0, 1000, LIMIT * 1000)
    wire.send(sagabus.FETCH, wait)
    newer = wire.send(sagabus.FETCH, wait)
    wire.ask(sagabus.STATUS)
    bus.produce("extra", 0, [TRIFLE])
    verb, request_id, _ = wire.receive()
    assert (verb, request_id) == (sagabus.FETCH_OK, newer)
    wire.ask(sagabus.STATUS)        # and nothing came for the older


# The tap

def seen(tap, bus, topic="extra"):
    """Produces until the tap sees something, for its subscription takes a while; returns that."""
    limit = time.monotonic() + LIMIT
    while time.monotonic() < limit:
        bus.produce(topic, 0, [{"n": 0}])
        if (got := tap.next(0.05)):
            return got
    raise AssertionError("the tap is dry")


def drained(tap, bus, topic="extra"):
    """What the tap shows up to the end of the partition, as it is now."""
    end, got = bus.fetch(topic, 0, 0).end, []
    while tap.following[topic, 0] < end:
        got.append(tap.next(LIMIT))
        assert got[-1], "the tap is dry"
    return got


def test_the_tap_shows_what_is_stored(the, broker, bus):
    bus.open("p")
    tap = the(Tap, broker.tap, ["extra/0"])
    seen(tap, bus)
    drained(tap, bus)
    begin = tap.following["extra", 0]
    bus.produce("extra", 0, [{"n": 1}, {"n": 2}])
    bus.produce("extra", 0, [{"n": 3}])
    got = drained(tap, bus)
    assert [(topic, partition, len(missed)) for topic, partition, _, missed in got] == [
        ("extra", 0, 0)] * 2
    assert [batch for _, _, batch, _ in got] == bus.fetch("extra", 0, begin).batches


def test_the_tap_shows_what_was_subscribed_to_and_no_duplicates(the):
    broker = the(Broker, topics="extra,other")
    bus, wire, tap = the(Bus, broker.bus), the(Wire, broker.bus), the(Tap, broker.tap, ["extra/"])
    bus.open("p")
    seen(tap, bus)
    drained(tap, bus)
    wire.ask(sagabus.OPEN, name("q"))
    assert wire.produce("other", 0, "q", 1, 1, 1, TRIFLE) == (0, 0)
    for duplicate in (0, 1):
        assert wire.produce("extra", 0, "q", 1, 1, 1, TRIFLE)[1] == duplicate
    bus.produce("extra", 0, [{"n": 1}])
    assert [(topic, batch.producer) for topic, _, batch, _ in drained(tap, bus)] == [
        ("extra", "q"), ("extra", "p")]


def test_a_hole_in_the_tap_is_seen_and_filled(the, broker, bus):
    bus.open("p")
    first = the(Tap, broker.tap, ["extra/0"])
    seen(first, bus)
    drained(first, bus)
    left_off = first.following["extra", 0]
    first.close()
    lost = [bus.produce("extra", 0, [{"n": one}])[0] for one in (7, 8, 9)]
    second = the(Tap, broker.tap, ["extra/0"], following=first.following)
    _, _, batch, missed = seen(second, bus)
    assert missed.start == left_off and missed.stop == batch.base_offset
    assert [*missed][:2] == lost[:2]        # the third may reach the tap later than us
    events = [one for one in bus.fetch("extra", 0, missed.start).events(missed.start)
              if one[0] in missed]
    assert [at for at, _, _ in events] == [*missed]
    assert [msgpack.unpackb(octets)["n"] for _, _, octets in events][:2] == [7, 8]


# The broker goes and comes back

@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_everything_is_there_after_a_restart(broker, bus, how):
    bus.open("p")
    for one in range(6):
        bus.produce("extra", 0, [{"n": one}])
    bus.fetch("extra", 0, 6, consumer="c", position=4)
    before, batches = bus.status(), bus.fetch("extra", 0, 0)
    assert broker.stop(how) == (0 if how == signal.SIGTERM else -signal.SIGKILL)
    for one in (6, 7):
        bus.send("extra", 0, [{"n": one}])      # nobody is there to hear it
    broker.start()
    assert bus.status().consumers == before.consumers == {("c", "extra", 0): 4}
    assert bus.status().producers == before.producers == {"p": 1}
    bus.flush()
    assert numbers(bus) == [*range(8)]
    assert bus.fetch("extra", 0, 0).batches[:6] == batches.batches
    assert bus.produce("extra", 0, [{"n": 8}]) == (8, False)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_what_was_under_way_at_the_end_is_stored_once(broker, bus, how):
    bus.open("p")
    for one in range(300):
        bus.send("extra", 0, [{"n": one}])
        if one in (100, 200):
            broker.stop(how)
            broker.start()
    bus.flush()
    assert numbers(bus) == [*range(300)]


def test_a_reconnect_resends_at_once(the, broker):
    bus = the(Bus, broker.bus, timeout=2 * LIMIT, patience=LIMIT)
    bus.open("p")
    broker.process.send_signal(signal.SIGSTOP)
    for one in range(20):
        bus.send("extra", 0, [{"n": one}])
    assert bus.windows["extra", 0].sent == sagabus.MOST_UNDER_WAY
    broker.stop(signal.SIGKILL)
    broker.start()
    bus.flush()
    assert numbers(bus) == [*range(20)]


def test_duplicates_are_known_after_a_restart(broker, wire):
    wire.ask(sagabus.OPEN, name("p"))
    for seq in range(1, 8):
        wire.produce("extra", 0, "p", 1, seq, 1, TRIFLE)
    broker.stop()
    broker.start()
    assert wire.produce("extra", 0, "p", 1, 7, 1, TRIFLE) == (6, 1)
    assert wire.produce("extra", 0, "p", 1, 3, 1, TRIFLE) == (2, 1)
    refused("SeqGap", 8, wire, sagabus.PRODUCE, batch_of("extra", 0, "p", 1, 9, 1, TRIFLE))


def test_a_fetch_that_waits_survives_a_restart(broker, the):
    with Bus(broker.bus) as bus:
        bus.open("p")
        got = []

        def wait():
            with Bus(broker.bus) as reader:
                got.append(reader.fetch("extra", 0, 0, consumer="c", max_wait_ms=LIMIT * 1000))

        thread, limit = threading.Thread(target=wait), time.monotonic() + LIMIT
        thread.start()
        while not bus.status().consumers and time.monotonic() < limit:
            pass
        broker.stop()
        broker.start()
        bus.produce("extra", 0, [{"n": 1}])
        thread.join(LIMIT)
        assert [one[2] for one in got[0].events(0)] == [
            msgpack.packb({"id": 1, "source": "p", "n": 1})]


@pytest.mark.parametrize("act", [lambda bus: bus.produce("extra", 0, [{"n": 2}]),
                                 lambda bus: bus.open("p")])
def test_a_broker_that_has_lost_its_data_is_found_out(broker, bus, act):
    bus.open("p")
    bus.produce("extra", 0, [{"n": 1}])
    broker.stop()
    shutil.rmtree(pathlib.Path(broker.home, "data"))
    broker.start()
    with pytest.raises(sagabus.DataLost):
        act(bus)
    with pytest.raises(sagabus.OffsetAhead):
        bus.fetch("extra", 0, 1)


def test_nobody_answers(the):
    bus = the(Bus, f"ipc://{tempfile.gettempdir()}/nobody-listens", timeout=0.05, patience=0.2)
    assert not bus.transmit(b"")        # and nothing piles up
    with pytest.raises(sagabus.NoReply):
        bus.status()
    with pytest.raises(sagabus.NoReply):
        bus.open("p")
    with pytest.raises(sagabus.NotOpen):
        bus.produce("extra", 0, [TRIFLE])


# What there is

def test_status_shows_topics_producers_and_positions(the):
    bus = the(Bus, the(Broker, topics="extra,more", partitions=2).bus)
    topics = ["orders", "payments", "transactions", "dead-letters", "extra", "more"]
    assert bus.status() == ({(topic, part): (0, 0, 0) for topic in topics for part in (0, 1)}, {}, {})
    bus.open("gateway")
    bus.produce("orders", 1, orders(1, 2, 3))
    bus.fetch("orders", 1, 3, consumer="payment", position=2)
    bus.fetch("orders", 0, 0, consumer="payment")
    bus.fetch("orders", 0, 0)       # anonymous
    state = bus.status()
    start, end, stored = state.partitions["orders", 1]
    assert (start, end) == (0, 3)
    assert stored == len(bus.fetch("orders", 1, 0).batches[0].encode())
    assert state.consumers == {("payment", "orders", 0): 0, ("payment", "orders", 1): 2}
    assert state.producers == {"gateway": 1}


def test_the_last_report_of_each_name_is_shown(bus, wire):
    bus.report("fraud", b"\x81\xa1n\x01")
    bus.report("fraud", b"\x81\xa1n\x02")
    state, reports = bus.survey()
    assert state == bus.status()
    age_ms, octets = reports.pop("fraud")
    assert octets == b"\x81\xa1n\x02" and age_ms < LIMIT * 1000
    assert set(reports) <= {"broker"}       # which tells of itself, too
    refused("BadName", 0, wire, sagabus.REPORT, name("Fraud") + b"\x00\x00")
    refused("TooLarge", 2048, wire, sagabus.REPORT, name("x") + b"\x08\x01" + bytes(2049))
    refused("Malformed", None, wire, sagabus.REPORT, name("x") + b"\x00\x02" + bytes(1))
    refused("Malformed", None, wire, sagabus.SURVEY, b"\x00")


def test_more_names_report_than_there_may_be(bus, wire):
    for one in range(63):       # the broker has a row of its own
        bus.report(f"p{one}", b"\x80")
    refused("Limit", 64, wire, sagabus.REPORT, name("one-more") + b"\x00\x00")


def test_a_consumer_is_forgotten_until_it_fetches_again(bus):
    bus.open("p")
    bus.produce("extra", 0, [TRIFLE])
    for consumer in ("c", "d"):
        bus.fetch("extra", 0, 1, consumer=consumer, position=1)
    bus.fetch("orders", 0, 0, consumer="c")
    bus.forget("c")
    assert bus.status().consumers == {("d", "extra", 0): 1}
    bus.forget("c")
    bus.forget("never-heard-of")
    bus.fetch("extra", 0, 0, consumer="c")
    assert bus.status().consumers == {("c", "extra", 0): 0, ("d", "extra", 0): 1}
    with pytest.raises(sagabus.BadName):
        bus.forget("C")


def test_retention_waits_for_a_consumer_until_it_is_forgotten(the):
    bus = the(Bus, the(Broker, batch="8k", segment="64k", retention_bytes="64k").bus)
    bus.open("p")
    bus.fetch("extra", 0, 0, consumer="c")
    for _ in range(40):
        bus.send("extra", 0, [bytes(8000)])
    bus.flush()
    assert bus.fetch("extra", 0, 0).start == 0
    bus.forget("c")
    limit = time.monotonic() + LIMIT
    while not (start := bus.fetch("extra", 0, 40, max_wait_ms=50).start):
        assert time.monotonic() < limit
    offset, fetched = 0, None
    while not fetched:      # a segment may go between two questions
        try:
            fetched = bus.fetch("extra", 0, offset)
        except sagabus.OffsetTrimmed as trimmed:
            assert trimmed.detail > offset
            offset = trimmed.detail
    assert offset >= start and fetched.batches
