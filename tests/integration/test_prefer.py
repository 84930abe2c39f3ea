"""Prefer: wait=N on POST /orders: the answer is the order's end."""

import contextlib
import resource
import select
import signal
import socket
import threading

import pytest

from pipeline import Pipeline, wait_for

# As many as may wait: WAITERS_MAX.
WAITERS = 1000


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


def test_065_no_more_wait_than_may(make_pipeline):
    """They came in one turn, in which none waited yet."""
    pipeline = make_pipeline(supervised=False, drain="0s").start()
    pipeline.stop_process("payment")
    host, port = pipeline.url.removeprefix("http://").split(":")
    body = b'{"userId":1,"productId":1}'
    poll = select.poll()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.ExitStack() as stack:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE,
                       (soft, hard))
        pipeline.kill("gateway", signal.SIGSTOP)
        clients = {}
        for _ in range(WAITERS + 20):
            client = stack.enter_context(
                socket.create_connection((host, int(port)), 60))
            client.sendall(b"POST /orders HTTP/1.1\r\nHost: localhost\r\n"
                           b"Content-Type: application/json\r\n"
                           b"Prefer: wait=60\r\n"
                           b"Content-Length: %d\r\n\r\n" % len(body) + body)
            clients[client.fileno()] = client
            poll.register(client, select.POLLIN)
        pipeline.kill("gateway", signal.SIGCONT)
        wait_for(lambda: len(poll.poll(0)) >= 20, 20, "20 answers at once")
        wait_for(lambda: pipeline.metric(
            'sagapipe_orders_total{status="ORDER_CREATED"}') == len(clients),
            20, "all orders")
        answers = [clients[fd].recv(65536) for fd, _ in poll.poll(0)]
        assert len(answers) == 20
        assert all(answer.startswith(b"HTTP/1.1 201 ") and
                   b"Preference-Applied" not in answer for answer in answers)


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
