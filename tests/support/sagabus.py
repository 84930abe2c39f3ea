"""A client of the saga bus for tests and tools, written from docs/PROTOCOL.md alone.

    with Bus("ipc://HOME/run/broker.ipc") as bus:
        bus.open("gateway")
        bus.produce("orders", 0, [event("AccountFrozen", userId=1)])
        for offset, seq, octets in bus.fetch("orders", 0, offset=0).events(0):
            print(offset, seq, msgpack.unpackb(octets))

A Bus belongs to one thread. It holds at most one producer's name.
"""

import collections
import dataclasses
import itertools
import struct
import time

import msgpack
import zmq
from zmq.utils.monitor import recv_monitor_message

(OPEN, OPEN_OK, PRODUCE, PRODUCE_OK, FETCH, FETCH_OK,
 STATUS, STATUS_OK, FORGET, FORGET_OK, ERROR,
 REPORT, REPORT_OK, SURVEY, SURVEY_OK, OPEN_STORE) = range(1, 17)
NOT_KNOWN = 2 ** 64 - 1     # base-offset of a duplicate from long ago
LONGEST_TIMEOUT = 10.0      # seconds; time-outs double up to this
MOST_UNDER_WAY = 8          # batches sent to one partition and not yet acknowledged


class BusError(Exception):
    """The broker answered ERROR. Each code of section 9 is a class of its own."""

    code = 0
    codes = {}

    def __init__(self, code, detail, words):
        super().__init__(f"{type(self).__name__} ({code}), detail {detail}: {words}")
        self.code, self.detail, self.words = code, detail, words


for _code, _name in enumerate((
        "Malformed", "Version", "TooLarge", "BadName", "UnknownTopic", "UnknownPartition",
        "NotPermitted", "NotOpen", "Fenced", "SeqGap", "SeqOverlap", "OffsetTrimmed",
        "OffsetAhead", "Limit", "DiskFloor"), 1):
    globals()[_name] = BusError.codes[_code] = type(_name, (BusError,), {"code": _code})


class DataLost(Exception):
    """The broker no longer has what it acknowledged: stop and call a human."""


class NoReply(Exception):
    """Nothing was answered, however often it was asked."""


def is_passing(error):
    """True for refusals that time heals; an unknown code counts as LIMIT."""
    return error.code in (14, 15) or error.code not in BusError.codes


class Reader:
    """Takes a frame apart from the front."""

    def __init__(self, frame):
        self.frame, self.at = frame, 0

    def take(self, size):
        if self.at + size > len(self.frame):
            raise ValueError("the frame is too short")
        self.at += size
        return self.frame[self.at - size:self.at]

    def ints(self, form):
        return struct.unpack(">" + form, self.take(struct.calcsize(">" + form)))

    def words(self):
        return self.take(self.ints("B")[0]).decode()

    def end(self):
        if self.at != len(self.frame):
            raise ValueError("something follows the body")


@dataclasses.dataclass
class Batch:
    """1 or more events of one producer, one behind the other in `octets`."""

    producer: str
    epoch: int
    first_seq: int
    count: int
    octets: bytes
    base_offset: int = 0
    time_us: int = 0

    @property
    def next_offset(self):
        return self.base_offset + self.count

    def encode(self):
        return (struct.pack(">Qq", self.base_offset, self.time_us) + name(self.producer)
                + struct.pack(">IQII", self.epoch, self.first_seq, self.count, len(self.octets))
                + self.octets)

    @classmethod
    def decode(cls, reader):
        base_offset, time_us = reader.ints("Qq")
        producer = reader.words()
        epoch, first_seq, count, length = reader.ints("IQII")
        return cls(producer, epoch, first_seq, count, reader.take(length), base_offset, time_us)

    def events(self):
        """(offset, seq, msgpack octets) of each event."""
        unpacker, begin = msgpack.Unpacker(), 0
        unpacker.feed(self.octets)
        for i in range(self.count):
            unpacker.skip()
            yield self.base_offset + i, self.first_seq + i, self.octets[begin:unpacker.tell()]
            begin = unpacker.tell()
        if begin != len(self.octets):
            raise ValueError("octets behind the last event")


class Fetched(collections.namedtuple("Fetched", "start end batches")):
    """The answer to a FETCH."""

    def events(self, offset):
        """(offset, seq, octets) of the events from `offset` on."""
        for batch in self.batches:
            yield from (item for item in batch.events() if item[0] >= offset)


# The answer to a STATUS: {(topic, partition): (start, end, stored bytes)},
# {(consumer, topic, partition): position}, {producer: epoch}
State = collections.namedtuple("State", "partitions consumers producers")


