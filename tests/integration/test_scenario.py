"""What the original does, done right, and every endpoint as it is used."""

import decimal
import json

import pytest

from pipeline import next_page, wait_for

MONEY = decimal.Decimal


@pytest.fixture(scope="module")
def shared():
    """One pipeline for the tests that do not mind each other's orders."""
    from pipeline import Pipeline
    with Pipeline() as pipeline:
        yield pipeline


def problem(reply, status, name):
    """The body of a refusal that must be this one."""
    assert reply.status == status, reply
    assert reply.headers["Content-Type"] == "application/problem+json"
    body = reply.json
    assert body["type"] == f"/problems/{name}", body
    assert body["status"] == status
    assert body["title"]
    return body


# --- the saga ----------------------------------------------------------------

def test_scenario_third_order_exceeds_credit(pipeline):
    orders = [pipeline.ended(pipeline.order(1, 1)) for _ in range(3)]
    assert [order["status"] for order in orders] == [
        "ORDER_COMPLETED", "ORDER_COMPLETED", "ORDER_FAILED"]
    assert [order["id"] for order in orders] == [1, 2, 3]
    assert orders[2]["reason"] == "INSUFFICIENT_CREDIT"
    assert "reason" not in orders[0]

    transactions = pipeline.json("/transactions")
    assert sorted(row["orderId"] for row in transactions) == [1, 2]
    assert {row["status"] for row in transactions} == {"SUCCESSFUL"}

    user = wait_for(lambda: [row for row in [pipeline.json("/users/1")]
                             if row["balance"] == 0],
                    what="user 1's balance")[0]
    assert user["state"] == "ACTIVE"
    assert '"balance":0.00' in pipeline.get("/users/1").text
    assert '"price":50.00' in pipeline.get("/orders/1").text
    assert '"amount":50.00' in pipeline.get("/transactions").text

    assert pipeline.metric(
        'sagapipe_orders_total{status="ORDER_CREATED"}') == 3
    assert pipeline.metric(
        'sagapipe_orders_total{status="ORDER_COMPLETED"}') == 2
    assert pipeline.metric(
        'sagapipe_orders_total{status="ORDER_FAILED"}') == 1


def test_scenario_unknown_user_fails_by_the_saga(shared):
    order = shared.ended(shared.order(4711, 1))
    assert order["status"] == "ORDER_FAILED"
    assert order["reason"] == "UNKNOWN_USER"


def test_scenario_unknown_product_404(shared):
    reply = shared.request("POST", "/orders",
                           {"userId": 1, "productId": 99})
    problem(reply, 404, "unknown-product")


def test_scenario_seed_has_five_products(shared):
    assert [(row["id"], row["price"]) for row in shared.json("/products")] \
        == [(1, MONEY("50.00")), (2, MONEY("75.00")), (3, MONEY("100.00")),
            (4, MONEY("500.00")), (5, MONEY("1000.00"))]


def test_scenario_seed_opens_five_users(pipeline):
    """In a pipeline of its own: nobody has spent anything yet."""
    def all_active():
        rows = pipeline.json("/users")
        return rows if all(row["state"] == "ACTIVE" for row in rows) else None
    rows = wait_for(all_active, what="the seed's users")
    assert [(row["id"], row["balance"]) for row in rows] == [
        (1, MONEY("100.00")), (2, MONEY("200.00")), (3, MONEY("500.00")),
        (4, MONEY("1000.00")), (5, MONEY("2000.00"))]


def test_scenario_quantity_multiplies_price(shared):
    shared.open_user(101, 1000)
    order = shared.ended(shared.order(101, 2, quantity=3))
    assert order["status"] == "ORDER_COMPLETED"
    assert order["price"] == MONEY("225.00")
    assert order["quantity"] == 3
    wait_for(lambda: shared.json("/users/101")["balance"] == MONEY("775.00"))


def test_scenario_refused_order_leaves_credit(shared):
    """A declined payment books nothing and takes nothing."""
    shared.open_user(102, "49.99")
    order = shared.ended(shared.order(102, 1))
    assert order["reason"] == "INSUFFICIENT_CREDIT"
    assert "transactionId" not in order
    assert shared.json("/users/102")["balance"] == MONEY("49.99")


def test_scenario_spends_exactly_to_zero(shared):
    shared.open_user(103, "50.00")
    assert shared.ended(shared.order(103, 1))["status"] == "ORDER_COMPLETED"
    assert shared.ended(shared.order(103, 1))["status"] == "ORDER_FAILED"
    wait_for(lambda: shared.json("/users/103")["balance"] == 0)


