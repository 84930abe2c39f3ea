"""020: a filter of 8 topics at 16 partitions ended by a law that broke.

It reads 128 streams and writes 16; the bus had room for 128.
"""

from filters import comes, filtered, python
from sagabus import Bus, event

PARTITIONS = 16
FREE = ["a", "b", "c", "d"]
TOPICS = ["orders", "payments", "transactions", "dead-letters", *FREE]
ANSWER_TO_FREE = """
def answer(event, data):
    if "at" in data:
        yield json.dumps({"type": "t.seen", "data": data})
"""


def test_020_filter_reads_and_writes_all_it_may(make_pipeline):
    pipeline = make_pipeline(supervised=False, topics=",".join(
        [*FREE, "reviews"]), partitions=PARTITIONS).start()
    sent = [f"{topic}/{partition}" for topic in FREE
            for partition in (0, PARTITIONS - 1)]
    with Bus(f"ipc://{pipeline.home}/run/broker.ipc") as bus:
        bus.open("tool")
        for place in sent:
            topic, partition = place.split("/")
            bus.produce(topic, int(partition), [event(
                "Foreign", event=b'{"type":"t.note","data":{"at":"%s"}}'
                % place.encode())])
    with filtered(pipeline, "all", *python(ANSWER_TO_FREE),
                  source=",".join(TOPICS)) as running:
        rows = comes(pipeline, "all", len(sent), range(PARTITIONS))
        assert running.stop() == 0
    assert sorted(row["data"]["at"] for row in rows) == sorted(sent)
