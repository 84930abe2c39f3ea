"""What customers were told, compared with what a pipeline at rest has."""

import collections
import random
import threading
import time

from pipeline import next_page, wait_for
from torture_customer import CROWD, OWN_CREDIT

REST_LIMIT_S = 180
REPLAYS_MAX = 300
DIFFERENCES_SHOWN = 20
TERMINAL = {"ORDER_COMPLETED", "ORDER_FAILED", "ORDER_CANCELLED"}
CROWD_REASONS = {"INSUFFICIENT_CREDIT", "LIMIT_EXCEEDED"}


class NotYet(Exception):
    """Something is under way still."""


class Told:
    """The sum of what all customers know."""

    def __init__(self, customers):
        self.orders = {}
        self.accounts = {}
        self.balances = dict(CROWD)
        self.ends = collections.Counter()
        self.reasons = collections.Counter()
        for customer in customers:
            for order in customer.orders:
                if order.id in self.orders:
                    raise AssertionError(
                        f"order {order.id} was given for two keys: "
                        f"{self.orders[order.id].key} and {order.key}")
                self.orders[order.id] = order
            self.accounts.update(customer.accounts)
            for user in customer.accounts:
                self.balances[user] = OWN_CREDIT
        for customer in customers:
            for user, amount in customer.credited.items():
                self.balances[user] += amount


def minor(amount):
    return round(amount * 100)


def ask(client, method, path, body=None, headers=None):
    """The reply; asked again while the store is too slow for the knob
    reply_timeout, which may be half a second."""
    def asked():
        reply = client.request(method, path, body, headers)
        return reply if reply.status != 503 else None
    return wait_for(asked, what=f"an answer to {method} {path}")


def pages(pipeline, path):
    while path:
        reply = ask(pipeline, "GET", path)
        assert reply.status == 200, reply
        yield reply.json
        path = next_page(reply)


def show(differences):
    if differences:
        raise AssertionError(
            f"{len(differences)} differences:\n" +
            "\n".join(differences[:DIFFERENCES_SHOWN]))


def wait_at_rest(pipeline, told):
    """Until nothing is under way and all agrees; tells what does not."""
    deadline = time.monotonic() + REST_LIMIT_S
    while True:
        try:
            return check_all(pipeline, told)
        except NotYet as reason:
            if time.monotonic() > deadline:
                raise AssertionError(f"not at rest after {REST_LIMIT_S} s: "
                                     f"{reason}") from reason
        threading.Event().wait(0.2)


def check_all(pipeline, told):
    told.ends.clear()
    told.reasons.clear()
    paid = collections.Counter()
    booked = {}
    check_orders(pipeline, told, paid, booked)
    check_transactions(pipeline, booked)
    check_balances(pipeline, told, paid)


def check_orders(pipeline, told, paid, booked):
    """Newest first, since those are the last to end."""
    differences = []
    seen = set()
    for rows in pages(pipeline, "/orders?limit=1000&order=desc"):
        for row in rows:
            order = told.orders.get(row["id"])
            if order is None:
                differences.append(f"nobody was told of order {row}")
                continue
            if row["id"] in seen:
                differences.append(f"order {row['id']} is listed twice")
            seen.add(row["id"])
            if not order.is_that(row):
                differences.append(f"answered {order.body()} as {order.id}, "
                                   f"but it is {row}")
            differences += check_end(order, row)
            told.ends[row["status"]] += 1
            if row["status"] == "ORDER_FAILED":
                told.reasons[row["reason"]] += 1
            else:
                booked[row["id"]] = row
            if row["status"] == "ORDER_COMPLETED":
                paid[row["userId"]] += minor(row["price"])
    differences += [f"order {number} was answered and is gone"
                    for number in told.orders if number not in seen]
    show(differences)


