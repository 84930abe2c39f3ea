"""traceparent from the request to every event and back; PUT /products."""

import json
import subprocess

import pytest

from pipeline import BIN, Pipeline

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture(scope="module")
def shared():
    with Pipeline(supervised=False) as pipeline:
        yield pipeline


def place(pipeline, trace, user=900, **headers):
    return pipeline.request("POST", "/orders",
                            {"userId": user, "productId": 1},
                            {"traceparent": trace, **headers})


def traces_of(pipeline, topic, order):
    """The traces of the order's events in the topic."""
    text = subprocess.run(
        [BIN / "sagactl", "tail", topic, "--from", "start", "--no-follow",
         "--json"], env=pipeline.environment(), capture_output=True, text=True,
        timeout=60, check=True).stdout
    events = [json.loads(line) for line in text.splitlines()]
    return {event.get("traceparent") for event in events
            if event["data"].get("orderId") == order}


def test_trace_is_kept_and_answered(shared):
    shared.open_user(900, 1000)
    reply = place(shared, TRACE)
    assert reply.status == 201
    assert reply.headers["traceparent"] == TRACE
    order = reply.json["id"]
    assert shared.ended(order)["trace"] == TRACE
    for topic in ("orders", "payments", "transactions"):
        assert traces_of(shared, topic, order) == {TRACE}, topic
    plain = shared.order(900, 1)
    assert "trace" not in shared.ended(plain)
    # A cancel without a trace of its own goes on in that of its order.
    assert shared.request("DELETE", f"/orders/{order}").status == 202
    assert traces_of(shared, "orders", order) == {TRACE}
    shared.kill("gateway")
    shared.start_process("gateway")
    assert shared.json(f"/orders/{order}")["trace"] == TRACE


def test_trace_of_many_orders(shared):
    text = json.dumps({"userId": 900, "productId": 1}) + "\n"
    reply = shared.request("POST", "/orders", text * 2, {
        "Content-Type": "application/x-ndjson", "traceparent": TRACE})
    assert reply.headers["traceparent"] == TRACE
    for line in reply.text.splitlines():
        order = json.loads(line)["order"]["id"]
        assert shared.json(f"/orders/{order}")["trace"] == TRACE


def test_trace_of_a_later_version_is_taken_as_ours(shared):
    reply = place(shared, "01" + TRACE[2:] + "-more")
    assert reply.headers["traceparent"] == TRACE


@pytest.mark.parametrize("trace", [
    "", "x", TRACE[:-1], TRACE + "-x", TRACE.upper(), "ff" + TRACE[2:],
    "01" + TRACE[2:] + "x", "00-" + "0" * 32 + TRACE[35:],
    TRACE[:36] + "0" * 16 + "-01", TRACE.replace("-", "_")])
def test_malformed_trace_is_ignored(shared, trace):
    reply = place(shared, trace)
    assert reply.status == 201
    assert "traceparent" not in reply.headers
    assert "trace" not in shared.json(f"/orders/{reply.json['id']}")


def test_price_holds_from_then_on(make_pipeline):
    pipeline = make_pipeline(supervised=False).start()
    pipeline.open_user(900, 10000)
    before = pipeline.order(900, 1)
    reply = pipeline.request("PUT", "/products/1", {"price": "12.34"})
    assert reply.status == 200
    assert '"price":12.34' in reply.text
    after = pipeline.order(900, 1)
    new = pipeline.request("PUT", "/products/77", {"price": 0.05})
    assert new.status == 201
    assert pipeline.get("/products/77").text == '{"id":77,"price":0.05}\n'
    assert pipeline.get("/products/78").status == 404
    newest = pipeline.order(900, 77, quantity=3)
    assert [str(pipeline.ended(order)["price"])
            for order in (before, after, newest)] == ["50.00", "12.34", "0.15"]
    pipeline.kill("gateway")
    pipeline.start_process("gateway")
    rows = {row["id"]: str(row["price"])
            for row in pipeline.json("/products")}
    assert rows[1] == "12.34" and rows[77] == "0.05"
    assert list(rows) == sorted(rows)


@pytest.mark.parametrize("body, status", [
    ({}, 400), ({"price": 0}, 422), ({"price": -1}, 422),
    ({"price": 0.001}, 422), ({"price": True}, 400),
    ({"price": 1, "name": "x"}, 400)])
def test_price_that_is_none_is_refused(shared, body, status):
    assert shared.request("PUT", "/products/1", body).status == status
    assert str(shared.json("/products/1")["price"]) == "50.00"
