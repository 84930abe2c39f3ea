"""076: a new filter of a topic whose beginning retention had removed ended at
once with 120, and so did one that got a new name after a restore: no filter
could ever read that topic.
"""

import re

from filters import comes, filtered, python
from pipeline import STOP_LIMIT_S, wait_for
from sagabus import Bus, event

SEEN = """
def answer(event, data):
    yield json.dumps({"type": "t.seen", "data": {"offset": event["offset"]}})
"""
PAD = b'{"type":"t.one","data":{"pad":"%s"}}' % (b"x" * 2000)


def start_of(bus):
    return bus.status().partitions["many", 0][0]


def fill(bus, batches, start):
    """Batches of two events until retention has removed what is before."""
    for _ in range(batches):
        bus.produce("many", 0, [event("Foreign", event=PAD)] * 2)
    wait_for(lambda: start_of(bus) > start, what="a segment that goes")


def end_of(bus):
    return bus.status().partitions["many", 0][1]


def test_076_new_filter_begins_at_the_first_event_that_is_kept(make_pipeline):
    pipeline = make_pipeline(supervised=False, topics="many,reviews",
                             segment=65536, retention_bytes=65536).start()
    with Bus(f"ipc://{pipeline.home}/run/broker.ipc") as bus:
        bus.open("tester")
        fill(bus, 60, 0)
        for name in ("new", "restored"):
            with filtered(pipeline, name, *python(SEEN),
                          source="many") as running:
                begin = int(wait_for(lambda: re.search(
                    rf"process={name} event=begins_later topic=many "
                    r"partition=0 offset=(\d+)", running.log()),
                    what="begins_later")[1])
                assert begin > 0
                rows = comes(pipeline, name, end_of(bus) - begin)
                assert [int(row["data"]["offset"]) for row in rows] == list(
                    range(begin, end_of(bus)))
                assert running.stop() == 0
        # It goes on there, and was told of as it was: nothing is lost to it.
        bus.produce("many", 0, [event("Foreign", event=PAD)])
        before = len(rows)
        with filtered(pipeline, "restored", *python(SEEN),
                      source="many") as running:
            comes(pipeline, "restored", before + 1)
            assert running.stop() == 0
        assert running.log().count("process=restored event=begins_later") == 1


def test_076_one_that_handled_something_still_ends(make_pipeline):
    pipeline = make_pipeline(supervised=False, topics="many,reviews",
                             segment=65536, retention_bytes=65536,
                             retention_forced=1).start()
    with Bus(f"ipc://{pipeline.home}/run/broker.ipc") as bus:
        bus.open("tester")
        bus.produce("many", 0, [event("Foreign", event=PAD)])
        with filtered(pipeline, "old", *python(SEEN), source="many") as running:
            comes(pipeline, "old", 1)
            assert running.stop() == 0
        fill(bus, 60, 1)
        with filtered(pipeline, "old", *python(SEEN), source="many") as running:
            assert running.child.wait(STOP_LIMIT_S) == 120
            assert "removed by retention" in running.log()
