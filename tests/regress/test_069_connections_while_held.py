"""069: a broker that was held looked at nobody who came and went. After about a
thousand of them libzmq's thread waited to tell of the next, and a SIGTERM in
that time waited for libzmq's thread: the broker never ended.
"""

import pathlib
import signal
import socket
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] /
                       "integration"))
from test_broker import broker, make_broker, until  # noqa: E402,F401

COME_AND_GO = 1500
LIMIT_S = 20


def comes_and_goes(path):
    """False if as many wait to be let in as may."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.setblocking(False)
        try:
            connection.connect(path)
        except BlockingIOError:
            return False
    return True


def test_069_held_broker_stops_though_many_came(broker):  # noqa: F811
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as door:
        door.settimeout(LIMIT_S)
        door.connect(str(broker.home / "run/broker.ctl"))
        door.send(b"hold 600")
        assert door.recv(4096) == b'{"held":true}'
        path = broker.knobs["bus"].removeprefix("ipc://")
        for _ in range(COME_AND_GO):
            until(lambda: comes_and_goes(path), "somebody is let in")
        assert broker.end(signal.SIGTERM) == 0
