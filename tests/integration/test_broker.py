"""The broker alone, spoken to in raw frames (docs/PROTOCOL.md).

Every test has its own broker, in a directory of its own, over ipc sockets.
"""

import contextlib
import os
import pathlib
import random
import resource
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time

import pytest
import zmq

from pipeline import free_port

TREE = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("SAGA_BIN", TREE / "bin")).resolve()
LIMIT_S = 60
LIMIT_MS = LIMIT_S * 1000

OPEN, OPEN_OK, PRODUCE, PRODUCE_OK, FETCH, FETCH_OK, STATUS, STATUS_OK, \
    FORGET, FORGET_OK, ERROR = range(1, 12)
ERRORS = ["NONE", "MALFORMED", "VERSION", "TOO_LARGE", "BAD_NAME",
          "UNKNOWN_TOPIC", "UNKNOWN_PARTITION", "NOT_PERMITTED", "NOT_OPEN",
          "FENCED", "SEQ_GAP", "SEQ_OVERLAP", "OFFSET_TRIMMED",
          "OFFSET_AHEAD", "LIMIT", "DISK_FLOOR"]
UNKNOWN = 2**64 - 1


# --- the broker --------------------------------------------------------------

class Broker:
    """One home, and the process on it; may be killed and started again."""

    def __init__(self, wrapper=(), home=None, **knobs):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="saga-b-"))
        self.home = pathlib.Path(home) if home else self.directory / "var"
        self.log_path = self.directory / "log"
        self.wrapper = list(wrapper)
        self.knobs = {"bus": f"ipc://{self.directory}/bus",
                      "tap": f"ipc://{self.directory}/tap",
                      "topics": "extra", "disk_floor": 0, **knobs}
        self.context = zmq.Context()
        self.process = None
        self.clients = []

    def spawn(self, **more):
        environment = {name: value for name, value in os.environ.items()
                       if not name.startswith("SAGAPIPE_")}
        environment["SAGAPIPE_HOME"] = str(self.home)
        for name, value in self.knobs.items():
            environment["SAGAPIPE_" + name.upper()] = str(value)
        return subprocess.Popen(
            [*self.wrapper, BIN / "broker"], stdin=subprocess.DEVNULL,
            env={**environment, **more.pop("env", {})}, **more)

    def start(self):
        reader, writer = os.pipe()
        with open(self.log_path, "ab") as log:
            self.process = self.spawn(stdout=log, stderr=log,
                                      pass_fds=[writer],
                                      env={"READY_FD": str(writer)})
        os.close(writer)
        ready, _, _ = select.select([reader], [], [], LIMIT_S)
        told = os.read(reader, 64) if ready else b""
        os.close(reader)
        assert told == b"ready\n", self.log()
        return self

    def refuses_to_start(self):
        """Runs it to its end; its exit code and what it said."""
        process = self.spawn(stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        try:
            said, _ = process.communicate(timeout=LIMIT_S)
        finally:
            process.kill()
            process.wait()
        return process.returncode, said.decode()

    def end(self, number):
        """Signals it and waits; its exit code."""
        self.process.send_signal(number)
        code = self.process.wait(LIMIT_S)
        self.process = None
        return code

    def restart(self, number=signal.SIGTERM):
        code = self.end(number)
        assert code == (0 if number == signal.SIGTERM else -number), \
            self.log()
        return self.start()

    def client(self, **options):
        client = Client(self.context, self.knobs["bus"], **options)
        self.clients.append(client)
        return client

    def producer(self, name="gateway", topic="orders", partition=0):
        return Producer(self.client(), name, topic, partition)

    def subscriber(self, prefix):
        tap = self.context.socket(zmq.SUB)
        tap.setsockopt(zmq.LINGER, 0)
        tap.subscribe(prefix)
        tap.connect(self.knobs["tap"])
        return tap

    def log(self):
        return self.log_path.read_text(errors="replace")

    def close(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        for client in self.clients:
            client.socket.close(0)
        self.context.destroy(0)
        shutil.rmtree(self.directory, ignore_errors=True)


@pytest.fixture
def make_broker():
    with contextlib.ExitStack() as stack:
        def make(**settings):
            broker = Broker(**settings)
            stack.callback(broker.close)
            return broker

        yield make


@pytest.fixture
def broker(make_broker):
    return make_broker().start()


def until(condition, what):
    """Asks again until it is true; the answer."""
    deadline = time.monotonic() + LIMIT_S
    pause = threading.Event()
    while True:
        answer = condition()
        if answer:
            return answer
        assert time.monotonic() < deadline, what
        pause.wait(0.01)


# --- frames ------------------------------------------------------------------

def text(value):
    octets = value.encode() if isinstance(value, str) else value
    return bytes([len(octets)]) + octets


def frame(verb, body, request=1, version=1):
    return b"SP" + struct.pack(">BBQ", version, verb, request) + body


def produce_frame(topic, partition, producer, epoch, first_seq, count, events,
                  request=1):
    return frame(PRODUCE, text(topic) + struct.pack(">H", partition) +
                 struct.pack(">Qq", 0, 0) + text(producer) +
                 struct.pack(">IQII", epoch, first_seq, count, len(events)) +
                 events, request)


def fetch_frame(topic="orders", partition=0, offset=0, consumer="",
                position=0, max_bytes=65536, max_wait_ms=0, request=1):
    return frame(FETCH, text(topic) + struct.pack(">H", partition) +
                 text(consumer) + struct.pack(">QQII", position, offset,
                                              max_bytes, max_wait_ms), request)


class Reader:
    def __init__(self, octets):
        self.octets = octets
        self.at = 0

    def take(self, layout):
        values = struct.unpack_from(">" + layout, self.octets, self.at)
        self.at += struct.calcsize(">" + layout)
        return values if len(values) > 1 else values[0]

    def text(self):
        size = self.take("B")
        self.at += size
        return self.octets[self.at - size:self.at].decode()

    def batch(self):
        base, time_us = self.take("Qq")
        producer = self.text()
        epoch, first_seq, count, length = self.take("IQII")
        self.at += length
        return Batch(base, time_us, producer, epoch, first_seq, count,
                     self.octets[self.at - length:self.at])


class Batch:
    def __init__(self, base, time_us, producer, epoch, first_seq, count,
                 events):
        self.base = base
        self.time_us = time_us
        self.producer = producer
        self.epoch = epoch
        self.first_seq = first_seq
        self.count = count
        self.events = events

    @property
    def end(self):
        return self.base + self.count


class Reply:
    """A frame of the broker's, taken apart."""

    def __init__(self, octets):
        reader = Reader(octets)
        assert octets[:3] == b"SP\x01"
        reader.at = 3
        self.verb, self.request = reader.take("BQ")
        getattr(self, f"read_{self.verb}", lambda reader: None)(reader)
        assert reader.at == len(octets)

    def read_2(self, reader):
        self.epoch, count = reader.take("IH")
        self.last_seqs = {}
        for _ in range(count):
            stream = (reader.text(), reader.take("H"))
            self.last_seqs[stream] = reader.take("Q")

    def read_4(self, reader):
        self.base, self.duplicate = reader.take("QB")

    def read_6(self, reader):
        self.start, self.end, count = reader.take("QQI")
        self.batches = [reader.batch() for _ in range(count)]

    def read_8(self, reader):
        self.topics = {}
        for _ in range(reader.take("H")):
            stream = (reader.text(), reader.take("H"))
            self.topics[stream] = reader.take("QQQ")
        self.positions = {}
        for _ in range(reader.take("H")):
            name = (reader.text(), reader.text(), reader.take("H"))
            self.positions[name] = reader.take("Q")
        self.epochs = {}
        for _ in range(reader.take("H")):
            name = reader.text()
            self.epochs[name] = reader.take("I")

    def read_11(self, reader):
        code, self.detail = reader.take("HQ")
        self.error = ERRORS[code]
        self.words = reader.text()


class Client:
    def __init__(self, context, endpoint, receive_max=1000):
        self.socket = context.socket(zmq.DEALER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.RCVHWM, receive_max)
        self.socket.connect(endpoint)
        self.request = 0

    def send(self, octets):
        self.socket.send(octets)

    def receive(self):
        assert self.socket.poll(LIMIT_MS), "no reply"
        return Reply(self.socket.recv())

    def call(self, octets):
        self.send(octets)
        return self.receive()

    def open(self, name):
        return self.call(frame(OPEN, text(name)))

    def fetch(self, **fields):
        return self.call(fetch_frame(**fields))

    def status(self):
        return self.call(frame(STATUS, b""))

    def forget(self, name):
        return self.call(frame(FORGET, text(name)))

    def all_batches(self, **fields):
        """Everything of a partition, and that it joins without holes."""
        batches = []
        offset = self.status().topics[
            fields.get("topic", "orders"), fields.get("partition", 0)][0]
        while True:
            reply = self.fetch(offset=offset, **fields)
            assert reply.verb == FETCH_OK, vars(reply)
            for batch in reply.batches:
                assert batch.base == offset
                offset = batch.end
            batches += reply.batches
            if offset == reply.end:
                return batches


class Producer:
    """Writes one partition, and keeps its own seq."""

    def __init__(self, client, name, topic, partition):
        self.client = client
        self.name = name
        self.topic = topic
        self.partition = partition
        opened = client.open(name)
        self.epoch = opened.epoch
        self.seq = opened.last_seqs.get((topic, partition), 0)

    def octets(self, first_seq, count, events=None, epoch=None, request=1):
        if events is None:
            events = b"\x01" * count
        return produce_frame(self.topic, self.partition, self.name,
                             self.epoch if epoch is None else epoch,
                             first_seq, count, events, request)

    def put(self, first_seq, count, events=None, epoch=None):
        return self.client.call(self.octets(first_seq, count, events, epoch))

    def next(self, count, events=None):
        reply = self.put(self.seq + 1, count, events)
        assert reply.verb == PRODUCE_OK and not reply.duplicate, vars(reply)
        self.seq += count
        return reply


def assert_error(reply, error, detail=None):
    assert reply.verb == ERROR, vars(reply)
    assert reply.error == error, vars(reply)
    assert reply.words.startswith(error), reply.words
    if detail is not None:
        assert reply.detail == detail, vars(reply)


# --- produce -----------------------------------------------------------------

def test_batches_come_back_as_they_were(broker):
    producer = broker.producer()
    before = time.time()
    assert producer.next(2, b"\x81\xa1n\x01\x81\xa1n\x02").base == 0
    assert producer.next(1, b"third").base == 2
    reply = broker.client().fetch()
    assert (reply.start, reply.end) == (0, 3)
    first, second = reply.batches
    assert (first.base, first.first_seq, first.count) == (0, 1, 2)
    assert first.events == b"\x81\xa1n\x01\x81\xa1n\x02"
    assert (first.producer, first.epoch) == ("gateway", 1)
    assert (second.base, second.first_seq, second.count) == (2, 3, 1)
    assert second.events == b"third"
    assert before - 1 < first.time_us / 1e6 <= second.time_us / 1e6 \
        < time.time() + 1


def test_a_repeated_batch_is_acknowledged_and_not_stored(broker):
    producer = broker.producer()
    for base in range(7):
        assert producer.next(1).base == base
    for seq, base in [(7, 6), (3, 2), (2, UNKNOWN), (1, UNKNOWN)]:
        reply = producer.put(seq, 1)
        assert (reply.verb, reply.duplicate) == (PRODUCE_OK, 1)
        assert reply.base == base
    assert broker.client().status().topics["orders", 0][:2] == (0, 7)


def test_gaps_and_overlaps_are_refused(broker):
    producer = broker.producer()
    assert_error(producer.put(2, 1), "SEQ_GAP", 1)
    producer.next(10)
    assert_error(producer.put(12, 1), "SEQ_GAP", 11)
    assert_error(producer.put(10, 2), "SEQ_OVERLAP", 10)
    assert_error(producer.put(1, 11), "SEQ_OVERLAP", 10)
    assert producer.put(11, 1).base == 10


def test_a_window_is_judged_in_order_and_answered_in_order(broker):
    producer = broker.producer()
    wanted = [(1, 5, PRODUCE_OK), (6, 5, PRODUCE_OK), (6, 5, PRODUCE_OK),
              (16, 5, ERROR), (11, 5, PRODUCE_OK), (16, 5, PRODUCE_OK)]
    for request, (first_seq, count, _) in enumerate(wanted):
        producer.client.send(producer.octets(first_seq, count,
                                             request=request))
    for request, (first_seq, _, verb) in enumerate(wanted):
        reply = producer.client.receive()
        assert (reply.request, reply.verb) == (request, verb)
        if verb == PRODUCE_OK:
            assert reply.base == first_seq - 1
            assert reply.duplicate == (request == 2)
        else:
            assert_error(reply, "SEQ_GAP", 11)
    assert broker.client().status().topics["orders", 0][1] == 20


def test_thousands_of_batches_in_flight_lose_nothing(broker):
    producers = [broker.producer("gateway"), broker.producer("gateway-2"),
                 broker.producer("any", "extra")]
    batches = 2000
    for seq in range(batches):
        for producer in producers:
            producer.client.send(producer.octets(seq + 1, 1,
                                                 b"%06d" % seq))
        if seq >= 200:
            for producer in producers:
                assert producer.client.receive().verb == PRODUCE_OK
    for producer in producers:
        for _ in range(200):
            assert producer.client.receive().verb == PRODUCE_OK
    stored = broker.client().all_batches()
    for name in ("gateway", "gateway-2"):
        mine = [batch for batch in stored if batch.producer == name]
        assert [batch.first_seq for batch in mine] == \
            list(range(1, batches + 1))
        assert mine[1234].events == b"001234"
    assert len(broker.client().all_batches(topic="extra")) == batches


def test_partitions_are_apart(make_broker):
    broker = make_broker(partitions=4).start()
    for partition in range(4):
        producer = broker.producer(partition=partition)
        for _ in range(partition):
            producer.next(1)
    topics = broker.client().status().topics
    assert [topics["orders", partition][1] for partition in range(4)] == \
        [0, 1, 2, 3]
    assert_error(broker.client().fetch(partition=4), "UNKNOWN_PARTITION", 4)


# --- who writes --------------------------------------------------------------

def test_opening_again_tells_the_last_seqs_and_fences(broker):
    old = broker.producer()
    old.next(5)
    extra = broker.producer("gateway", "extra")
    assert extra.epoch == 2
    extra.next(3)
    assert_error(old.put(6, 1), "FENCED", 2)
    assert_error(old.put(1, 1), "FENCED", 2)
    reply = broker.client().open("gateway")
    assert reply.epoch == 3
    assert reply.last_seqs == {("orders", 0): 5, ("extra", 0): 3}
    until(lambda: "event=refused code=FENCED name=gateway" in broker.log(),
          "the log tells of the fenced producer")
    assert "event=producer_opened producer=gateway epoch=1" in broker.log()


def test_producing_without_opening_is_refused(broker):
    client = broker.client()
    octets = produce_frame("orders", 0, "gateway", 1, 1, 1, b"x")
    assert_error(client.call(octets), "NOT_OPEN")
    assert client.open("gateway").epoch == 1
    assert client.call(octets).verb == PRODUCE_OK
    assert_error(client.call(produce_frame("orders", 0, "gateway", 2, 2, 1,
                                           b"x")), "NOT_OPEN")
    assert_error(client.call(produce_frame("orders", 0, "gateway", 0, 2, 1,
                                           b"x")), "NOT_OPEN")


def test_permissions_follow_the_routes(broker):
    client = broker.client()
    for producer, topic, allowed in [
            ("gateway", "orders", True), ("gateway-7", "orders", True),
            ("payment", "orders", False), ("stranger", "orders", False),
            ("payment", "payments", True), ("stranger", "extra", True),
            ("ledger", "transactions", True), ("ledger", "payments", False)]:
        epoch = client.open(producer).epoch
        reply = client.call(produce_frame(topic, 0, producer, epoch, 1, 1,
                                          b"x"))
        if allowed:
            assert reply.verb == PRODUCE_OK, (producer, topic)
        else:
            assert_error(reply, "NOT_PERMITTED")
    assert_error(client.fetch(consumer="ledger"), "NOT_PERMITTED")
    assert client.fetch(consumer="payment").verb == FETCH_OK
    assert client.fetch(consumer="stranger").verb == FETCH_OK
    assert ("ledger", "orders", 0) not in client.status().positions


# --- form --------------------------------------------------------------------

def test_unknown_and_impossible_names_are_refused(broker):
    producer = broker.producer()
    client = producer.client
    assert_error(client.fetch(topic="nowhere"), "UNKNOWN_TOPIC")
    assert_error(client.fetch(partition=1), "UNKNOWN_PARTITION", 1)
    assert_error(client.call(produce_frame("nowhere", 0, "gateway", 1, 1, 1,
                                           b"x")), "UNKNOWN_TOPIC")
    assert_error(client.call(produce_frame("orders", 1, "gateway", 1, 1, 1,
                                           b"x")), "UNKNOWN_PARTITION", 1)
    assert_error(client.fetch(topic="Orders"), "BAD_NAME")
    assert_error(client.fetch(topic=""), "BAD_NAME")
    assert_error(client.fetch(consumer="a b"), "BAD_NAME")
    assert_error(client.open(""), "BAD_NAME")
    assert_error(client.open("a" * 32), "MALFORMED")
    assert client.open("a" * 31).verb == OPEN_OK


def test_batches_that_are_too_large_are_refused(make_broker):
    broker = make_broker(batch=8192).start()
    producer = broker.producer()
    assert_error(producer.put(1, 1, bytes(8193)), "TOO_LARGE", 8192)
    producer.next(1, bytes(8192))
    assert broker.client().fetch(max_bytes=1).batches[0].count == 1


def test_the_largest_batch_and_the_most_events_go_through(broker):
    producer = broker.producer()
    assert_error(producer.put(1, 65537, bytes(65537)), "TOO_LARGE", 65536)
    assert_error(producer.put(1, 1, bytes(2**20 + 1)), "TOO_LARGE", 2**20)
    producer.next(65536)
    producer.next(1, bytes(2**20))
    first, second = broker.client().fetch(max_bytes=2**32 - 1).batches
    assert first.count == 65536
    assert second.events == bytes(2**20)


def test_malformed_frames_are_told(broker):
    client = broker.client()
    for octets in [frame(0, b""), frame(99, b""), frame(OPEN_OK, b""),
                   frame(OPEN, b""), frame(OPEN, b"\x05abc"),
                   frame(OPEN, text("gateway") + b"x"), frame(STATUS, b"x"),
                   fetch_frame()[:-1], fetch_frame() + b"x",
                   produce_frame("orders", 0, "gateway", 1, 0, 1, b"x"),
                   produce_frame("orders", 0, "gateway", 1, 1, 0, b"x"),
                   produce_frame("orders", 0, "gateway", 1, 1, 2, b"x"),
                   produce_frame("orders", 0, "gateway", 1, 2**64 - 1, 1,
                                 b"x")]:
        assert_error(client.call(octets), "MALFORMED")
    assert_error(client.call(frame(STATUS, b"what?", request=77, version=2)),
                 "VERSION", 1)
    assert client.status().verb == STATUS_OK


def test_frames_of_others_get_silence(broker):
    client = broker.client()
    for octets in [b"", b"S", b"SP\x01\x07", b"GET / HTTP/1.1\r\n\r\n"]:
        client.send(octets)
    client.socket.send_multipart([b"", frame(STATUS, b"", request=5)])
    client.socket.send_multipart([frame(STATUS, b"", request=6), b""])
    client.send(frame(STATUS, b"", request=9))
    assert client.receive().request == 9


def test_a_frame_beyond_all_limits_costs_its_sender_only(broker):
    producer = broker.producer()
    client = broker.client()
    assert_error(client.call(frame(STATUS, bytes(4 << 20))), "MALFORMED")
    events = client.socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)
    client.send(frame(STATUS, bytes(5 << 20)))
    assert events.poll(LIMIT_MS), "still connected"
    client.socket.disable_monitor()
    producer.next(1)
    assert broker.client().status().verb == STATUS_OK


def test_random_octets_do_no_harm(broker):
    noise = random.Random(20)
    client = broker.client()
    producer = broker.producer()
    producer.next(3)
    for turn in range(3000):
        octets = bytearray(random.Random(turn).choice([
            fetch_frame(max_wait_ms=1), producer.octets(4, 2, b"abcdef"),
            frame(OPEN, text("gateway-9")), frame(FORGET, text("payment")),
            frame(noise.randrange(12), noise.randbytes(40))]))
        for _ in range(noise.randrange(1, 4)):
            octets[noise.randrange(len(octets))] = noise.randrange(256)
        client.send(bytes(octets[:noise.randrange(len(octets) + 1)]))
        if turn % 100 == 0:
            assert producer.client.status().verb == STATUS_OK
    assert producer.client.status().topics["orders", 0][1] >= 3
    assert broker.end(signal.SIGTERM) == 0
    broker.start()
    assert broker.client().fetch().batches[0].count == 3


# --- fetch -------------------------------------------------------------------

def test_a_fetch_gives_whole_batches_from_the_one_that_holds_it(broker):
    producer = broker.producer()
    for _ in range(4):
        producer.next(10, b"0123456789" * 100)
    client = broker.client()
    size = 44 + 1000
    for offset, max_bytes, bases in [
            (0, 65536, [0, 10, 20, 30]), (9, 65536, [0, 10, 20, 30]),
            (10, 65536, [10, 20, 30]), (39, 65536, [30]), (40, 65536, []),
            (15, 0, [10]), (15, size, [10]), (15, 2 * size - 1, [10]),
            (15, 2 * size, [10, 20])]:
        reply = client.fetch(offset=offset, max_bytes=max_bytes)
        assert [batch.base for batch in reply.batches] == bases
        assert reply.end == 40


def test_a_fetch_beyond_the_end_is_refused(broker):
    broker.producer().next(10)
    client = broker.client()
    assert client.fetch(offset=10).batches == []
    assert_error(client.fetch(offset=11), "OFFSET_AHEAD", 10)
    assert_error(client.fetch(offset=2**64 - 1), "OFFSET_AHEAD", 10)
    assert_error(client.fetch(offset=5, consumer="payment", position=11),
                 "OFFSET_AHEAD", 10)
    assert client.status().positions == {}


def test_a_waiting_fetch_wakes_when_something_is_stored(broker):
    producer = broker.producer()
    readers = [broker.client() for _ in range(3)]
    for reader in readers:
        reader.send(fetch_frame(max_wait_ms=30000, request=5))
        assert reader.status().verb == STATUS_OK  # the fetch waits by now
    other = broker.client()
    other.send(fetch_frame("extra", max_wait_ms=30000))
    assert other.status().verb == STATUS_OK
    producer.next(2)
    for reader in readers:
        reply = reader.receive()
        assert (reply.verb, reply.request) == (FETCH_OK, 5)
        assert reply.batches[0].count == 2
    assert other.socket.poll(0) == 0


def test_a_waiting_fetch_ends_with_nothing_in_time(broker):
    client = broker.client()
    start = time.monotonic()
    for _ in range(10):
        assert client.fetch(max_wait_ms=50).batches == []
    assert 0.5 <= time.monotonic() - start < LIMIT_S


def test_a_newer_fetch_takes_the_place_of_an_older(broker):
    client = broker.client()
    client.send(fetch_frame(max_wait_ms=30000, request=1))
    client.send(fetch_frame(max_wait_ms=30000, request=2))
    client.send(fetch_frame("extra", max_wait_ms=30000, request=3))
    assert client.status().verb == STATUS_OK
    broker.producer().next(1)
    assert client.receive().request == 2
    broker.producer("any", "extra").next(1)
    assert client.receive().request == 3


def test_who_does_not_read_his_replies_harms_nobody(broker):
    producer = broker.producer()
    deaf = broker.client(receive_max=1)
    for _ in range(30000):
        deaf.send(frame(STATUS, b""))
    for _ in range(20):
        producer.next(1)
    until(lambda: "event=client_slow" in broker.log(),
          "the log tells of the slow client")
    assert broker.client().fetch(offset=5).batches[0].base == 5


# --- limits ------------------------------------------------------------------

def test_named_limits_refuse_what_is_beyond(make_broker):
    broker = make_broker(producers=4, consumers=4, fetches=4).start()
    client = broker.client()
    for number in range(4):
        assert client.open(f"p{number}").verb == OPEN_OK
        assert client.fetch(consumer=f"c{number}").verb == FETCH_OK
    assert_error(client.open("p9"), "LIMIT", 4)
    assert client.open("p0").epoch == 2
    assert_error(client.fetch(consumer="c9"), "LIMIT", 4)
    assert client.forget("c0").verb == FORGET_OK
    assert client.fetch(consumer="c9").verb == FETCH_OK
    waiting = [broker.client() for _ in range(4)]
    for each in waiting:
        each.send(fetch_frame("extra", max_wait_ms=30000))
        assert each.status().verb == STATUS_OK
    assert_error(client.fetch(topic="extra", max_wait_ms=30000), "LIMIT", 4)
    assert client.fetch(topic="extra").batches == []  # it need not wait
    until(lambda: "event=refused code=LIMIT" in broker.log(),
          "the log tells of the limit")


def raw_connection(path):
    """A connection that says nothing."""
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(path)  # waits while the broker is busy
    connection.settimeout(LIMIT_S)
    return connection


def asked_again_is_answered(client):
    """What was asked over a connection that is then cut is lost; a client
    asks again, as docs/PROTOCOL.md tells it to."""
    client.send(frame(STATUS, b""))
    return client.socket.poll(1000) and client.receive().verb == STATUS_OK


def is_cut(connection):
    """True if the other side has closed; what it says first is its greeting."""
    try:
        while connection.recv(4096):
            pass
    except ConnectionResetError:
        pass
    return True


@pytest.mark.parametrize("door", ["bus", "tap"])
def test_connections_beyond_the_knob_are_cut(make_broker, door):
    broker = make_broker(connections=8).start()
    producer = broker.producer()
    path = broker.knobs[door].removeprefix("ipc://")
    with contextlib.ExitStack() as stack:
        silent = [stack.enter_context(raw_connection(path)) for _ in range(7)]
        for _ in range(50):
            with raw_connection(path) as one_more:
                assert is_cut(one_more)
        producer.next(1)
        until(lambda: "event=connection_refused limit=8" in broker.log(),
              "the log tells of the limit")
        silent.pop().close()
        client = broker.client()  # it may come before that is noticed
        until(lambda: asked_again_is_answered(client), "room for one")
    producer.next(1)


@pytest.fixture
def many_descriptors():
    """As many as we may have: also a cut connection keeps one on our side."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_009_more_connections_than_descriptors_do_no_harm(make_broker,
                                                          many_descriptors):
    """libzmq ends the process when accept() finds no descriptor."""
    broker = make_broker(connections=8, wrapper=["prlimit", "--nofile=1040"])
    producer = broker.start().producer()
    path = broker.knobs["bus"].removeprefix("ipc://")
    with contextlib.ExitStack() as stack:
        for _ in range(12):
            for _ in range(100):
                stack.enter_context(raw_connection(path))
            producer.next(1)  # so it has looked at these
    assert broker.process.poll() is None, broker.log()


def test_connections_that_need_too_many_descriptors_are_refused(make_broker):
    broker = make_broker(connections=8, wrapper=["prlimit", "--nofile=1031"])
    code, said = broker.refuses_to_start()
    assert code == 100
    assert "connections" in said and len(said.splitlines()) == 1, said
    assert not broker.home.exists()


def test_below_the_disk_floor_nothing_is_stored_and_all_is_read(make_broker):
    broker = make_broker().start()
    producer = broker.producer()
    producer.next(3)
    broker.knobs["disk_floor"] = "16000g"
    broker.restart()
    producer = broker.producer()
    assert producer.epoch == 2
    reply = producer.put(4, 1)
    assert_error(reply, "DISK_FLOOR")
    assert 0 < reply.detail < 16000 << 30
    assert producer.put(3, 1).duplicate == 1
    assert broker.client().fetch(consumer="payment").end == 3
    assert "event=disk_floor_reached" in broker.log()


def unshared():
    """How to run something with mounts of its own, or None."""
    for wrapper in (["unshare", "-m"], ["unshare", "-Urm"]):
        probe = subprocess.run(
            [*wrapper, "mount", "-t", "tmpfs", "none", "/mnt"],
            capture_output=True, timeout=LIMIT_S)
        if probe.returncode == 0:
            return wrapper
    return None


def test_a_disk_that_fills_refuses_and_serves_on(make_broker):
    wrapper = unshared()
    if wrapper is None:
        pytest.skip("no right to mount a small file system")
    broker = make_broker(segment=65536, checkpoint="1m", cache="1m",
                         retention_bytes="1m", disk_floor="16m")
    small = broker.directory / "small"
    small.mkdir()
    broker.home = small / "var"
    broker.wrapper = [
        *wrapper, "sh", "-c", 'mount -t tmpfs -o size=40m none "$0" && '
        'exec "$@"', small]
    broker.start()
    holder = broker.client()
    assert holder.fetch(consumer="payment").verb == FETCH_OK
    producer = broker.producer()
    while True:
        reply = producer.put(producer.seq + 1, 2, bytes(200000))
        if reply.verb == ERROR:
            break
        producer.seq += 2
        assert producer.seq < 1000
    assert_error(reply, "DISK_FLOOR")
    assert reply.detail < 16 << 20
    assert producer.seq > 20
    assert holder.status().topics["orders", 0][1] == producer.seq
    assert sum(batch.count for batch in
               broker.client().all_batches()) == producer.seq
    # What nobody needs any more makes room, and the same batch is welcome.
    assert holder.forget("payment").verb == FORGET_OK

    def stored():
        return producer.put(producer.seq + 1, 2,
                            bytes(200000)).verb == PRODUCE_OK
    until(stored, "retention made room")
    assert producer.put(producer.seq + 1, 2, bytes(200000)).duplicate == 1


# --- retention, consumers ----------------------------------------------------

def fill(producer, batches):
    for _ in range(batches):
        producer.next(1, bytes(30000))


def start_of(client):
    return client.status().topics["orders", 0][0]


# Of 20 batches, three to a segment, what retention_bytes=65536 leaves: it goes
# step by step, and before the last one the start may be another at each look.
RETAINED = 15


def test_retention_trims_what_no_consumer_needs(make_broker):
    broker = make_broker(segment=65536, retention_bytes=65536).start()
    client = broker.client()
    assert client.fetch(consumer="payment").verb == FETCH_OK
    fill(broker.producer(), 20)
    assert start_of(client) == 0
    client.fetch(consumer="payment", offset=6, position=6)
    until(lambda: start_of(client) == 6, "segments below 6 go")
    assert_error(client.fetch(offset=5), "OFFSET_TRIMMED", 6)
    assert client.fetch(offset=6).start == 6
    broker.restart(signal.SIGKILL)
    client = broker.client()
    # A position may be some time old after a kill, never ahead.
    assert client.status().positions["payment", "orders", 0] in (0, 6)
    assert start_of(client) == 6
    assert client.forget("payment").verb == FORGET_OK
    until(lambda: start_of(client) == RETAINED, "no consumer holds it")
    assert len(client.all_batches()) == 20 - RETAINED
    assert client.status().topics["orders", 0][2] >= 65536
    data = broker.home / "data" / "broker"
    until(lambda: len(list(data.glob("topic.orders.*"))) <= 3,
          "the files go")


def test_forced_retention_does_not_wait(make_broker):
    broker = make_broker(segment=65536, retention_bytes=65536,
                         retention_forced=1).start()
    client = broker.client()
    assert client.fetch(consumer="payment").verb == FETCH_OK
    fill(broker.producer(), 20)
    until(lambda: start_of(client) == RETAINED, "segments go")
    assert_error(client.fetch(consumer="payment"), "OFFSET_TRIMMED", RETAINED)


def test_retention_by_time_spares_the_active_segment(make_broker):
    broker = make_broker(segment=65536, retention_time=1).start()
    client = broker.client()
    fill(broker.producer(), 7)
    # Three batches fill a segment, and it ends early where the machine paused:
    # the active one begins at one of the last three.
    until(lambda: start_of(client) in (4, 5, 6), "all but the active one go")
    assert client.fetch(offset=6).batches[0].base == 6


def test_positions_are_shown_and_survive(broker):
    broker.producer().next(10)
    client = broker.client()
    client.fetch(consumer="payment", offset=4, position=4)
    client.fetch(consumer="audit", topic="extra")
    client.fetch(consumer="payment", offset=7, position=7)
    positions = {("payment", "orders", 0): 7, ("audit", "extra", 0): 0}
    assert client.status().positions == positions
    broker.restart()
    client = broker.client()
    assert client.status().positions == positions
    assert client.forget("payment").verb == FORGET_OK
    assert client.forget("payment").verb == FORGET_OK
    del positions["payment", "orders", 0]
    assert client.status().positions == positions
    broker.restart(signal.SIGKILL)
    assert broker.client().status().positions == positions


def test_a_registration_is_durable_before_its_fetch_is_answered(broker):
    assert broker.client().fetch(consumer="audit").verb == FETCH_OK
    broker.restart(signal.SIGKILL)
    assert broker.client().status().positions == {("audit", "orders", 0): 0}


def test_positions_are_written_within_seconds(broker):
    producer = broker.producer()
    producer.next(10)
    client = broker.client()
    client.fetch(consumer="audit")
    client.fetch(consumer="audit", position=7)
    client.fetch(topic="extra", max_wait_ms=2500)  # that long, nothing comes
    producer.next(1)
    broker.restart(signal.SIGKILL)
    assert broker.client().status().positions == {("audit", "orders", 0): 7}


def test_status_tells_all(broker):
    broker.producer().next(4)
    broker.client().open("ledger")
    status = broker.client().status()
    assert {stream: marks[:2] for stream, marks in status.topics.items()} == {
        ("orders", 0): (0, 4), ("payments", 0): (0, 0),
        ("transactions", 0): (0, 0), ("dead-letters", 0): (0, 0),
        ("extra", 0): (0, 0)}
    assert status.topics["orders", 0][2] == 44 + 4
    assert status.epochs == {"gateway": 1, "ledger": 1}


# --- restarts ----------------------------------------------------------------

@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_what_was_acknowledged_survives(make_broker, number):
    broker = make_broker(segment=65536).start()
    producer = broker.producer()
    for _ in range(3):
        fill(producer, 3)
        producer.next(7, b"survive")
        broker.restart(number)
    stored = broker.client().all_batches()
    assert sum(batch.count for batch in stored) == 30 == producer.seq
    assert [batch.events for batch in stored[3::4]] == [b"survive"] * 3
    reply = broker.client().open("gateway")
    assert reply.epoch == 2
    assert reply.last_seqs == {("orders", 0): 30}


def test_a_producer_goes_on_after_kill_without_opening_again(broker):
    producer = broker.producer()
    producer.next(5)
    broker.restart(signal.SIGKILL)
    reply = producer.put(1, 5)
    assert (reply.verb, reply.duplicate, reply.base) == (PRODUCE_OK, 1, 0)
    assert_error(producer.put(7, 1), "SEQ_GAP", 6)
    assert producer.next(2).base == 5
    assert_error(producer.put(8, 1, epoch=2), "NOT_OPEN")


def test_kill_under_load_loses_nothing_acknowledged(broker):
    for _ in range(3):
        producer = broker.producer()
        stored = producer.seq
        for seq in range(stored, stored + 2000):
            producer.client.send(producer.octets(seq + 1, 1, b"%06d" % seq))
        acknowledged = 0
        for _ in range(300):
            if producer.client.receive().verb == PRODUCE_OK:
                acknowledged += 1
        broker.restart(signal.SIGKILL)
        batches = broker.client().all_batches()
        assert len(batches) >= stored + acknowledged
        for batch in batches:
            assert batch.first_seq == batch.base + 1
            assert batch.events == b"%06d" % batch.base
        producer.client.socket.close(0)


def test_it_stops_when_asked_though_a_fetch_waits(broker):
    client = broker.client()
    client.send(fetch_frame(max_wait_ms=30000))
    assert client.status().verb == STATUS_OK
    assert broker.end(signal.SIGTERM) == 0


# --- wrong use ---------------------------------------------------------------

def assert_refuses_to_start(broker, *words):
    code, said = broker.refuses_to_start()
    assert code == 100, said
    lines = said.splitlines()
    assert len(lines) == 1 and lines[0].startswith("broker: "), said
    for word in words:
        assert word in lines[0], said


def test_a_second_broker_on_the_same_home_is_refused(make_broker):
    broker = make_broker().start()
    second = make_broker(home=broker.home)
    assert_refuses_to_start(second, str(broker.process.pid))
    broker.producer().next(1)


def test_another_number_of_partitions_is_refused(make_broker):
    broker = make_broker(partitions=2).start()
    assert broker.end(signal.SIGTERM) == 0
    broker.knobs["partitions"] = 3
    assert_refuses_to_start(broker, "partitions", "3", "2")
    broker.knobs["partitions"] = 2
    broker.start()


@pytest.mark.parametrize("topics", ["Upper", "a,a", "orders", "a b c/d"])
def test_impossible_topics_are_refused_before_anything_is_made(make_broker,
                                                               topics):
    broker = make_broker(topics=topics)
    assert_refuses_to_start(broker, "topics")
    assert not broker.home.exists()


@pytest.mark.parametrize("knob", ["bus", "tap"])
def test_a_busy_address_is_refused(make_broker, knob):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        broker = make_broker(**{knob: f"tcp://127.0.0.1:{port}"})
        assert_refuses_to_start(broker, knob, str(port))


def test_it_serves_over_tcp(make_broker):
    broker = make_broker(bus=f"tcp://127.0.0.1:{free_port()}").start()
    broker.producer().next(1)
    assert broker.client().fetch().end == 1


# --- the tap -----------------------------------------------------------------

def tap_next(tap):
    assert tap.poll(LIMIT_MS), "nothing on the tap"
    subject, octets = tap.recv_multipart()
    reader = Reader(octets)
    batch = reader.batch()
    assert reader.at == len(octets)
    return subject, batch


def read_up(tap, producer):
    """Reads what is on the way, to the last that was produced."""
    while tap_next(tap)[1].end != producer.seq:
        pass


def listening(broker, tap, producer):
    """Produces until the tap hears it: then the subscription is known."""
    def heard():
        producer.next(1, b"?")
        return tap.poll(50)
    until(heard, "the tap hears something")
    read_up(tap, producer)


def test_the_tap_shows_what_is_stored(broker):
    producer = broker.producer()
    tap = broker.subscriber(b"orders/")
    listening(broker, tap, producer)
    other = broker.producer("any", "extra")
    other.next(1)
    base = producer.next(3, b"abc").base
    subject, batch = tap_next(tap)
    assert subject == b"orders/0"
    assert (batch.base, batch.count, batch.events) == (base, 3, b"abc")
    assert (batch.producer, batch.first_seq) == ("gateway", base + 1)
    stored = broker.client().fetch(offset=base).batches[0]
    assert vars(stored) == vars(batch)
    # What is not stored anew is not shown.
    assert producer.put(1, 1).duplicate == 1
    assert_error(producer.put(producer.seq + 5, 1), "SEQ_GAP")
    base = producer.next(1, b"z").base
    assert tap_next(tap)[1].base == base
    tap.close()


def test_the_tap_of_everything_and_of_one_that_left(broker):
    producer = broker.producer()
    everything = broker.subscriber(b"")
    listening(broker, everything, producer)
    one = broker.subscriber(b"orders/0")
    listening(broker, one, producer)
    one.close(0)
    read_up(everything, producer)
    other = broker.producer("any", "extra")
    other.next(1)
    assert tap_next(everything)[0] == b"extra/0"
    producer.next(1)
    assert tap_next(everything)[0] == b"orders/0"
    everything.close()


def test_a_tap_that_does_not_read_stops_nobody(broker):
    producer = broker.producer()
    tap = broker.subscriber(b"")
    tap.setsockopt(zmq.RCVHWM, 1)
    listening(broker, tap, producer)
    for _ in range(30):
        for _ in range(100):
            producer.client.send(producer.octets(producer.seq + 1, 1,
                                                 bytes(10000)))
            producer.seq += 1
        for _ in range(100):
            assert producer.client.receive().verb == PRODUCE_OK
    tap.close(0)