def name(text):
    return struct.pack("B", len(text.encode())) + text.encode()


def place(topic, partition):
    return name(topic) + struct.pack(">H", partition)


def frame(verb, request_id, body=b""):
    return struct.pack(">2sBBQ", b"SP", 1, verb, request_id) + body


def fetch_body(topic, partition, consumer, position, offset, max_bytes, max_wait_ms):
    return (place(topic, partition) + name(consumer)
            + struct.pack(">QQII", position, offset, max_bytes, max_wait_ms))


def read_reply(octets):
    """(verb, request id, Reader of the body) of a reply."""
    reader = Reader(octets)
    magic, version, verb, request_id = reader.ints("2sBBQ")
    if (magic, version) != (b"SP", 1):
        raise ValueError("not a frame of version 1")
    return verb, request_id, reader


def read_error(reader):
    code, detail, words = *reader.ints("HQ"), reader.words()
    reader.end()
    return BusError.codes.get(code, BusError)(code, detail, words)


def read_open_ok(reader):
    """(epoch, {(topic, partition): last seq})"""
    epoch, count = reader.ints("IH")
    written = {(reader.words(), *reader.ints("H")): reader.ints("Q")[0] for _ in range(count)}
    reader.end()
    return epoch, written


def read_fetch_ok(reader):
    start, end, count = reader.ints("QQI")
    fetched = Fetched(start, end, [Batch.decode(reader) for _ in range(count)])
    reader.end()
    return fetched


def read_status_ok(reader):
    state = read_state(reader)
    reader.end()
    return state


def read_survey_ok(reader):
    """(what STATUS tells, {name: (age in ms, report)})"""
    state, reports = read_state(reader), {}
    for _ in range(*reader.ints("H")):
        name_, (age_ms, length) = reader.words(), reader.ints("IH")
        reports[name_] = age_ms, reader.take(length)
    reader.end()
    return state, reports


def read_state(reader):
    word, ints = reader.words, reader.ints
    return State({(word(), *ints("H")): ints("QQQ") for _ in range(*ints("H"))},
                  {(word(), word(), *ints("H")): ints("Q")[0] for _ in range(*ints("H"))},
                  {word(): ints("I")[0] for _ in range(*ints("H"))})


