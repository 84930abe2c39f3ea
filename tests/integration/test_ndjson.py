"""POST /orders with application/x-ndjson: many orders in one request."""

import contextlib
import json
import socket

import pytest

from pipeline import Pipeline, wait_for

TYPE = {"Content-Type": "application/x-ndjson"}
# More than the gateway asks of its store at once.
MANY = 3000


@pytest.fixture(scope="module")
def shared():
    with Pipeline(supervised=False) as pipeline:
        yield pipeline


def lines_of(*orders):
    return "".join(json.dumps(order) + "\n" for order in orders)


def order(user=1, product=1, **fields):
    return {"userId": user, "productId": product, **fields}


def place(pipeline, text):
    """The result lines of a request that is answered to its end."""
    reply = pipeline.request("POST", "/orders", text, TYPE)
    assert reply.status == 200, reply
    assert reply.headers["Content-Type"] == "application/x-ndjson"
    return [json.loads(line) for line in reply.text.splitlines()]


def send(pipeline, text, cut=None):
    """Sends the request on a socket; `cut`: only so much of its body."""
    host, port = pipeline.url.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)), 20)
    body = text.encode()
    connection.sendall(
        b"POST /orders HTTP/1.1\r\nHost: localhost\r\n"
        b"Content-Type: application/x-ndjson\r\n"
        b"Content-Length: %d\r\n\r\n" % len(body) + body[:cut])
    return connection


def ended(pipeline, ids):
    """How each of the orders ended."""
    return [pipeline.ended(number)["status"] for number in ids]


def placed(pipeline, user):
    return pipeline.all_rows(f"/orders?userId={user}&limit=1000")


def test_each_line_has_its_result(shared):
    shared.open_user(600, 1000)
    results = place(shared, lines_of(order(600), {"userId": 600}) + "\n" +
                    lines_of(order(600, 99), order(600, 2, quantity=3)) +
                    "{'userId':1}\r\n" + json.dumps(order(600)))
    assert [result["line"] for result in results] == [1, 2, 4, 5, 6, 7]
    kinds = [result.get("problem", {}).get("type", "")[10:]
             for result in results]
    assert kinds == ["", "missing-field", "unknown-product", "",
                     "malformed-json", ""]
    orders = [result["order"] for result in results if "order" in result]
    assert [row["price"] for row in orders] == [50.0, 225.0, 50.0]
    assert orders[0]["id"] < orders[1]["id"] < orders[2]["id"]
    assert all(row["status"] == "ORDER_CREATED" for row in orders)
    assert ended(shared, [row["id"] for row in orders]) == \
        ["ORDER_COMPLETED"] * 3


def test_many_lines_on_several_connections(shared):
    shared.open_user(601, 10**9)
    text = lines_of(*[order(601)] * MANY)
    connections = [send(shared, text) for _ in range(3)]
    for connection in connections:
        with connection, connection.makefile("rb") as answer:
            count = sum(b'"order":' in line for line in iter(
                answer.readline, b"0\r\n"))
            assert count == MANY
    rows = placed(shared, 601)
    assert len(rows) == 3 * MANY
    wait_for(lambda: shared.json("/users/601")["balance"] ==
             10**9 - 3 * MANY * 50, 60, "all of them paid")


def test_key_of_a_line_places_once(shared):
    shared.open_user(602, 1000)
    text = lines_of(order(602, idempotencyKey="n-1"), order(602),
                    order(602, idempotencyKey="n-1"),
                    order(602, 2, idempotencyKey="n-1"))
    first, again = place(shared, text), place(shared, text)
    assert [line.get("replayed", False) for line in first] == \
        [False, False, True, False]
    assert first[3]["problem"]["type"] == "/problems/idempotency-conflict"
    assert first[3]["problem"]["field"] == "productId"
    assert again[0]["replayed"]
    assert again[0]["order"]["id"] == first[0]["order"]["id"]
    assert len(placed(shared, 602)) == 3
    single = shared.request("POST", "/orders", order(602),
                            {"Idempotency-Key": "n-1"})
    assert single.status == 201
    assert single.headers["Idempotency-Replayed"] == "true"


def test_client_that_hangs_up_leaves_whole_orders(shared):
    shared.open_user(603, 10**9)
    text = lines_of(*[order(603, idempotencyKey=f"h-{number}")
                      for number in range(MANY)])
    # Before the body is complete nothing is placed.
    send(shared, text, cut=len(text) // 2).close()
    for taken in (1, 100, 5000):
        with send(shared, text) as connection:
            connection.recv(taken)
    results = place(shared, text)
    assert len({line["order"]["id"] for line in results}) == MANY
    assert len(placed(shared, 603)) == MANY
    wait_for(lambda: shared.json("/users/603")["balance"] ==
             10**9 - MANY * 50, 60, "each of them paid once")


def test_client_that_does_not_read_holds_up_nobody(shared):
    shared.open_user(604, 10**9)
    text = lines_of(*[order(604)] * (20 * MANY))
    with send(shared, text):
        number = shared.order(604, 1)
        assert shared.ended(number)["status"] == "ORDER_COMPLETED"


def test_stop_in_the_middle_tells_where(make_pipeline):
    pipeline = make_pipeline(supervised=False).start()
    text = lines_of(*[order(1)] * (30 * MANY))
    with send(pipeline, text) as connection, \
            connection.makefile("rb") as answer:
        first = answer.readline()
        assert b"200 OK" in first
        for line in iter(answer.readline, b""):
            if b'"order"' in line:
                break
        child = pipeline.children["gateway"]
        child.terminate()
        lines = [line for line in iter(answer.readline, b"0\r\n")
                 if line.startswith(b'{"line"')]
    last = json.loads(lines[-1])
    assert last["problem"]["type"] == "/problems/shutting-down"
    assert child.wait(60) == 0
    pipeline.children.pop("gateway")
    pipeline.start_process("gateway")
    assert len(pipeline.all_rows("/orders?limit=1000")) == last["line"] - 1


def test_g2_killed_in_the_middle_and_repeated_nothing_is_twice(make_pipeline):
    pipeline = make_pipeline(supervised=False).start()
    pipeline.open_user(700, 10**9)
    text = lines_of(*[order(700, idempotencyKey=f"k-{number}")
                      for number in range(MANY)])
    answered = {}
    for wanted in (500, 1500):
        with send(pipeline, text) as connection, \
                connection.makefile("rb") as answer, \
                contextlib.suppress(OSError):
            for line in iter(answer.readline, b""):
                if line.startswith(b'{"line"') and line.endswith(b"\n"):
                    result = json.loads(line)
                    answered[result["line"]] = result["order"]["id"]
                if len(answered) == wanted:
                    pipeline.kill_all()
                    break
        pipeline.start()
    results = place(pipeline, text)
    ids = {line["line"]: line["order"]["id"] for line in results}
    assert len(set(ids.values())) == MANY
    assert {line: ids[line] for line in answered} == answered
    rows = placed(pipeline, 700)
    assert sorted(row["id"] for row in rows) == sorted(ids.values())
    wait_for(lambda: pipeline.json("/users/700")["balance"] ==
             10**9 - MANY * 50, 60, "each of them paid once")
