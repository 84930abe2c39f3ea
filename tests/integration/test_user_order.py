"""G5: what concerns one user takes effect in the order of its acceptance."""

import random
import signal

from pipeline import wait_for

PRICES = {1: 50, 2: 75, 3: 100}
USERS = range(101, 107)
PARTITIONS = 3
ROUNDS = 40


class Customer:
    """Asks one thing after the other, and foretells what must come of it."""

    def __init__(self, pipeline, user):
        self.pipeline = pipeline
        self.user = user
        self.balance = 0
        self.frozen = False
        self.foretold = {}

    def order(self, product):
        order = self.pipeline.order(self.user, product)
        if self.frozen:
            end = ("ORDER_FAILED", "ACCOUNT_FROZEN")
        elif self.balance < PRICES[product]:
            end = ("ORDER_FAILED", "INSUFFICIENT_CREDIT")
        else:
            self.balance -= PRICES[product]
            end = ("ORDER_COMPLETED", None)
        self.foretold[order] = end

    def command(self, word, body=None):
        reply = self.pipeline.request("POST", f"/users/{self.user}/{word}",
                                      body)
        assert reply.status == 202, reply

    def act(self, dice):
        match dice.choice(("order", "order", "order", "credit", "turn")):
            case "order":
                self.order(dice.choice(list(PRICES)))
            case "credit":
                self.command("credits", {"amount": 100})
                self.balance += 100
            case "turn":
                self.command("thaw" if self.frozen else "freeze")
                self.frozen = not self.frozen

    def assert_foretold(self):
        for order, end in self.foretold.items():
            row = self.pipeline.json(f"/orders/{order}")
            assert (row["status"], row.get("reason")) == end, row


def test_g5_what_was_answered_first_takes_effect_first(make_pipeline):
    """Nothing is handled while they ask; then payment dies on the way."""
    seed = random.randrange(2 ** 32)
    print("seed", seed)
    dice = random.Random(seed)
    pipeline = make_pipeline(supervised=False, partitions=PARTITIONS).start()
    for user in USERS:
        pipeline.open_user(user, 0)
    customers = [Customer(pipeline, user) for user in USERS]
    pipeline.kill("payment", signal.SIGSTOP)
    for _ in range(ROUNDS):
        for customer in customers:
            customer.act(dice)
    pipeline.kill("payment", signal.SIGCONT)
    pipeline.kill("payment")
    pipeline.start_process("payment")
    wait_for(lambda: not pipeline.json("/orders?status=ORDER_CREATED"),
             what="the end of all orders")
    ends = {end[1] for customer in customers
            for end in customer.foretold.values()}
    assert ends == {None, "ACCOUNT_FROZEN", "INSUFFICIENT_CREDIT"}
    for customer in customers:
        customer.assert_foretold()
    wait_for(lambda: all(
        pipeline.json(f"/users/{customer.user}")["balance"] ==
        customer.balance for customer in customers),
        what="the balances that were foretold")
