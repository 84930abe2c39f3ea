"""Every list that the gateway answers is bounded: what is asked for beyond the
bound is refused, and no answer has more rows, however many there are."""

import json

import pytest

from openapi import Description
from pipeline import Pipeline, next_page, wait_for
from sagabus import Bus, event

ROWS = 1100         # more than a page may have
NOT_LIMITED = {"/parked": 1000}  # of each participant; it takes no limit
FILTERS = {"/orders": ["userId=1", "status=ORDER_COMPLETED",
                       "userId=1&status=ORDER_COMPLETED"]}
DESCRIPTION = Description()


def lists():
    """path -> its GET operation, of all that answer an array."""
    found = {}
    for one in DESCRIPTION.operations:
        content = DESCRIPTION.resolve(one.node["responses"].get("200", {}))
        schema = content.get("content", {}).get("application/json", {}).get(
            "schema", {})
        if one.method == "GET" and \
                DESCRIPTION.resolve(schema).get("type") == "array":
            assert "maxItems" in schema, one
            found[one.path] = one
    return found


LIMITED = sorted(set(lists()) - set(NOT_LIMITED))


@pytest.fixture(scope="module", name="full")
def _full(tmp_path_factory):
    """More rows in every list than an answer may hold."""
    seed = tmp_path_factory.mktemp("lists") / "seed.json"
    seed.write_text(json.dumps({
        "products": [{"id": row, "price": 1} for row in range(1, ROWS + 1)],
        "users": [{"userId": row, "balance": 10**6}
                  for row in range(1, ROWS + 1)]}))
    with Pipeline(supervised=False, seed=seed) as pipeline:
        wait_for(lambda: pipeline.user_active(ROWS), what="the users")
        reply = pipeline.request(
            "POST", "/orders", '{"userId":1,"productId":1}\n' * ROWS,
            {"Content-Type": "application/x-ndjson"})
        assert reply.text.count('"ORDER_CREATED"') == ROWS
        pipeline.ended(ROWS)
        with Bus(f"ipc://{pipeline.home}/run/broker.ipc") as bus:
            bus.open("ledger-9")    # second words on orders that have ended
            bus.produce("transactions", 0, [event(
                "Transaction", status="SUCCESSFUL", decidedAt=1, orderId=order,
                userId=1, price=100, transactionId=10**6 + order)
                for order in range(1, ROWS + 1)])
        wait_for(lambda: next(
            row for row in pipeline.json("/status")["processes"]
            if row["name"] == "gateway")["parked"] == ROWS,
            what="the parked events")
        yield pipeline


def bound(path):
    return DESCRIPTION.parameters(lists()[path], "query")["limit"]["schema"]


def asked(pipeline, path, query):
    return DESCRIPTION.check(lists()[path], pipeline.get(f"{path}?{query}"))


def test_every_list_has_a_bound():
    assert {"/orders", "/users", "/products", "/transactions"} <= set(LIMITED)
    for path in LIMITED:
        assert bound(path)["minimum"] == 1
        assert bound(path)["maximum"] == 1000
        assert lists()[path].node["responses"]["200"]["content"][
            "application/json"]["schema"]["maxItems"] == bound(path)["maximum"]


@pytest.mark.parametrize("path", LIMITED)
def test_more_than_the_bound_is_refused(full, path):
    most = bound(path)["maximum"]
    for limit in (most + 1, 10**9, 2**32 + 1, 2**64 + 1, 0, -1, "", "x", "1e3",
                  f"{most}&limit={most}"):
        reply = asked(full, path, f"limit={limit}")
        assert reply.status == 400, (limit, reply)
        assert reply.json["field"] == "limit"


@pytest.mark.parametrize("path", LIMITED)
def test_no_page_has_more_rows(full, path):
    most, default = bound(path)["maximum"], bound(path)["default"]
    for order in ("asc", "desc"):
        for more in ["", *FILTERS.get(path, [])]:
            assert len(asked(full, path, f"order={order}&{more}").json) == \
                default
            page = asked(full, path, f"limit={most}&order={order}&{more}")
            assert len(page.json) == most and next_page(page)
        rows = full.all_rows(f"{path}?limit={most}&order={order}")
        assert len(rows) >= ROWS


def test_parked_events_are_the_oldest_of_each(full):
    rows = asked(full, "/parked", "").json
    here = [row["number"] for row in rows if row["participant"] == "gateway"]
    assert here == list(range(1, NOT_LIMITED["/parked"] + 1))
    assert asked(full, "/parked", "limit=1001").status == 400
