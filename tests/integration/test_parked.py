"""GET /parked and what may be done with them: the participants' doors, asked over HTTP."""

import concurrent.futures
import signal

import pytest

from pipeline import Pipeline, wait_for
from sagabus import Bus, event


@pytest.fixture(name="pipeline", scope="module")
def _pipeline():
    with Pipeline(supervised=False) as pipeline:
        yield pipeline


def problem(reply):
    assert reply.headers["Content-Type"] == "application/problem+json"
    return reply.json["type"].removeprefix("/problems/")


def tell(pipeline, *transactions):
    """Transactions that no ledger of ours wrote."""
    with Bus(f"ipc://{pipeline.home}/run/broker.ipc") as bus:
        bus.open("ledger-9")
        bus.produce("transactions", 0, [event(
            "Transaction", status="SUCCESSFUL", decidedAt=1, **fields)
            for fields in transactions])


def all_parked(pipeline):
    """Every row; a participant may be busy for longer than it is waited for."""
    reply = wait_for(lambda: (reply := pipeline.get("/parked")).status == 200
                     and reply, what="the answer of all")
    return reply.json


def parked(pipeline, order):
    rows = all_parked(pipeline)
    return next((row for row in rows if row.get("orderId") == order), None)


def act(pipeline, row, what):
    return pipeline.request(
        "POST", f"/parked/{row['participant']}/{row['number']}/{what}")


def test_parked_event_is_shown_refused_again_and_dropped(pipeline):
    assert all_parked(pipeline) == []
    order = pipeline.order(2, 1)
    pipeline.ended(order)
    tell(pipeline, {"orderId": order, "userId": 1, "price": 5000,
                    "transactionId": 999})
    row = wait_for(lambda: parked(pipeline, order), what="the parked event")
    assert row["participant"] == "gateway" and row["topic"] == "transactions"
    assert row["cause"] == "refused" and row["attempts"] == 1
    assert row["parkedAt"].endswith("Z") and row["producer"] == "ledger-9"
    wait_for(lambda: pipeline.json("/status")["parked"] >= 1,
             what="the parked event in /status")
    reply = act(pipeline, row, "redrive")
    assert (reply.status, problem(reply)) == (409, "redrive-refused")
    assert parked(pipeline, order)["attempts"] == 2
    reply = act(pipeline, row, "drop")
    assert reply.status == 200, reply
    assert reply.json == {"participant": "gateway", "number": row["number"],
                          "redriven": 0, "parked": 0}
    assert all_parked(pipeline) == []
    reply = act(pipeline, row, "drop")
    assert (reply.status, problem(reply)) == (404, "not-found")
    assert reply.json["detail"] == (
        f"nothing with the number {row['number']} is parked in gateway; "
        "GET /parked lists what is")


def test_parked_event_whose_cause_is_gone_is_redriven(pipeline):
    last = pipeline.json("/transactions?order=desc&limit=1")[0]["id"]
    order = pipeline.json("/orders?order=desc&limit=1")[0]["id"] + 1
    # The ledger's word on an order that is placed only afterwards.
    tell(pipeline, {"orderId": order, "userId": 3, "price": 5000,
                    "transactionId": last + 1})
    row = wait_for(lambda: parked(pipeline, order), what="the parked event")
    assert pipeline.order(3, 1) == order
    # Its own Payment and Transaction, which wait behind the early one.
    wait_for(lambda: len(all_parked(pipeline)) == 3,
             what="the real events behind it")
    reply = act(pipeline, row, "redrive")
    assert reply.status == 200, reply
    assert (reply.json["redriven"], reply.json["parked"]) == (3, 0)
    assert pipeline.ended(order)["status"] == "ORDER_COMPLETED"
    assert all_parked(pipeline) == []


def test_a_participant_that_hangs_is_named_and_holds_up_nobody(pipeline):
    pipeline.kill("ledger", signal.SIGSTOP)
    try:
        reply = pipeline.get("/parked")
        assert (reply.status, problem(reply)) == (503, "participant-silent")
        assert reply.json["detail"].startswith("ledger ")
        reply = pipeline.request("POST", "/parked/ledger/1/redrive")
        assert (reply.status, problem(reply)) == (503, "participant-silent")
        assert pipeline.get("/healthz").status == 200
        assert pipeline.json("/orders") is not None
    finally:
        pipeline.kill("ledger", signal.SIGCONT)
    wait_for(lambda: pipeline.get("/parked").status == 200,
             what="the ledger's answer")


def test_few_wait_for_a_participant_that_hangs(pipeline):
    """Four wait; the others are told at once, and do not queue up."""
    pipeline.kill("ledger", signal.SIGSTOP)
    try:
        with concurrent.futures.ThreadPoolExecutor(12) as pool:
            asked = [pool.submit(pipeline.get, "/parked") for _ in range(12)]
            refused = wait_for(
                lambda: [one for one in asked if one.done() and
                         problem(one.result()) == "overloaded"],
                what="a refusal")
            assert refused[0].result().status == 503
            pipeline.kill("ledger", signal.SIGCONT)
            for one in asked:
                assert one.result().status in (200, 503)
    finally:
        pipeline.kill("ledger", signal.SIGCONT)
    assert all_parked(pipeline) == []


def test_a_participant_that_is_down_is_named(pipeline):
    pipeline.stop_process("payment")
    reply = pipeline.get("/parked")
    assert (reply.status, problem(reply)) == (503, "participant-silent")
    assert reply.json["detail"].startswith("payment ")
    pipeline.start_process("payment")
    assert all_parked(pipeline) == []


@pytest.mark.parametrize("path, status, name", [
    ("/parked/nobody/1/redrive", 404, "not-found"),
    ("/parked/broker/1/drop", 404, "not-found"),
    ("/parked/..%2fx/1/drop", 400, "bad-target"),
    ("/parked/Payment/1/drop", 404, "not-found"),
    (f"/parked/{'p' * 32}/1/drop", 404, "not-found"),
    ("/parked/payment/0/drop", 400, "bad-parameter"),
    ("/parked/payment/all/redrive", 400, "bad-parameter"),
    ("/parked/payment/1/forget", 404, "unknown-path"),
    ("/parked/payment/1", 404, "unknown-path"),
])
def test_what_can_not_be_parked_is_refused(pipeline, path, status, name):
    reply = pipeline.request("POST", path)
    assert (reply.status, problem(reply)) == (status, name), reply
