"""Prefer: wait=N on POST /orders: the answer is the order's end."""

import threading

import pytest

from pipeline import Pipeline, wait_for


@pytest.fixture(scope="module")
def shared():
    with Pipeline(supervised=False) as pipeline:
        yield pipeline


def place(pipeline, prefer, user=1, product=1, **headers):
    return pipeline.request("POST", "/orders",
                            {"userId": user, "productId": product},
                            {"Prefer": prefer, **headers})


def test_answer_is_the_end(shared):
    shared.open_user(800, 100)
    done = place(shared, "wait=20", 800)
    assert done.status == 201
    assert done.json["status"] == "ORDER_COMPLETED"
    assert done.headers["Preference-Applied"] == "wait=20"
    assert done.headers["Location"] == f"/orders/{done.json['id']}"
    failed = place(shared, "respond-async, wait=99", 800, 5)
    assert failed.json["status"] == "ORDER_FAILED"
    assert failed.json["reason"] == "INSUFFICIENT_CREDIT"
    assert failed.headers["Preference-Applied"] == "wait=60"


def test_without_it_nobody_waits(shared):
    for prefer in ("wait=x", "respond-async"):
        reply = place(shared, prefer)
        assert reply.status == 201
        assert reply.json["status"] == "ORDER_CREATED"
        assert "Preference-Applied" not in reply.headers
    assert place(shared, "wait=5", product=99).status == 404


def test_replay_of_an_ended_order_is_told_at_once(shared):
    first = place(shared, "wait=20", **{"Idempotency-Key": "p-1"})
    again = place(shared, "wait=20", **{"Idempotency-Key": "p-1"})
    assert again.json == first.json
    assert again.headers["Idempotency-Replayed"] == "true"


def test_many_wait_at_once(shared):
    shared.open_user(801, 10**6)
    replies = []
    threads = [threading.Thread(target=lambda: replies.append(
        place(shared, "wait=20", 801))) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert {reply.json["status"] for reply in replies} == {"ORDER_COMPLETED"}
    assert len({reply.json["id"] for reply in replies}) == 40


def test_what_does_not_end_is_told_as_it_stands(make_pipeline):
    pipeline = make_pipeline(supervised=False, drain="0s").start()
    pipeline.stop_process("payment")
    reply = place(pipeline, "wait=1")
    assert reply.status == 201
    assert reply.json["status"] == "ORDER_CREATED"
    assert reply.headers["Preference-Applied"] == "wait=1"
    # A stop does not wait for those who wait.
    replies = []
    thread = threading.Thread(
        target=lambda: replies.append(place(pipeline, "wait=60")))
    thread.start()
    wait_for(lambda: len(pipeline.json("/orders")) == 2, what="the order")
    assert pipeline.stop_process("gateway") == 0
    thread.join(60)
    assert replies[0].status == 201
    assert replies[0].json["status"] == "ORDER_CREATED"
