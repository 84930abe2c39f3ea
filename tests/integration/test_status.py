"""GET /status: the whole pipeline as one object, also when parts of it are down."""

import signal

import pytest

from pipeline import Pipeline, wait_for

NAMES = {"broker", "payment", "ledger", "gateway"}


def processes(pipeline):
    return {row["name"]: row for row in pipeline.json("/status")["processes"]}


def all_up(pipeline):
    rows = processes(pipeline)
    return set(rows) == NAMES and all(row["up"] for row in rows.values()) \
        and rows


def settled(pipeline, orders):
    """The status once `orders` have ended and everybody has read all."""
    status = pipeline.json("/status")
    done = status["orders"]["completed"] + status["orders"]["failed"]
    return (done == orders and len(status["consumers"]) == 6 and
            {row["lag"] for row in status["consumers"]} == {0} and
            {row["topic"]: row["end"] for row in status["topics"]}[
                "transactions"] == orders and
            status["processes"][1]["eventsIn"] >= orders and status)


def test_status_tells_of_every_process_topic_and_consumer():
    with Pipeline() as pipeline:
        rows = wait_for(lambda: all_up(pipeline), what="all are up")
        for name, row in rows.items():
            assert row["pid"] == pipeline.pid(name)
            assert row["restarts"] == 0 and row["uptimeSeconds"] >= 0
            assert row["residentBytes"] > 1 << 20
        for _ in range(3):          # 100.00 of credit, 50.00 each
            pipeline.ended(pipeline.order(1, 1))
        status = wait_for(lambda: settled(pipeline, 3), what="no lag")
        assert status["broker"]["up"]
        assert status["orders"] == {
            "created": 3, "completed": 2, "failed": 1, "cancelled": 0,
            "open": 0, "oldestOpenSeconds": None}
        assert status["refusals"] == {"INSUFFICIENT_CREDIT": 1}
        assert status["sagas"]["ended"] == 3 and status["parked"] == 0
        assert set(status["outbox"]) == NAMES - {"broker"}
        ends = {row["topic"]: row["end"] for row in status["topics"]}
        assert ends == {"orders": 8, "payments": 8, "transactions": 3,
                        "dead-letters": 0}
        for row in status["consumers"]:
            assert row["position"] == ends[row["topic"]], row


@pytest.mark.long
def test_status_without_a_broker_tells_how_old_it_is():
    with Pipeline(supervised=False, bus_timeout="300ms") as pipeline:
        wait_for(lambda: all_up(pipeline), what="all are up")
        pipeline.kill("broker", signal.SIGSTOP)
        try:
            status = wait_for(
                lambda: (s := pipeline.json("/status")) and
                not s["broker"]["up"] and s, what="the broker is silent")
            assert status["processes"][3]["up"]     # who answers is up
            wait_for(lambda: [row["up"] for row in
                              processes(pipeline).values()] ==
                     [False, False, False, True], what="nobody can be said "
                     "to be up")
            status = pipeline.json("/status")
            assert status["broker"]["ageSeconds"] > 3
            assert status["processes"][1]["pid"]    # what was heard last
            assert len(status["topics"]) == 4
        finally:
            pipeline.kill("broker", signal.SIGCONT)
        wait_for(lambda: all_up(pipeline), what="all are up again")


def test_status_counts_lives_that_ended_unasked():
    with Pipeline() as pipeline:
        wait_for(lambda: all_up(pipeline), what="all are up")
        old = pipeline.kill("payment")
        pipeline.restarted("payment", old)
        rows = wait_for(lambda: all_up(pipeline) and
                        processes(pipeline)["payment"]["pid"] != old and
                        processes(pipeline), what="payment reports again")
        assert rows["payment"]["restarts"] == 1
        assert rows["ledger"]["restarts"] == 0
        pipeline.stop()     # asked for: that is no restart
        pipeline.start()
        rows = wait_for(lambda: all_up(pipeline), what="all are up")
        assert {row["restarts"] for row in rows.values()} == {0, 1}
        assert rows["payment"]["restarts"] == 1


def test_status_knows_the_oldest_open_order_also_after_a_crash():
    with Pipeline(supervised=False) as pipeline:
        pipeline.ended(pipeline.order(1, 1))
        pipeline.stop_process("payment")
        placed = pipeline.order(2, 1)
        for _ in range(5):
            pipeline.order(3, 1)
        orders = wait_for(
            lambda: (o := pipeline.json("/status")["orders"])
            ["oldestOpenSeconds"] > 1 and o, what="an order that waits")
        assert orders["open"] == 6 and orders["created"] == 7
        pipeline.kill("gateway")
        pipeline.start_process("gateway")
        assert pipeline.json("/status")["orders"]["open"] == 6
        assert pipeline.json("/status")["orders"]["oldestOpenSeconds"] > 1
        pipeline.start_process("payment")
        assert pipeline.ended(placed)["status"] == "ORDER_COMPLETED"
        wait_for(lambda: pipeline.json("/status")["orders"]["open"] == 0,
                 what="the end of all")
        orders = pipeline.json("/status")["orders"]
        assert orders["oldestOpenSeconds"] is None
