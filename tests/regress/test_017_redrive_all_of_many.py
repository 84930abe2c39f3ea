"""017: `sagactl parked redrive PROCESS all` never came behind the oldest 1000.

It looked at a thousand rows, began with the first each time, and said nothing
of the others; it exited with 0 when all were refused again.  And with a knob
`parked` that was set below what is parked, the process did not start, so that
no operator could get at the rows.
"""

import subprocess

from pipeline import BIN, clean_environment, wait_for
from sagabus import Bus, event

MANY = 1000
NOBODY = 10**6  # the number of an order that there never was


def parked(pipeline, *arguments):
    return subprocess.run(
        [BIN / "sagactl", "--home", str(pipeline.home), "parked", *arguments],
        capture_output=True, text=True, timeout=60, env=clean_environment())


def word(order, transaction, user=4):
    return event("Transaction", orderId=order, userId=user, price=5000,
                 transactionId=transaction, status="SUCCESSFUL", decidedAt=1)


def rows(pipeline):
    return pipeline.metric('sagapipe_parked_events{process="gateway"}')


def tell(pipeline, words):
    with Bus(f"ipc://{pipeline.home}/run/broker.ipc") as bus:
        bus.open("ledger-9")
        bus.produce("transactions", 0, words)


def test_017_those_behind_a_thousand_refused_ones_are_redriven(make_pipeline):
    pipeline = make_pipeline(supervised=False).start()
    order = pipeline.order(5, 1)
    last = pipeline.ended(order)["transactionId"]
    tell(pipeline, [word(NOBODY + i, NOBODY + i) for i in range(MANY)] +
         [word(order + 1, last + 1)])
    wait_for(lambda: rows(pipeline) == MANY + 1, what="the parked words")
    assert pipeline.order(4, 1) == order + 1
    wait_for(lambda: rows(pipeline) == MANY + 3, what="what waits behind one")
    result = parked(pipeline, "redrive", "gateway", "all")
    assert (result.returncode, result.stdout) == (
        1, f"redriven=3 still_parked={MANY} refused_again=yes\n"), result
    assert pipeline.ended(order + 1)["status"] == "ORDER_COMPLETED"


def test_017_all_that_are_parked_are_taken_after_the_knob_was_lowered(
        make_pipeline):
    pipeline = make_pipeline(supervised=False, parked=10).start()
    tell(pipeline, [word(NOBODY + i, NOBODY + i) for i in range(3)])
    wait_for(lambda: rows(pipeline) == 3, what="the parked words")
    pipeline.stop()
    pipeline.knobs["parked"] = 2
    pipeline.start()
    assert parked(pipeline, "list", "gateway").stdout.count("\n") == 3
    for number in ("1", "2"):
        assert parked(pipeline, "drop", "gateway", number).returncode == 0
    tell(pipeline, [word(NOBODY + 3, NOBODY + 3)])
    wait_for(lambda: rows(pipeline) == 2, what="one more")
