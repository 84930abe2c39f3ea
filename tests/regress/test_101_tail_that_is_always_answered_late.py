"""101: `sagactl tail` showed nothing of a broker whose replies all took longer
than 2.5 s: each came when the same had been asked under another request id, and
was passed over. Here the broker is the test's, and answers what was asked first
when it is asked again.
"""

import struct
import subprocess

import msgpack
import zmq

from pipeline import BIN, clean_environment
from sagabus import (FETCH, FETCH_OK, STATUS, STATUS_OK, Batch, event, frame,
                     place, read_reply)

LIMIT_S = 30
EVENT = {"id": 1, "source": "gateway", **event("AccountFrozen", userId=1)}


def status_ok():
    """One partition with one event, no consumer, no producer."""
    return (struct.pack(">H", 1) + place("orders", 0) +
            struct.pack(">QQQHH", 0, 1, 100, 0, 0))


def fetch_ok():
    batch = Batch("gateway", 1, 1, 1, msgpack.packb(EVENT))
    return struct.pack(">QQI", 0, 1, 1) + batch.encode()


def asked(router, verb):
    """The next request, which must be of that verb: who asks, and its id."""
    assert router.poll(LIMIT_S * 1000), "it does not ask"
    client, octets = router.recv_multipart()
    asked_verb, request, _ = read_reply(octets)
    assert asked_verb == verb
    return client, request


def answer_late(router):
    client, request = asked(router, STATUS)
    router.send_multipart([client, frame(STATUS_OK, request, status_ok())])
    client, request = asked(router, FETCH)
    asked(router, FETCH)
    router.send_multipart([client, frame(FETCH_OK, request, fetch_ok())])


def test_101_tail_takes_what_comes_late(tmp_path):
    endpoint = f"ipc://{tmp_path}/bus"
    with zmq.Context.instance().socket(zmq.ROUTER) as router:
        router.setsockopt(zmq.LINGER, 0)
        router.bind(endpoint)
        with subprocess.Popen(
                [BIN / "sagactl", "tail", "orders", "--from", "start",
                 "--no-follow"], stdout=subprocess.PIPE, text=True,
                env=clean_environment(SAGAPIPE_BUS=endpoint)) as tail:
            try:
                answer_late(router)
                told, _ = tail.communicate(timeout=LIMIT_S)
            finally:
                tail.kill()
            assert tail.returncode == 0
            assert "AccountFrozen" in told
