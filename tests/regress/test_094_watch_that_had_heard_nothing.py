"""094: who watched and had heard of no change lost what changed in a restart.

A stream gave its first number with its first change: a client whose stream
broke off before that had nothing to come back with, and began anew from then
on.  `sagactl order watch` promises that nothing between is left out.
"""

import http.client

import pytest

from events import LIMIT_S, Events
from pipeline import Pipeline


@pytest.fixture(name="pipeline")
def _pipeline():
    with Pipeline(supervised=False) as made:
        made.ended(made.order(5, 1))
        yield made


def first_number(pipeline, path):
    """What a stream tells before anything has changed."""
    connection = http.client.HTTPConnection(
        pipeline.url.removeprefix("http://"), timeout=LIMIT_S)
    connection.request("GET", path)
    with connection.getresponse() as answer:
        lines = [answer.readline() for _ in range(4)]
    connection.close()
    assert lines[0::3] == [b"retry: 1000\n", b"\n"]
    name, number = lines[2].split()
    assert name == b"id:"
    return int(number)


@pytest.mark.parametrize("path", ["/orders/stream", "/transactions/stream",
                                  "/orders/stream?userId=5"])
def test_094_stream_says_where_it_begins(pipeline, path):
    number = first_number(pipeline, path)
    pipeline.kill("gateway")
    pipeline.start_process("gateway")
    order = pipeline.order(5, 1)
    pipeline.ended(order)
    with Events(pipeline, path, last=number) as events:
        event = events.next()
    assert event.id > number
    assert event.data.get("orderId", event.data["id"]) == order
