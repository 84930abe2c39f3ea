"""095: 300,000 prefixes of one subscriber to the tap cost the broker 470 MB,
and a single one of 4 MiB 130 MB: libzmq has no limit for either.
"""

import pathlib
import socket
import struct
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] /
                       "integration"))
from test_broker import broker, listening, make_broker, tap_next  # noqa: E402,F401
from test_hostile_bytes import GREETING, ready_of  # noqa: E402

LIMIT_S = 10
PREFIXES_MAX = 1000             # docs/PROTOCOL.md, 10
PREFIX_BYTES_MAX = 511


def subscribe(prefix):
    octets = b"\1" + prefix
    if len(octets) > 255:
        return struct.pack(">BQ", 2, len(octets)) + octets
    return struct.pack(">BB", 0, len(octets)) + octets


def connected(broker):  # noqa: F811
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(LIMIT_S)
    connection.connect(broker.knobs["tap"].removeprefix("ipc://"))
    connection.sendall(GREETING + ready_of(b"SUB"))
    heard = b""
    while not heard.endswith(ready_of(b"XPUB")):    # it hears nothing before
        heard += connection.recv(4096)
    return connection


def is_cut(connection, octets):
    """Sends them; a broker that lets it live is a time-out."""
    try:
        connection.sendall(octets)
        while connection.recv(4096):
            pass
    except (BrokenPipeError, ConnectionResetError):
        pass
    return True


@pytest.mark.parametrize("octets", [
    b"".join(subscribe(b"%07d" % number)
             for number in range(PREFIXES_MAX + 1)),
    b"".join(subscribe(b"%07d" % number) + b"\0\2\0x"   # that it never had
             for number in range(PREFIXES_MAX + 1)),
    subscribe(bytes(PREFIX_BYTES_MAX + 10)),
], ids=["many", "many_and_taken_back", "long"])
def test_095_who_subscribes_without_end_is_cut(broker, octets):  # noqa: F811
    producer, tap = broker.producer(), broker.subscriber(b"orders/0")
    listening(broker, tap, producer)
    with connected(broker) as connection:
        assert is_cut(connection, octets)
    base = producer.next(1).base
    while tap_next(tap)[1].base != base:
        pass
    tap.close(0)


def test_095_who_subscribes_to_much_is_served(broker):  # noqa: F811
    producer, tap = broker.producer(), broker.subscriber(b"orders/0")
    for number in range(PREFIXES_MAX - 1):
        tap.subscribe(b"%0*d" % (PREFIX_BYTES_MAX - number % 2, number))
    listening(broker, tap, producer)
    base = producer.next(1).base
    while tap_next(tap)[1].base != base:
        pass
    tap.close(0)
