"""096: whoever told the tap that a prefix was not wanted any more, which it had
never asked for, silenced that prefix for all who had.
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] /
                       "integration"))
from test_095_subscriptions_without_end import (PREFIXES_MAX, connected,
                                                is_cut, subscribe)
from test_broker import broker, listening, make_broker, tap_next  # noqa: E402,F401

TAKE_BACK = b"\0\x09" + b"\0orders/0"


def test_096_nobody_silences_others(broker):  # noqa: F811
    producer, tap = broker.producer(), broker.subscriber(b"orders/0")
    listening(broker, tap, producer)
    with connected(broker) as connection:
        # That it is cut for the rest says that the first was heard.
        assert is_cut(connection, TAKE_BACK + (PREFIXES_MAX + 1) *
                      (subscribe(b"x") + b"\0\2\0x"))
    base = producer.next(1).base
    while tap_next(tap)[1].base != base:
        pass
    tap.close(0)