# --- orders ------------------------------------------------------------------

def test_order_create_answers_location_and_row(shared):
    reply = shared.request("POST", "/orders", {"userId": 2, "productId": 1})
    assert reply.status == 201
    assert reply.headers["Content-Type"] == "application/json"
    row = reply.json
    assert reply.headers["Location"] == f"/orders/{row['id']}"
    assert row["status"] == "ORDER_CREATED"
    assert row["userId"] == 2 and row["productId"] == 1
    assert row["quantity"] == 1
    assert '"price":50.00' in reply.text
    assert row["createdAt"].endswith("Z")
    assert shared.get(reply.headers["Location"]).status == 200


def test_order_timeline_names_each_process(shared):
    shared.open_user(104, 50)
    order = shared.ended(shared.order(104, 1))
    assert [step["process"] for step in order["timeline"]] == [
        "gateway", "payment", "ledger", "gateway"]
    times = [step["at"] for step in order["timeline"]]
    assert times == sorted(times)


@pytest.mark.parametrize("body, status, name", [
    ("", 400, "malformed-json"),
    ("{", 400, "malformed-json"),
    ("[]", 400, "malformed-json"),
    ('{"userId":1,"userId":2,"productId":1}', 400, "malformed-json"),
    ('{"userId":1}', 400, "missing-field"),
    ('{"userId":1,"productId":1,"price":1}', 400, "unknown-field"),
    ('{"userId":"1","productId":1}', 400, "wrong-type"),
    ('{"userId":1.0,"productId":1}', 400, "wrong-type"),
    ('{"userId":0,"productId":1}', 422, "out-of-range"),
    ('{"userId":-1,"productId":1}', 422, "out-of-range"),
    ('{"userId":9007199254740992,"productId":1}', 422, "out-of-range"),
    ('{"userId":1,"productId":1,"quantity":0}', 422, "out-of-range"),
    ('{"userId":1,"productId":1,"quantity":1001}', 422, "out-of-range"),
])
def test_order_malformed_refused(shared, body, status, name):
    problem(shared.request("POST", "/orders", body), status, name)


def test_order_other_media_type_refused(shared):
    reply = shared.request("POST", "/orders", "userId=1",
                           {"Content-Type": "text/plain"})
    problem(reply, 415, "unsupported-media-type")


def test_order_body_over_limit_refused(shared):
    body = json.dumps({"userId": 1, "productId": 1, "x": "y" * 20000})
    problem(shared.request("POST", "/orders", body), 413, "body-too-large")


@pytest.mark.parametrize("path", [
    "/orders/999999999", "/users/999999999", "/transactions/999999999"])
def test_missing_row_404(shared, path):
    problem(shared.get(path), 404, "not-found")


@pytest.mark.parametrize("path", [
    "/orders/0", "/orders/x", "/orders/1x", "/orders?limit=0",
    "/orders?limit=1001", "/orders?after=x", "/orders?order=up",
    "/orders?status=DONE", "/orders?userId=0", "/users?limit=-1",
    "/orders?nonsense=1"])
def test_bad_parameter_400(shared, path):
    problem(shared.get(path), 400, "bad-parameter")


def test_unknown_path_404(shared):
    problem(shared.get("/nothing"), 404, "unknown-path")


def test_unknown_method_405(shared):
    reply = shared.request("PATCH", "/orders", {})
    problem(reply, 405, "method-not-allowed")
    assert "POST" in reply.headers["Allow"]


# --- lists -------------------------------------------------------------------

@pytest.fixture(scope="module")
def listed(shared):
    """30 more orders: two users with credit for 10 each, and 15 orders."""
    for user in (201, 202):
        shared.open_user(user, 500)
    ids = [shared.order(201 + number % 2, 1) for number in range(30)]
    for order_id in ids:
        shared.ended(order_id)
    return ids


def test_list_orders_pages_by_link(shared, listed):
    first = shared.get("/orders?limit=7")
    assert len(first.json) == 7
    assert "after=" in next_page(first) and "limit=7" in next_page(first)
    rows = shared.all_rows("/orders?limit=7")
    ids = [row["id"] for row in rows]
    assert ids == sorted(ids)
    assert set(listed) <= set(ids)


