"""Customers of a tortured pipeline, and what each of them was told.

A customer asks until he is answered: after a broken connection or a 5xx the
same again, an order under the same Idempotency-Key, a credit under the same
creditId.  So whatever he asked for happens exactly once.  Sometimes he hangs up
before the answer comes, and asks again.

He has users of his own.  Nobody else touches them and he asks for one thing
after the other, so he knows to the cent what must come of each order (G5):
Account is payment's rule, again, in ten lines.  Users of the crowd take orders
from all, some above the ledger's limit; of those only the sums are known.
"""

import http.client
import json
import random
import threading
import time

PRICES = {1: 5000, 2: 7500, 3: 10000, 4: 50000, 5: 100000}
LIMIT = 90000
CROWD = {501: 1000000000, 502: 1000000000, 503: 300000}
OWN_USERS = 3
OWN_CREDIT = 1000000
NOBODY = 999999
PAUSE_S = 0.02
HANG_UP_SHARE = 0.04
ANSWER_LIMIT_S = 200
# What is asked for, and how often.
ASKS = (("order", 60), ("crowd_order", 25), ("cancel", 12), ("credit", 6),
        ("freeze", 3), ("thaw", 6), ("read", 8), ("nobody_order", 1))


class Order:
    __slots__ = ("id", "user", "product", "quantity", "price", "status",
                 "reason", "cancelled", "key")

    def __init__(self, key, user, product, quantity):
        self.key = key
        self.user = user
        self.product = product
        self.quantity = quantity
        self.price = PRICES[product] * quantity
        self.id = None
        self.status = self.reason = None  # how it must end; None: not known
        self.cancelled = False

    def body(self):
        return {"userId": self.user, "productId": self.product,
                "quantity": self.quantity}

    def is_that(self, row):
        return (row["id"], row["userId"], row["productId"], row["quantity"],
                round(row["price"] * 100)) == (
                    self.id, self.user, self.product, self.quantity,
                    self.price)


class Account:
    """What payment does with the events of one user, in their order."""

    def __init__(self, balance):
        self.balance = balance
        self.frozen = False

    def place(self, order):
        if self.frozen:
            order.status, order.reason = "ORDER_FAILED", "ACCOUNT_FROZEN"
        elif order.price > self.balance:
            order.status, order.reason = "ORDER_FAILED", "INSUFFICIENT_CREDIT"
        else:
            order.status = "ORDER_COMPLETED"
            self.balance -= order.price

    def cancel(self, order):
        if order.status == "ORDER_COMPLETED":
            order.status = "ORDER_CANCELLED"
            self.balance += order.price


