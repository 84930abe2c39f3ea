"""Streams of changes: text/event-stream, resumable, bounded."""

import contextlib
import json
import socket
import subprocess
import time

import pytest

from events import Events
from pipeline import TREE, Pipeline, wait_for


@pytest.fixture(scope="module")
def shared():
    with Pipeline(supervised=False, http_heartbeat="200ms") as pipeline:
        yield pipeline


def ends(order):
    return lambda event: (event.kind == "order" and
                          event.data["id"] == order and
                          event.data["status"] != "ORDER_CREATED")


def place_many(pipeline, user, count):
    """Places orders in one request; their ids."""
    text = json.dumps({"userId": user, "productId": 1}) + "\n"
    reply = pipeline.request("POST", "/orders", text * count,
                             {"Content-Type": "application/x-ndjson"})
    return [json.loads(line)["order"]["id"]
            for line in reply.text.splitlines()]


def test_orders_are_told_as_they_change(shared):
    shared.open_user(500, 1000)
    with Events(shared, "/orders/stream") as events:
        order = shared.order(500, 1)
        told = [event for event in events.until(ends(order))
                if event.data["id"] == order]
    assert [event.data["status"] for event in told] == \
        ["ORDER_CREATED", "ORDER_COMPLETED"]
    assert told[0].id < told[1].id
    listed = shared.json("/orders?userId=500&limit=1")[0]
    assert {**told[1].data, "price": None} == {**listed, "price": None}


def test_stream_is_filtered(shared):
    for user in (501, 502):
        shared.open_user(user, 100)
    with Events(shared, "/orders/stream?userId=501") as of_user, \
            Events(shared, "/orders/stream?status=ORDER_FAILED") as failed:
        shared.order(502, 1)
        first = shared.order(501, 1)
        dear = shared.order(501, 5)
        told = of_user.until(ends(dear))
        assert {event.data["id"] for event in told} == {first, dear}
        event = failed.next()
        assert event.data["id"] == dear
        assert event.data["reason"] == "INSUFFICIENT_CREDIT"


def test_one_order_begins_as_it_stands(shared):
    shared.open_user(503, 1000)
    order = shared.order(503, 1)
    shared.ended(order)
    with Events(shared, f"/orders/{order}/stream") as events:
        assert events.next().data["status"] == "ORDER_COMPLETED"
        assert shared.request("DELETE", f"/orders/{order}").status == 202
        told = events.until(
            lambda event: event.data["status"] == "ORDER_CANCELLED")
        assert {event.data["id"] for event in told} == {order}
    assert Events(shared, "/orders/999999/stream").status == 404
    assert Events(shared, "/orders/x/stream").status == 400


def test_transactions_are_told(shared):
    shared.open_user(504, 1000)
    with Events(shared, "/transactions/stream") as events:
        order = shared.order(504, 1)
        event = events.until(
            lambda event: event.data["orderId"] == order)[-1]
    assert event.kind == "transaction"
    assert event.data["status"] == "SUCCESSFUL"
    number = event.data["id"]
    assert event.data["amount"] == 50.0
    assert shared.json(f"/transactions/{number}")["orderId"] == order


def test_silent_stream_says_that_it_is_alive(shared):
    with Events(shared, "/orders/1/stream"
                if shared.get("/orders/1").status == 200
                else "/orders/stream") as events:
        events.beat()
        events.beat()


def test_resumed_stream_tells_what_was_missed(shared):
    shared.open_user(505, 10**6)
    with Events(shared, "/orders/stream?userId=505") as events:
        first = shared.order(505, 1)
        last = events.until(ends(first))[-1].id
    missed = place_many(shared, 505, 600)
    for order in missed:
        shared.ended(order)
    with Events(shared, "/orders/stream?userId=505", last=last) as events:
        told = events.until(ends(missed[-1]))
        numbers = [event.id for event in told]
        assert numbers == sorted(set(numbers))
        assert {event.data["id"] for event in told} == set(missed)
        another = shared.order(505, 1)
        assert {event.data["id"] for event in
                events.until(ends(another))} <= {another, *missed}


def test_last_event_id_that_is_none_is_refused(shared):
    for last in ("x", "-1", "", "1" * 19):
        reply = shared.request("GET", "/orders/stream",
                               headers={"Last-Event-ID": last})
        assert reply.status == 400, last
        assert reply.json["field"] == "Last-Event-ID"


def test_stream_without_a_body_or_for_an_old_client(shared):
    assert shared.request("HEAD", "/orders/stream").status == 200
    host, port = shared.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), 20) as old:
        old.sendall(b"GET /orders/stream HTTP/1.0\r\n\r\n")
        text = b""
        while b": alive\n\n" not in text:
            more = old.recv(4096)
            assert more, text
            text += more
    assert b"\r\n\r\nretry: 1000\n\n: alive\n\n" in text


def test_latest_leaves_out_the_older(shared):
    shared.open_user(506, 10**6)
    with Events(shared, "/orders/stream?latest=5", last=0) as events:
        # Whatever it is behind, it comes to the end.
        order = shared.order(506, 1)
        events.until(ends(order))
    for bad in ("latest=0", "latest=1001", "latest=5&latest=5"):
        assert Events(shared, f"/orders/stream?{bad}").status == 400
    assert Events(shared, "/transactions/stream?userId=1").status == 400