def test_list_orders_descending(shared, listed):
    rows = shared.all_rows("/orders?limit=11&order=desc")
    ids = [row["id"] for row in rows]
    assert ids == sorted(ids, reverse=True)
    assert ids == [row["id"] for row in shared.all_rows("/orders")][::-1]


def test_list_orders_after_starts_behind(shared, listed):
    rows = shared.json(f"/orders?after={listed[0]}&limit=5")
    assert [row["id"] for row in rows] == listed[1:6]


def test_list_orders_of_a_user(shared, listed):
    rows = shared.all_rows("/orders?userId=201&limit=4")
    assert {row["userId"] for row in rows} == {201}
    assert [row["id"] for row in rows] == listed[0::2]


def test_list_orders_by_status(shared, listed):
    rows = shared.all_rows("/orders?status=ORDER_FAILED&userId=202")
    assert [row["id"] for row in rows] == listed[1::2][10:]
    assert {row["reason"] for row in rows} == {"INSUFFICIENT_CREDIT"}
    completed = shared.all_rows("/orders?status=ORDER_COMPLETED&userId=202"
                                "&order=desc&limit=3")
    assert [row["id"] for row in completed] == listed[1::2][:10][::-1]


def test_list_transactions_pages_by_link(shared, listed):
    rows = shared.all_rows("/transactions?limit=3")
    mine = [row for row in rows if row["userId"] in (201, 202)]
    assert len(mine) == 20
    assert sum(row["amount"] for row in mine) == 1000
    one = shared.json(f"/transactions/{mine[0]['id']}")
    assert one == mine[0]
    order = shared.json(f"/orders/{mine[0]['orderId']}")
    assert order["transactionId"] == mine[0]["id"]


def test_list_users_pages_by_link(shared, listed):
    rows = shared.all_rows("/users?limit=2")
    assert {1, 2, 3, 4, 5, 201, 202} <= {row["id"] for row in rows}


# --- users -------------------------------------------------------------------

def test_user_open_becomes_active(shared):
    reply = shared.request("POST", "/users",
                           {"userId": 301, "balance": "12.50"})
    assert reply.status == 202
    assert reply.headers["Location"] == "/users/301"
    assert reply.json["state"] in ("OPENING", "ACTIVE")
    wait_for(lambda: shared.user_active(301))
    assert '"balance":12.50' in shared.get("/users/301").text


def test_user_open_twice_409(shared):
    shared.open_user(302, 1)
    reply = shared.request("POST", "/users", {"userId": 302, "balance": 2})
    problem(reply, 409, "user-exists")


@pytest.mark.parametrize("balance", [-1, 0.001, "1.234", "x", "1e3", True])
def test_user_open_with_bad_balance_refused(shared, balance):
    reply = shared.request("POST", "/users",
                           {"userId": 303, "balance": balance})
    assert reply.status in (400, 422), reply
    assert shared.get("/users/303").status == 404


def test_user_ordering_at_once_after_open_completes(shared):
    """What a user may spend is decided in the order of acceptance (G5)."""
    assert shared.request("POST", "/users", {
        "userId": 304, "balance": 50}).status == 202
    order = shared.ended(shared.order(304, 1))
    assert order["status"] == "ORDER_COMPLETED"


# --- health ------------------------------------------------------------------

def test_health_and_readiness(shared):
    assert shared.json("/healthz")["status"] == "ok"
    ready = shared.json("/readyz")
    assert ready["status"] == "ready" and ready["broker"] == "up"


def test_metrics_are_prometheus_text(shared):
    reply = shared.get("/metrics")
    assert reply.headers["Content-Type"].startswith("text/plain")
    for line in reply.text.splitlines():
        if not line.startswith("#"):
            name, value = line.rsplit(" ", 1)
            assert name and float(value) >= 0
    for status in ("CREATED", "COMPLETED", "FAILED"):
        assert f'sagapipe_orders_total{{status="ORDER_{status}"}}' \
            in reply.text


def test_root_is_a_page_and_help_is_text(shared):
    reply = shared.get("/")
    assert reply.status == 200
    assert reply.headers["Content-Type"] == "text/html; charset=utf-8"
    policy = reply.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy and "unsafe" not in policy
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert reply.headers["Cache-Control"] == "no-cache"
    known = {"If-None-Match": reply.headers["ETag"]}
    reply = shared.request("GET", "/", headers=known)
    assert (reply.status, reply.text) == (304, "")
    assert "/orders" in shared.get("/help").text
