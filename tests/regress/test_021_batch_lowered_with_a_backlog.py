"""021: a smaller knob `batch` ended a process that had larger batches waiting.

It had no room to read them, and stopped at every start (111, `rc=full`) with no
line that said why.  Now they are published as they are; only a broker that does
not take them ends it, with what to do.
"""

import json

import pytest

from pipeline import STOP_LIMIT_S

ORDERS = 400
SMALLER = 8192


@pytest.fixture(name="backlog")
def _backlog(make_pipeline):
    """Neither broker nor gateway runs; the gateway has one large batch."""
    pipeline = make_pipeline(supervised=False, drain="0s").start()
    pipeline.stop_process("broker")
    lines = (json.dumps({"userId": 5, "productId": 1}) + "\n") * ORDERS
    reply = pipeline.request("POST", "/orders", lines.encode(),
                             {"Content-Type": "application/x-ndjson"})
    assert reply.status == 200, reply
    assert pipeline.stop_process("gateway") == 0
    return pipeline


def start(pipeline, name, batch):
    pipeline.knobs["batch"] = batch
    return pipeline.start_process(name)


def all_end(pipeline):
    for order in (1, ORDERS):
        pipeline.ended(order)


def test_021_larger_batches_are_published(backlog):
    start(backlog, "broker", 1 << 20)
    start(backlog, "gateway", SMALLER)
    all_end(backlog)


def test_021_broker_that_takes_no_such_batch_is_told_of(backlog):
    backlog.crashes_expected = True
    start(backlog, "broker", SMALLER)
    gateway = start(backlog, "gateway", SMALLER)
    assert gateway.wait(STOP_LIMIT_S) == 100
    assert ("event=broker_refused rc=malformed words=\"produce: a batch that "
            f"waits here is larger than the broker takes ({SMALLER}): set its "
            "knob batch as it was") in backlog.log("gateway")
    # As it says.
    backlog.stop_process("broker")
    start(backlog, "broker", 1 << 20)
    start(backlog, "gateway", SMALLER)
    all_end(backlog)