def test_stream_resumes_over_restarts_and_sees_the_gap(make_pipeline):
    pipeline = make_pipeline(supervised=False, changes="1000").start()
    pipeline.open_user(600, 10**6)
    with Events(pipeline, "/orders/stream") as events:
        order = pipeline.order(600, 1)
        last = events.until(ends(order))[-1].id
        pipeline.kill("gateway")
    pipeline.start_process("gateway")
    with Events(pipeline, "/orders/stream", last=last) as events:
        order = pipeline.order(600, 1)
        told = events.until(ends(order))
        assert told[0].id > last and told[-1].id > told[0].id
        assert all(event.kind == "order" for event in told)
    for order in place_many(pipeline, 600, 3000)[-1:]:
        pipeline.ended(order)
    wait_for(lambda: pipeline.json("/users/600")["balance"] ==
             10**6 - 3002 * 50, 60, "all of them")
    pipeline.order(600, 1)
    with Events(pipeline, "/orders/stream", last=last) as events:
        gap = events.next()
        assert gap.kind == "gap"
        assert gap.data["after"] == last
        assert gap.id == gap.data["resumed"] > last
        assert events.next().id > gap.id
    with Events(pipeline, "/orders/stream", last=10**15) as events:
        gap = events.next()
        assert gap.kind == "gap" and gap.data["resumed"] < 10**15


def test_slow_stream_is_told_and_dropped(make_pipeline):
    pipeline = make_pipeline(supervised=False, http_stream_queue="64").start()
    pipeline.open_user(600, 10**9)
    host, port = pipeline.url.removeprefix("http://").split(":")
    with socket.socket() as slow, \
            Events(pipeline, "/orders/stream?userId=600&latest=10") as quick:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.settimeout(60)
        slow.connect((host, int(port)))
        slow.sendall(b"GET /orders/stream HTTP/1.1\r\nHost: x\r\n\r\n")
        while b"retry" not in slow.recv(4096):
            pass
        orders = place_many(pipeline, 600, 30000)
        quick.until(ends(orders[-1]))
        text = b""
        while not text.endswith(b"0\r\n\r\n"):
            more = slow.recv(65536)
            assert more, "closed without its last word"
            text = text[-1000:] + more
        assert b'event: dropped\ndata: {"reason":"slow"}\n\n' in text


def test_more_streams_than_may_be_are_refused(make_pipeline):
    pipeline = make_pipeline(supervised=False, http_streams="2").start()
    with Events(pipeline, "/orders/stream"), \
            Events(pipeline, "/transactions/stream"):
        third = Events(pipeline, "/orders/stream")
        assert third.status == 503
        assert "overloaded" in third.answer.read().decode()

    def again():
        with Events(pipeline, "/orders/stream") as events:
            return events.status == 200
    wait_for(again, what="room for a stream again")


def test_stop_ends_open_streams(make_pipeline):
    pipeline = make_pipeline(supervised=False).start()
    pipeline.open_user(600, 10**9)
    with contextlib.ExitStack() as stack:
        streams = [stack.enter_context(Events(pipeline, path))
                   for path in ("/orders/stream", "/orders/stream?userId=600",
                                "/transactions/stream") * 20]
        order = pipeline.order(600, 1)
        streams[0].until(ends(order))
        assert pipeline.stop_process("gateway") == 0
        for events in streams:
            while events.next() is not None:
                pass
            assert events.ended


def test_streams_need_a_token_of_their_role(make_pipeline, tmp_path):
    path = tmp_path / "tokens"
    tokens = {role: subprocess.run(
        [TREE / "scripts" / "make-token.sh", role, role, path], check=True,
        stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=30).stdout.strip() for role in ("customer", "operator")}
    pipeline = make_pipeline(supervised=False, tokens=path).start()

    def status(stream, role):
        headers = {"Authorization": f"Bearer {tokens[role]}"} if role else {}
        events = Events(pipeline, stream, headers=headers)
        events.close()
        return events.status

    assert [status("/orders/stream", role)
            for role in (None, "customer", "operator")] == [401, 200, 200]
    assert [status("/transactions/stream", role)
            for role in (None, "customer", "operator")] == [401, 403, 200]
    assert [status("/orders/1/stream", role)
            for role in (None, "customer")] == [401, 404]


@pytest.mark.long
def test_thousand_streams_while_orders_run_at_full_speed(make_pipeline):
    """They all hear what is theirs, and the orders hardly notice them."""
    pipeline = make_pipeline(supervised=False).start()
    users = range(1000, 2000)
    for user in users:
        reply = pipeline.request("POST", "/users",
                                 {"userId": user, "balance": 10**9})
        assert reply.status == 202
    pipeline.open_user(999, 10**9)

    def run(count):
        begun = time.monotonic()
        for order in place_many(pipeline, 999, count)[-1:]:
            pipeline.ended(order, 300)
        return count / (time.monotonic() - begun)

    run(20000)
    alone = run(100000)
    paths = [f"/orders/stream?userId={user}" for user in users][:900]
    paths += ["/orders/stream?latest=20"] * 80
    paths += ["/orders/stream", "/transactions/stream"] * 10
    with contextlib.ExitStack() as stack:
        streams = [stack.enter_context(Events(pipeline, path, limit=120))
                   for path in paths]
        together = run(100000)
        orders = {user: pipeline.order(user, 1) for user in users[:900]}
        for user, events in zip(users, streams[:900]):
            events.until(ends(orders[user]))
        last = pipeline.order(999, 1)
        for events in streams[900:980]:
            events.until(ends(last))
        print(f"orders/s alone {alone:.0f}, with 1,000 streams "
              f"{together:.0f}")
        assert pipeline.stop_process("gateway") == 0
