"""018: the 33rd name that wrote to a topic ended all that read it, for good.

A reader told 32 producers of a stream apart, the broker takes 256: one more
was called events that are missing (exit 120), at every start again.
"""

from filters import comes, filtered, python
from sagabus import Bus, event

PRODUCERS = 60
TELL_AGAIN = """
def answer(event, data):
    yield json.dumps({"type": "t.seen", "data": {"n": data["n"]}})
"""


def send(pipeline, number):
    with Bus(f"ipc://{pipeline.home}/run/broker.ipc") as bus:
        bus.open(f"tool-{number}")
        bus.produce("notes", 0, [event(
            "Foreign", event=b'{"type":"t.note","data":{"n":%d}}' % number)])


def test_018_filter_reads_from_more_than_32_names(make_pipeline):
    pipeline = make_pipeline(supervised=False, topics="notes,reviews").start()
    with filtered(pipeline, "reader", *python(TELL_AGAIN), source="notes"):
        for number in range(PRODUCERS):
            send(pipeline, number)
        comes(pipeline, "reader", PRODUCERS)
    # Killed, and what it has seen is read again.
    with filtered(pipeline, "reader", *python(TELL_AGAIN),
                  source="notes") as running:
        send(pipeline, PRODUCERS)
        rows = comes(pipeline, "reader", PRODUCERS + 1)
        assert [row["data"]["n"] for row in rows] == list(range(PRODUCERS + 1))
        assert running.stop() == 0