def check_end(order, row):
    status, reason = row["status"], row.get("reason")
    if status not in TERMINAL:
        raise NotYet(f"order {order.id} is {status}")
    if order.cancelled and status == "ORDER_COMPLETED":
        raise NotYet(f"order {order.id} is completed, though cancelled")
    if order.status is not None:
        good = (status, reason) == (order.status, order.reason) or (
            # A cancel has a reason of its own.
            status == order.status == "ORDER_CANCELLED")
    elif status == "ORDER_FAILED":
        good = reason in CROWD_REASONS
    else:
        good = order.cancelled == (status == "ORDER_CANCELLED")
    if good:
        return []
    return [f"order {order.id} of user {order.user} for {order.price} must be "
            f"{order.status} {order.reason}, cancelled={order.cancelled}, and "
            f"is {status} {reason}"]


def check_transactions(pipeline, booked):
    """One for each order that was paid, with its price; no other."""
    differences = []
    seen = set()
    numbers = set()
    for rows in pages(pipeline, "/transactions?limit=1000"):
        for row in rows:
            order = booked.get(row["orderId"])
            if order is None or row["orderId"] in seen:
                differences.append(f"transaction {row} is one too many")
                continue
            seen.add(row["orderId"])
            numbers.add(row["id"])
            status = ("REVERSED" if order["status"] == "ORDER_CANCELLED"
                      else "SUCCESSFUL")
            if (row["userId"], row["amount"], row["status"]) != (
                    order["userId"], order["price"], status):
                differences.append(f"transaction {row} is not of {order}")
    differences += [f"order {number} has no transaction"
                    for number in booked if number not in seen]
    if numbers != set(range(1, len(numbers) + 1)):
        differences.append(f"transactions' ids are not 1 to {len(numbers)}")
    show(differences)


def check_balances(pipeline, told, paid):
    """opened + credited - completed = balance.  The gateway hears of balances
    by another topic than of orders' ends, so they may come a moment later."""
    for user, put_in in told.balances.items():
        row = ask(pipeline, "GET", f"/users/{user}").json
        account = told.accounts.get(user)
        expected = put_in - paid[user]
        if account is not None and account.balance != expected:
            raise AssertionError(
                f"user {user}: the sums say {expected}, the order of events "
                f"{account.balance}")
        state = "FROZEN" if account and account.frozen else "ACTIVE"
        if (minor(row["balance"]), row["state"]) != (expected, state):
            raise NotYet(f"user {user} must have {expected} and be {state}, "
                         f"and has {row}")


def check_metrics(pipeline, told):
    def metric(name):
        return pipeline.metric("sagapipe_" + name) or 0

    def orders(status):
        return metric(f'orders_total{{status="{status}"}}')
    ends = told.ends
    completed = orders("ORDER_COMPLETED")
    facts = {
        "created": orders("ORDER_CREATED") == len(told.orders),
        "failed": orders("ORDER_FAILED") == ends["ORDER_FAILED"],
        "cancelled": orders("ORDER_CANCELLED") == ends["ORDER_CANCELLED"],
        # Some were completed before they were cancelled.
        "completed": 0 <= completed - ends["ORDER_COMPLETED"]
        <= ends["ORDER_CANCELLED"],
        "transactions": metric("transactions_total")
        == ends["ORDER_COMPLETED"] + ends["ORDER_CANCELLED"],
        "parked": metric("parked_orders") == 0,
        "reasons": all(
            metric(f'orders_refused_total{{reason="{reason}"}}') == count
            for reason, count in told.reasons.items()),
    }
    show([f"the metrics disagree on {name}" for name, good in facts.items()
          if not good])


def check_replays(pipeline, customers):
    """Old keys answer with their orders; with another body they refuse."""
    orders = [order for customer in customers for order in customer.orders]
    rng = random.Random(len(orders))
    client = pipeline.client()
    for order in rng.sample(orders, min(REPLAYS_MAX, len(orders))):
        headers = {"Idempotency-Key": order.key}
        reply = ask(client, "POST", "/orders", order.body(), headers)
        assert (reply.status == 201 and order.is_that(reply.json) and
                reply.headers["Idempotency-Replayed"] == "true"), \
            f"key {order.key} of order {order.id}: {reply}"
        reply = ask(client, "POST", "/orders", {
            **order.body(), "quantity": order.quantity + 1}, headers)
        assert (reply.status, reply.json.get("field")) == (422, "quantity"), \
            f"key {order.key} with another body: {reply}"
    client.close()
