"""What must be true of a pipeline after anything that was done to it."""

import decimal
import subprocess

from pipeline import TREE, wait_for

USERS = list(range(1001, 1011))
CREDIT = decimal.Decimal("1000000.00")
PRICE = decimal.Decimal("50.00")


def open_users(pipeline):
    for user in USERS:
        reply = pipeline.request("POST", "/users", {
            "userId": user, "balance": str(CREDIT)})
        assert reply.status == 202, reply
    for user in USERS:
        wait_for(lambda: pipeline.user_active(user))


def open_orders(pipeline):
    def reached(status):
        return pipeline.metric(f'sagapipe_orders_total{{status="{status}"}}')
    return reached("ORDER_CREATED") - reached("ORDER_COMPLETED") - \
        reached("ORDER_FAILED")


def assert_all_ended(pipeline, answered):
    """Every answered order is there once and ends; all money adds up."""
    wait_for(lambda: open_orders(pipeline) == 0, 120, "the end of all orders")
    orders = pipeline.all_rows("/orders?limit=1000")
    assert set(answered) <= {order["id"] for order in orders}
    assert len(set(answered)) == len(answered), "an id was given twice"
    assert_money_adds_up(pipeline, orders)


def assert_money_adds_up(pipeline, orders):
    completed = [row for row in orders if row["status"] == "ORDER_COMPLETED"]
    others = [row for row in orders if row not in completed]
    assert not others, f"credit was ample: {others[:3]}"
    transactions = pipeline.all_rows("/transactions?limit=1000")
    assert sorted(row["orderId"] for row in transactions) == \
        sorted(row["id"] for row in completed)
    for user in USERS:
        paid = sum(row["price"] for row in completed
                   if row["userId"] == user)
        assert paid == sum(row["amount"] for row in transactions
                           if row["userId"] == user)
        # The gateway reads balances from another topic than an order's end, so
        # they may come a moment later; but they come.
        wait_for(lambda user=user, balance=CREDIT - paid: pipeline.json(
            f"/users/{user}")["balance"] == balance,
            what=f"user {user}'s balance of {CREDIT - paid}")
    assert pipeline.metric('sagapipe_orders_total{status="ORDER_CREATED"}') \
        == pipeline.metric('sagapipe_orders_total{status="ORDER_COMPLETED"}')


def assert_verified(pipeline, *arguments):
    """`sagactl verify` reads all stores and the log, and finds nothing."""
    environment = pipeline.environment()
    result = subprocess.run(
        [f"{environment['SAGA_BIN']}/sagactl", "--home", str(pipeline.home),
         "verify", *arguments],
        cwd=TREE, env=environment, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stdout + result.stderr