def event(kind, **fields):
    """An event as docs/EVENTS.md has it, but for `id` and `source`, which produce() puts in front."""
    return {"type": kind, "version": 1, "time": time.time_ns() // 1000, **fields}


def partition_of(user, partitions):
    """The partition that an event of this user goes to."""
    mask = 2 ** 64 - 1
    user = (user ^ user >> 30) * 0xbf58476d1ce4e5b9 & mask
    user = (user ^ user >> 27) * 0x94d049bb133111eb & mask
    return (user ^ user >> 31) % partitions


@dataclasses.dataclass
class Pending:
    """A batch that has not been acknowledged."""

    request_id: int
    batch: Batch
    base_offset: int = None
    duplicate: bool = None


class Window:
    """What is under way to one partition: `queue`, of which the first `sent` have been sent."""

    def __init__(self, topic, partition, last_seq, timeout):
        self.topic, self.partition = topic, partition
        self.acknowledged, self.next_seq = last_seq, last_seq + 1
        self.queue, self.sent = [], 0
        self.timeout, self.deadline = timeout, 0.0      # when the sent ones are sent again
        self.not_before = 0.0                   # nothing is sent until then
        self.rewound = None     # the seq we went back to; until it is stored, SEQ_GAPs are old news
        self.refusal = None     # the last refusal that time may heal
        self.failed = None      # a refusal that it will not


class Bus:
    """A connection to the broker. Requests are repeated until answered, for `patience` seconds;
    then NoReply is raised, or the last refusal if there were refusals that time may heal."""

    def __init__(self, endpoint, timeout=1.0, patience=30.0, pause=1.0, context=None):
        self.timeout, self.patience, self.pause = timeout, patience, pause
        self.producer, self.epoch = None, 0
        self.windows, self.ids = {}, itertools.count(1)
        self.asked = self.answer = self.fenced = None
        self.opening = False
        self.connected = self.reconnected = False
        self.socket = (context or zmq.Context.instance()).socket(zmq.DEALER)
        self.socket.setsockopt(zmq.IMMEDIATE, 1)
        self.socket.setsockopt(zmq.LINGER, 100)
        self.monitor = self.socket.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED)
        self.socket.connect(endpoint)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.disable_monitor()
        self.monitor.close(0)
        self.socket.close()

    # Requests

    def open(self, producer):
        """Become the producer of that name; returns {(topic, partition): last seq stored}."""
        if self.fenced:
            raise self.fenced
        self.opening = True     # what is sent behind an OPEN under the old epoch is fenced by it
        try:
            self.epoch, written = read_open_ok(self._ask(OPEN, name(producer), OPEN_OK))
        finally:
            self.opening = False
        if producer != self.producer:
            self.producer, self.windows = producer, {}
        for window in self.windows.values():
            if written.get((window.topic, window.partition), 0) < window.acknowledged:
                raise DataLost(f"{window.topic}/{window.partition} ends before what was acknowledged")
        for place_, last_seq in written.items():
            self._window(*place_, last_seq)
        return written

    def send(self, topic, partition, events):
        """Puts a batch on its way; flush() waits for its acknowledgement. An event is a map
        (`id` and `source` are added) or its octets. Returns the batch's Pending."""
        if self.fenced or not self.producer:
            raise self.fenced or BusError.codes[8](8, 0, "open() first")
        window = self._window(topic, partition, 0)
        octets = [one if isinstance(one, bytes) else
                  msgpack.packb({"id": window.next_seq + i, "source": self.producer, **one})
                  for i, one in enumerate(events)]
        batch = Batch(self.producer, self.epoch, window.next_seq, len(octets), b"".join(octets))
        pending = Pending(next(self.ids), batch)
        window.next_seq += batch.count
        window.queue.append(pending)
        self._pump(0)
        return pending

    def flush(self):
        """Waits until all that was sent is on the broker's disk. What was refused for good is
        raised: then that batch and those behind it are no longer under way, and their seqs are free."""
        limit = time.monotonic() + self.patience
        while True:
            for window in self.windows.values():
                if window.failed:
                    error, window.failed = window.failed, None
                    raise error
            waiting = [window for window in self.windows.values() if window.queue]
            if not waiting:
                return
            if time.monotonic() >= limit:
                raise waiting[0].refusal or NoReply(f"PRODUCE to {waiting[0].topic}")
            self._pump(limit)

    def produce(self, topic, partition, events):
        """Stores one batch; returns (base offset, whether it was stored before)."""
        pending = self.send(topic, partition, events)
        self.flush()
        return pending.base_offset, pending.duplicate

    def fetch(self, topic, partition, offset, consumer="", position=0, max_bytes=1 << 20,
              max_wait_ms=0):
        """The batches from the one that holds `offset` on; waits for one if there is none."""
        body = fetch_body(topic, partition, consumer, position, offset, max_bytes, max_wait_ms)
        return read_fetch_ok(self._ask(FETCH, body, FETCH_OK, max_wait_ms / 1000))

    def status(self):
        return read_status_ok(self._ask(STATUS, b"", STATUS_OK))

    def report(self, name_, octets):
        """Tells how the process of that name is."""
        self._ask(REPORT, name(name_) + struct.pack(">H", len(octets)) + octets, REPORT_OK).end()

    def survey(self):
        return read_survey_ok(self._ask(SURVEY, b"", SURVEY_OK))

    def forget(self, consumer):
        """This consumer will not come back."""
        self._ask(FORGET, name(consumer), FORGET_OK).end()

    def _window(self, topic, partition, last_seq):
        fresh = Window(topic, partition, last_seq, self.timeout)
        return self.windows.setdefault((topic, partition), fresh)

    # The socket

    def transmit(self, octets):
        """Sends a frame; False if there is no room or no connection for it."""
        try:
            self.socket.send(octets, zmq.DONTWAIT)
        except zmq.Again:
            return False
        return True

    def receive(self):
        """The next frame that has come, or None."""
        try:
            return self.socket.recv(zmq.DONTWAIT)
        except zmq.Again:
            return None

    def _ask(self, verb, body, answer, wait=0.0):
        """The body of the reply to a request that may be repeated at will. Each repetition has an
        id of its own, and only the last one's reply counts: of two OPENs, the first one's epoch is
        out of force when the second is answered. When time is up, what was refused last is told."""
        limit, timeout = time.monotonic() + self.patience + wait, self.timeout
        last = NoReply(f"verb {verb}")
        while True:
            self.asked, self.answer, self.reconnected = next(self.ids), None, False
            again, sent = min(limit, time.monotonic() + wait + timeout), False
            while not (self.answer or self.reconnected) and time.monotonic() < again:
                sent = sent or self.transmit(frame(verb, self.asked, body))
                self._pump(again, blocked=not sent)
            if self.answer:
                got, reader = self.answer
                if got == answer:
                    return reader
                last = read_error(reader)
                later = time.monotonic() + self.pause
                if not is_passing(last) or later >= limit:
                    raise last
                while time.monotonic() < later:
                    self._pump(later)
            elif time.monotonic() >= limit:
                raise last
            timeout = min(timeout * 2, LONGEST_TIMEOUT)

    def _pump(self, limit, blocked=False):
        """Sends what is due, then takes in what has come, or comes first, until `limit`."""
        for window in () if self.opening else self.windows.values():
            limit, full = self._advance(window, limit)
            blocked = blocked or full
        poller = zmq.Poller()
        poller.register(self.socket, zmq.POLLIN | (zmq.POLLOUT if blocked else 0))
        poller.register(self.monitor, zmq.POLLIN)
        poller.poll(max(0, limit - time.monotonic()) * 1000)
        while self.monitor.poll(0):
            recv_monitor_message(self.monitor)
            self.reconnected, self.connected = self.connected, True
            for window in self.windows.values():
                if self.reconnected:
                    window.sent = 0     # what was under way may be lost
        while (octets := self.receive()) is not None:
            self._take(*read_reply(octets))

    def _advance(self, window, limit):
        """Sends what a window holds; returns when to look again, and whether the socket is full."""
        now = time.monotonic()
        if window.sent and now >= window.deadline:
            window.sent, window.timeout = 0, min(window.timeout * 2, LONGEST_TIMEOUT)
        for pending in window.queue[window.sent:MOST_UNDER_WAY]:
            if now < window.not_before:
                return min(limit, window.not_before), False
            pending.batch.epoch = self.epoch
            body = place(window.topic, window.partition) + pending.batch.encode()
            if not self.transmit(frame(PRODUCE, pending.request_id, body)):
                return limit, True
            window.deadline = now + window.timeout
            window.sent += 1
        return min(limit, window.deadline) if window.sent else limit, False

    def _take(self, verb, request_id, reader):
        """A reply has come: to what was asked, to a batch, or too late."""
        if request_id == self.asked:
            self.asked, self.answer = None, (verb, reader)
            return
        for window in self.windows.values():
            for at, pending in enumerate(window.queue):
                if pending.request_id == request_id:
                    window.timeout = self.timeout
                    window.deadline = time.monotonic() + self.timeout
                    if verb == PRODUCE_OK:
                        self._acknowledged(window, at, pending, reader)
                    else:
                        self._refused(window, at, pending, read_error(reader))
                    return

    @staticmethod
    def _acknowledged(window, at, pending, reader):
        pending.base_offset, duplicate = reader.ints("QB")
        pending.duplicate = duplicate == 1
        reader.end()
        del window.queue[at]
        window.sent -= 1 if at < window.sent else 0
        window.acknowledged = max(window.acknowledged,
                                  pending.batch.first_seq + pending.batch.count - 1)
        window.refusal = None
        if window.rewound is not None and window.rewound <= window.acknowledged:
            window.rewound = None

    def _refused(self, window, at, pending, error):
        seqs = [one.batch.first_seq for one in window.queue]
        if error.code == 10 and window.rewound is not None:
            return
        if error.code == 10 and error.detail in seqs:       # go back to it
            window.sent, window.rewound = seqs.index(error.detail), error.detail
        elif is_passing(error):                             # it and those behind it: later
            window.sent, window.rewound = at, pending.batch.first_seq
            window.refusal, window.not_before = error, time.monotonic() + self.pause
        else:
            self.fenced = error if error.code == 9 else self.fenced
            lost = error.code in (8, 10)    # we did open, and what it lacks was acknowledged
            window.failed = DataLost(str(error)) if lost else error
            window.next_seq = pending.batch.first_seq
            del window.queue[at:]
            window.sent = min(window.sent, at)


class Tap:
    """Looks on at what is stored under subject prefixes such as `orders/0`. `following` holds the
    offset that comes next per (topic, partition); a Tap begun with it sees what it has missed."""

    def __init__(self, endpoint, prefixes=("",), following=None, context=None):
        self.following = dict(following or {})
        self.socket = (context or zmq.Context.instance()).socket(zmq.SUB)
        self.socket.setsockopt(zmq.LINGER, 0)
        for prefix in prefixes:
            self.socket.subscribe(prefix)
        self.socket.connect(endpoint)

    def next(self, seconds):
        """(topic, partition, Batch, range of offsets missed before it), or None in time."""
        if not self.socket.poll(seconds * 1000):
            return None
        subject, octets = self.socket.recv_multipart()
        topic, partition = subject.decode().split("/")
        reader = Reader(octets)
        batch = Batch.decode(reader)
        reader.end()
        place_ = topic, int(partition)
        missed = range(self.following.get(place_, batch.base_offset), batch.base_offset)
        self.following[place_] = batch.next_offset
        return *place_, batch, missed

    def close(self):
        self.socket.close()
