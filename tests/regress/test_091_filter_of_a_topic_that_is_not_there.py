"""091: a slip of the pen in `sagactl filter --from` stayed in `status`.

Only --to was looked up before the start.  A topic to read that the broker
lacks ended the filter with the broker's words and no advice, behind a store
and a report: `sagactl status` then called it down, and ended with 1.
"""

import pytest

from filters import filtered, python
from pipeline import STOP_LIMIT_S, Pipeline
from sagabus import Bus

WORDS = "the broker has no topic nowhere: name it in its knob `topics`"
QUIET = python("answer = lambda *_: []")


@pytest.fixture(name="pipeline")
def _pipeline():
    with Pipeline(supervised=False) as made:
        yield made


@pytest.mark.parametrize("source", ["nowhere", "payments,nowhere"])
def test_091_topic_to_read_that_is_not_there_leaves_nothing(pipeline, source):
    with filtered(pipeline, "slip", *QUIET, source=source, to=None,
                  wait_until_ready=False) as running:
        assert running.child.wait(STOP_LIMIT_S) == 100
        assert WORDS in running.log()
    assert not (pipeline.home / "data" / "slip").exists()
    with Bus(f"ipc://{pipeline.home}/run/broker.ipc") as bus:
        assert "slip" not in {row[0] for row in bus.status().consumers}
        assert "slip" not in {row[0] for row in bus.status().producers}
