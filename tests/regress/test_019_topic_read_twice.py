"""019: a filter that was told a topic twice handled each of its events twice.

Each of the two readings had its own position, over one row: so nothing saw
that an event came again.
"""

import pytest

from filters import filtered, python
from pipeline import STOP_LIMIT_S

SILENT = python("def answer(event, data): return []")


@pytest.mark.parametrize("source", ["payments,payments",
                                    "orders,payments,transactions,orders"])
def test_019_topic_named_twice_is_refused(make_pipeline, source):
    pipeline = make_pipeline(supervised=False, topics="reviews")
    (pipeline.home / "log").mkdir(parents=True)
    with filtered(pipeline, "twice", *SILENT, source=source,
                  wait_until_ready=False) as running:
        assert running.child.wait(STOP_LIMIT_S) == 100
        assert "--from names a topic twice" in running.log()