class Customer(threading.Thread):
    def __init__(self, pipeline, seed, number):
        super().__init__(name=f"customer-{number}", daemon=True)
        self.pipeline = pipeline
        self.rng = random.Random(f"{seed}:{number}")
        self.seed = seed
        self.number = number
        self.client = None
        self.accounts = {number * 1000 + index: Account(OWN_CREDIT)
                         for index in range(1, OWN_USERS + 1)}
        self.orders = []
        self.credited = {}  # user: sum of what was answered
        self.counts = {name: 0 for name in (
            "answered", "retried", "replayed", "cancels", "credits",
            "freezes", "reads")}
        self.stopping = threading.Event()
        self.failure = None

    def opened(self):
        return {user: account.balance
                for user, account in self.accounts.items()}

    def run(self):
        names, weights = zip(*ASKS)
        try:
            while not self.stopping.wait(self.rng.uniform(0, PAUSE_S)):
                getattr(self, self.rng.choices(names, weights)[0])()
        except Exception as failure:
            self.failure = failure

    # --- asking ----------------------------------------------------------------

    def ask(self, method, path, body=None, headers=None):
        """Until it is answered.  The reply, and True if it was asked twice."""
        deadline = time.monotonic() + ANSWER_LIMIT_S
        again = False
        while time.monotonic() < deadline:
            try:
                self.client = self.client or self.pipeline.client()
                reply = self.client.request(method, path, body, headers)
                if reply.status not in (429, 503):
                    self.expect(reply.status < 500, method, path, reply)
                    return reply, again
                assert int(reply.headers.get("Retry-After", "1")) >= 1, reply
            except (OSError, http.client.HTTPException):
                self.client = None
            again = True
            self.counts["retried"] += 1
            # In its own time: an ended run must still get its answers.
            threading.Event().wait(self.rng.uniform(0.01, 0.1))
        raise AssertionError(f"{method} {path} {body} {headers}: not answered "
                             f"in {ANSWER_LIMIT_S} s")

    def ask_or_hang_up(self, method, path, body=None, headers=None):
        """The same for what may be handled late, behind its own repetition."""
        hung_up = self.rng.random() < HANG_UP_SHARE
        if hung_up:
            connection = None
            try:
                connection = http.client.HTTPConnection(
                    self.pipeline.url.removeprefix("http://"), timeout=10)
                connection.request(method, path, body and json.dumps(body), {
                    "Content-Type": "application/json", **(headers or {})}
                    if body else {})
            except (OSError, http.client.HTTPException):
                pass
            if connection is not None:
                connection.close()
        reply, again = self.ask(method, path, body, headers)
        return reply, again or hung_up

    def expect(self, condition, *what):
        if not condition:
            raise AssertionError(f"{self.name}: " + " ".join(map(str, what)))

    def own_user(self):
        return self.rng.choice(list(self.accounts))

    # --- what is asked for -----------------------------------------------------

    def place(self, user, product, quantity):
        key = f"{self.seed}-{self.number}-{len(self.orders)}"
        order = Order(key, user, product, quantity)
        reply, again = self.ask_or_hang_up("POST", "/orders", order.body(),
                                           {"Idempotency-Key": key})
        self.expect(reply.status == 201, order.body(), reply)
        replayed = reply.headers.get("Idempotency-Replayed") == "true"
        self.expect(again or not replayed, "a new key was replayed:", key)
        order.id = reply.json["id"]
        self.expect(order.is_that(reply.json), order.body(), reply)
        self.orders.append(order)
        self.counts["answered"] += 1
        self.counts["replayed"] += replayed
        return order

    def order(self):
        user = self.own_user()
        product = self.rng.randint(1, 4)
        quantity = self.rng.randint(1, LIMIT // PRICES[product])
        self.accounts[user].place(
            self.place(user, product, min(quantity, 3)))

    def crowd_order(self):
        self.place(self.rng.choice(list(CROWD)), self.rng.randint(1, 5), 1)

    def nobody_order(self):
        order = self.place(NOBODY, 1, 1)
        order.status, order.reason = "ORDER_FAILED", "UNKNOWN_USER"

    def cancel(self):
        if not self.orders:
            return
        # Mostly one that is still under way.
        order = self.rng.choice(self.orders[-20:] if self.rng.random() < 0.8
                                else self.orders)
        reply, again = self.ask_or_hang_up("DELETE", f"/orders/{order.id}")
        may_have_ended = (again or order.cancelled or
                          order.status in (None, "ORDER_FAILED"))
        self.expect(reply.status == 202 or
                    reply.status == 409 and may_have_ended,
                    "cancel of", order.id, "expected", order.status, reply)
        if order.cancelled:
            return
        self.counts["cancels"] += 1
        order.cancelled = (reply.status == 202 or
                           reply.json.get("state") == "ORDER_CANCELLED")
        if order.user in self.accounts:
            self.accounts[order.user].cancel(order)

    def credit(self):
        user = self.rng.choice(list(self.accounts) + [503])
        amount = self.rng.randint(1, 300000)
        number = self.number * 10000000 + self.counts["credits"] + 1
        reply, _ = self.ask_or_hang_up("POST", f"/users/{user}/credits", {
            "amount": f"{amount // 100}.{amount % 100:02}",
            "creditId": number})
        self.expect(reply.status == 202, "credit", number, reply)
        self.counts["credits"] += 1
        self.credited[user] = self.credited.get(user, 0) + amount
        if user in self.accounts:
            self.accounts[user].balance += amount

    def set_frozen(self, user, frozen):
        word = "freeze" if frozen else "thaw"
        reply, _ = self.ask("POST", f"/users/{user}/{word}")
        self.expect(reply.status == 202, word, user, reply)
        self.counts["freezes"] += frozen
        self.accounts[user].frozen = frozen

    def freeze(self):
        self.set_frozen(self.own_user(), True)

    def thaw(self):
        frozen = [user for user, account in self.accounts.items()
                  if account.frozen]
        if frozen:
            self.set_frozen(self.rng.choice(frozen), False)

    def read(self):
        """What was answered is there, also between two faults."""
        if not self.orders:
            return
        order = self.rng.choice(self.orders)
        reply, _ = self.ask("GET", f"/orders/{order.id}")
        self.expect(reply.status == 200 and order.is_that(reply.json),
                    "order", order.id, order.body(), "is now", reply)
        self.counts["reads"] += 1
