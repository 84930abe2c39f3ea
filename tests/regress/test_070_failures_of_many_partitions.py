"""070: a filter whose program fails at everything ends after ten events in a
row; it told events apart by their ids, which each producer counts from 1 in
each partition: with several partitions it went on and parked all there was.
"""

from filters import filtered
from pipeline import STOP_LIMIT_S
from sagabus import Bus, event

PARTITIONS = 12
FAILURES_MAX = 10


def test_070_filter_ends_after_ten_events_of_as_many_partitions(make_pipeline):
    pipeline = make_pipeline(supervised=False, topics="many,reviews",
                             partitions=PARTITIONS).start()
    with Bus(f"ipc://{pipeline.home}/run/broker.ipc") as bus:
        bus.open("tester")
        for partition in range(PARTITIONS):
            bus.produce("many", partition,
                        [event("Foreign", event=b'{"type":"test.one"}')])
    with filtered(pipeline, "broken", "false", source="many") as running:
        assert running.child.wait(STOP_LIMIT_S) == 111
        assert f"event=filter_fails program=false events={FAILURES_MAX}" in (
            running.log())
