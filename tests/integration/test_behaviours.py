"""What orders and accounts do beyond the plain saga, over real processes."""

import decimal
import json
import os
import signal
import socket

from pipeline import wait_for
from sagabus import Bus, event

MONEY = decimal.Decimal


def place(pipeline, user, product, key=None, **fields):
    headers = {"Idempotency-Key": key} if key is not None else {}
    return pipeline.request("POST", "/orders", {
        "userId": user, "productId": product, **fields}, headers)


def cancel(pipeline, order):
    return pipeline.request("DELETE", f"/orders/{order}")


def problem(reply):
    assert reply.headers["Content-Type"] == "application/problem+json", reply
    assert reply.json["status"] == reply.status, reply
    return reply.json["type"].removeprefix("/problems/")


def has_status(pipeline, order, status):
    return wait_for(lambda: (row := pipeline.json(f"/orders/{order}"))
                    ["status"] == status and row,
                    what=f"order {order} in {status}")


def has_balance(pipeline, user, balance):
    wait_for(lambda: pipeline.json(f"/users/{user}")["balance"] ==
             MONEY(balance), what=f"user {user}'s balance of {balance}")


def has_state(pipeline, user, state):
    wait_for(lambda: pipeline.json(f"/users/{user}")["state"] == state,
             what=f"user {user} {state}")


def reached(pipeline, status):
    return pipeline.metric(f'sagapipe_orders_total{{status="{status}"}}')


def steps(order):
    return [step["what"] for step in order["timeline"]]


# --- idempotency keys -------------------------------------------------------

def test_key_gives_the_same_order_for_its_life(make_pipeline):
    pipeline = make_pipeline(supervised=False).start()
    has_state(pipeline, 1, "ACTIVE")
    first = place(pipeline, 1, 1, "k-1")
    assert first.status == 201 and "Idempotency-Replayed" not in first.headers
    order = first.json["id"]
    has_status(pipeline, order, "ORDER_COMPLETED")
    pipeline.kill("gateway")
    pipeline.start_process("gateway")
    again = place(pipeline, 1, 1, "k-1", quantity=1)
    assert again.status == 201, again
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.headers["Location"] == f"/orders/{order}"
    assert again.json["id"] == order
    assert again.json["status"] == "ORDER_COMPLETED"
    assert len(pipeline.json("/orders")) == 1
    has_balance(pipeline, 1, "50.00")
    assert place(pipeline, 1, 1, "k-2").json["id"] != order


def test_key_of_another_body_is_a_conflict(pipeline):
    assert place(pipeline, 1, 1, "k").status == 201
    for body, field in (((2, 1, {}), "userId"), ((1, 2, {}), "productId"),
                        ((1, 1, {"quantity": 2}), "quantity")):
        reply = place(pipeline, body[0], body[1], "k", **body[2])
        assert reply.status == 422 and \
            problem(reply) == "idempotency-conflict", reply
        assert reply.json["field"] == field, reply
    assert len(pipeline.json("/orders")) == 1


def test_key_must_be_visible_characters(pipeline):
    for key in ("a b", "", "x" * 256, "\xe4"):
        reply = place(pipeline, 1, 1, key)
        assert reply.status == 400, reply
        assert problem(reply) == "bad-idempotency-key"
    assert place(pipeline, 1, 1, "x" * 255).status == 201
    assert len(pipeline.json("/orders")) == 1


def test_key_of_what_was_refused(pipeline):
    """Without an order the key is free; a failed order stays failed."""
    assert problem(place(pipeline, 1, 99, "k")) == "unknown-product"
    reply = place(pipeline, 77, 1, "k")
    assert reply.status == 201 and "Idempotency-Replayed" not in reply.headers
    pipeline.ended(reply.json["id"])
    again = place(pipeline, 77, 1, "k")
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.json["status"] == "ORDER_FAILED"
    assert again.json["reason"] == "UNKNOWN_USER"


# --- cancels ----------------------------------------------------------------

def test_cancel_gives_back_what_was_paid(pipeline):
    order = pipeline.order(1, 1)
    done = has_status(pipeline, order, "ORDER_COMPLETED")
    has_balance(pipeline, 1, "50.00")
    reply = cancel(pipeline, order)
    assert reply.status == 202, reply
    assert reply.json["id"] == order and reply.json["cancelRequestedAt"]
    row = has_status(pipeline, order, "ORDER_CANCELLED")
    assert row["reason"] == "CANCELLED"
    assert steps(row) == [
        "ORDER_CREATED", "PAYMENT_APPROVED", "TRANSACTION_SUCCESSFUL",
        "CANCEL_REQUESTED", "PAYMENT_REFUNDED", "TRANSACTION_REVERSED",
        "ORDER_CANCELLED"]
    has_balance(pipeline, 1, "100.00")
    transaction = pipeline.json(f"/transactions/{done['transactionId']}")
    assert transaction["status"] == "REVERSED"
    assert transaction["amount"] == MONEY("50.00")
    reply = cancel(pipeline, order)
    assert reply.status == 409 and problem(reply) == "order-ended"
    assert reply.json["state"] == "ORDER_CANCELLED"
    assert reached(pipeline, "ORDER_CANCELLED") == 1
    assert pipeline.ended(pipeline.order(1, 3))["status"] == "ORDER_COMPLETED"


def test_cancel_while_open_ends_once(make_pipeline):
    pipeline = make_pipeline(supervised=False).start()
    has_state(pipeline, 1, "ACTIVE")
    pipeline.kill("payment", signal.SIGSTOP)
    order = pipeline.order(1, 1)
    for _ in range(2):
        reply = cancel(pipeline, order)
        assert reply.status == 202, reply
        assert reply.json["status"] == "ORDER_CREATED"
    assert steps(pipeline.json(f"/orders/{order}")) == \
        ["ORDER_CREATED", "CANCEL_REQUESTED"]
    pipeline.kill("payment", signal.SIGCONT)
    row = pipeline.ended(order)
    assert (row["status"], row["reason"]) == ("ORDER_CANCELLED", "CANCELLED")
    has_balance(pipeline, 1, "100.00")
    assert reached(pipeline, "ORDER_COMPLETED") == 0
    assert pipeline.json("/transactions")[0]["status"] == "REVERSED"


def test_cancel_that_comes_too_late_is_told(pipeline):
    order = pipeline.order(77, 1)
    assert pipeline.ended(order)["status"] == "ORDER_FAILED"
    reply = cancel(pipeline, order)
    assert reply.status == 409 and problem(reply) == "order-ended"
    assert reply.json["state"] == "ORDER_FAILED"
    reply = cancel(pipeline, 4711)
    assert reply.status == 404 and problem(reply) == "not-found"


def test_transaction_that_the_ledger_refuses_is_given_back(make_pipeline):
    pipeline = make_pipeline(transaction_limit="60.00").start()
    order = pipeline.order(2, 2)
    row = pipeline.ended(order)
    assert (row["status"], row["reason"]) == ("ORDER_FAILED",
                                              "LIMIT_EXCEEDED")
    wait_for(lambda: "PAYMENT_REFUNDED" in
             steps(pipeline.json(f"/orders/{order}")), what="the refund")
    assert {"PAYMENT_APPROVED", "TRANSACTION_UNSUCCESSFUL"} <= \
        set(steps(pipeline.json(f"/orders/{order}")))
    has_balance(pipeline, 2, "200.00")
    assert pipeline.json("/transactions") == []
    assert cancel(pipeline, order).status == 409


# --- accounts ---------------------------------------------------------------

def test_credits_add_up_once(pipeline):
    body = {"amount": MONEY("25.00"), "creditId": 7}
    text = '{"amount": 25.00, "creditId": 7}'
    for _ in range(3):
        reply = pipeline.request("POST", "/users/1/credits", text)
        assert reply.status == 202, reply
        assert reply.json == {"userId": 1, **body}
    first = pipeline.request("POST", "/users/1/credits", {"amount": "0.50"})
    assert first.status == 202 and first.json["creditId"] >= 2 ** 52, first
    other = pipeline.request("POST", "/users/1/credits", {"amount": 1})
    assert other.json["creditId"] not in (7, first.json["creditId"])
    again = pipeline.request("POST", "/users/1/credits", {
        "amount": 1, "creditId": other.json["creditId"]})
    assert again.status == 202, again
    has_balance(pipeline, 1, "126.50")
    assert pipeline.ended(pipeline.order(1, 3))["status"] == "ORDER_COMPLETED"
    has_balance(pipeline, 1, "26.50")


def test_frozen_account_pays_nothing(pipeline):
    has_state(pipeline, 1, "ACTIVE")
    assert pipeline.request("POST", "/users/1/freeze").status == 202
    has_state(pipeline, 1, "FROZEN")
    row = pipeline.ended(pipeline.order(1, 1))
    assert (row["status"], row["reason"]) == ("ORDER_FAILED",
                                              "ACCOUNT_FROZEN")
    assert pipeline.request("POST", "/users/1/thaw").status == 202
    has_state(pipeline, 1, "ACTIVE")
    assert pipeline.ended(pipeline.order(1, 1))["status"] == "ORDER_COMPLETED"


def test_account_commands_are_refused_by_name(pipeline):
    for path, body in (("credits", {"amount": 1}), ("freeze", None),
                       ("thaw", None)):
        reply = pipeline.request("POST", f"/users/77/{path}", body)
        assert reply.status == 404 and problem(reply) == "unknown-user", reply
    for body, status in (({"amount": 0}, 422), ({"amount": -1}, 422), ({}, 400),
                         ({"amount": 1, "creditId": 2 ** 53 - 1}, 422)):
        reply = pipeline.request("POST", "/users/1/credits", body)
        assert reply.status == status, reply
    has_balance(pipeline, 1, "100.00")


# --- time-outs --------------------------------------------------------------

def test_order_that_does_not_end_is_cancelled(make_pipeline):
    pipeline = make_pipeline(supervised=False).start()
    has_state(pipeline, 1, "ACTIVE")
    ended = pipeline.order(1, 1)
    has_status(pipeline, ended, "ORDER_COMPLETED")
    pipeline.stop_process("payment")
    order = pipeline.order(1, 1)
    pipeline.kill("gateway")  # its clock runs on
    pipeline.knobs["order_timeout"] = "300ms"
    pipeline.start_process("gateway")
    wait_for(lambda: "cancelRequestedAt" in pipeline.json(f"/orders/{order}"),
             what="the time-out")
    assert "cancelRequestedAt" not in pipeline.json(f"/orders/{ended}")
    pipeline.start_process("payment")
    row = pipeline.ended(order)
    assert (row["status"], row["reason"]) == ("ORDER_CANCELLED", "TIMEOUT")
    has_balance(pipeline, 1, "50.00")
    assert reached(pipeline, "ORDER_CANCELLED") == 1


def test_timeout_gives_back_what_was_taken(make_pipeline):
    """While the ledger, which would have ended it, is still down."""
    pipeline = make_pipeline(supervised=False, order_timeout="300ms").start()
    has_state(pipeline, 1, "ACTIVE")
    pipeline.stop_process("ledger")
    order = pipeline.order(1, 1)
    wait_for(lambda: "PAYMENT_REFUNDED" in
             steps(pipeline.json(f"/orders/{order}")), what="the refund")
    assert f"order={order} user=1 status=APPROVED" in pipeline.log("payment")
    row = pipeline.json(f"/orders/{order}")
    assert row["status"] == "ORDER_CREATED"
    has_balance(pipeline, 1, "100.00")
    pipeline.start_process("ledger")
    row = pipeline.ended(order)
    assert (row["status"], row["reason"]) == ("ORDER_CANCELLED", "TIMEOUT")
    has_balance(pipeline, 1, "100.00")


# --- parked orders ----------------------------------------------------------

def operate(pipeline, name, words):
    """One request to a process's control socket; its answer."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as door:
        door.settimeout(10)
        door.connect(str(pipeline.home / "run" / f"{name}.ctl"))
        door.send(words.encode())
        return json.loads(door.recv(1 << 17))


def test_g6_parked_order_shows_it(pipeline):
    pipeline.ended(pipeline.order(1, 1))
    order = pipeline.order(2, 1)
    pipeline.ended(order)
    with Bus(f"ipc://{pipeline.home}/run/broker.ipc") as bus:
        bus.open("ledger-9")
        bus.produce("transactions", 0, [event(
            "Transaction", orderId=order, userId=1, price=5000,
            status="SUCCESSFUL", transactionId=999, decidedAt=1)])
    parked = wait_for(lambda: pipeline.json(f"/orders/{order}").get("parked"),
                      what="the parked order")
    assert parked.pop("since").endswith("Z")
    assert parked == {"participant": "gateway", "topic": "transactions",
                      "cause": "refused", "attempts": 1}
    assert pipeline.metric("sagapipe_parked_orders") == 1
    assert "parked" not in pipeline.json("/orders/1")
    assert pipeline.ended(pipeline.order(2, 1))["status"] == "ORDER_COMPLETED"
    assert "error" not in operate(pipeline, "gateway", "drop 1")
    wait_for(lambda: "parked" not in pipeline.json(f"/orders/{order}"),
             what="the order's release")
    assert pipeline.metric("sagapipe_parked_orders") == 0
    assert pipeline.json(f"/orders/{order}")["status"] == "ORDER_COMPLETED"


# --- pressure ---------------------------------------------------------------

def commands(pipeline, order):
    """Every command that makes an event."""
    return [place(pipeline, 1, 1, "fresh"), cancel(pipeline, order),
            pipeline.request("POST", "/users", {"userId": 9, "balance": 1}),
            pipeline.request("POST", "/users/1/credits", {"amount": 1}),
            pipeline.request("POST", "/users/1/freeze"),
            pipeline.request("POST", "/users/1/thaw")]


def all_refused(pipeline, order, name):
    for reply in commands(pipeline, order):
        assert reply.status == 503 and problem(reply) == name, reply
        assert 1 <= int(reply.headers["Retry-After"]) <= 60
    assert pipeline.get("/users/9").status == 404
    assert "cancelRequestedAt" not in pipeline.json(f"/orders/{order}")
    replay = place(pipeline, 1, 1, "old")
    assert replay.status == 201, replay
    assert replay.headers["Idempotency-Replayed"] == "true"


def test_g7_full_backlog_takes_no_commands(make_pipeline):
    pipeline = make_pipeline(supervised=False, backlog=3).start()
    has_state(pipeline, 1, "ACTIVE")
    order = place(pipeline, 1, 1, "old").json["id"]
    has_status(pipeline, order, "ORDER_COMPLETED")
    pipeline.kill("broker", signal.SIGSTOP)
    wait_for(lambda: place(pipeline, 2, 1).status == 503,
             what="the full backlog")
    accepted = reached(pipeline, "ORDER_CREATED")
    all_refused(pipeline, order, "backlog-full")
    # Nothing leaves: after some seconds the client is told to wait long.
    wait_for(lambda: place(pipeline, 1, 1).headers["Retry-After"] == "60",
             what="a Retry-After of 60")
    assert reached(pipeline, "ORDER_CREATED") == accepted
    pipeline.kill("broker", signal.SIGCONT)
    wait_for(lambda: place(pipeline, 1, 1, "fresh").status == 201,
             what="room in the backlog")
    wait_for(lambda: not pipeline.json("/orders?status=ORDER_CREATED"),
             what="the end of all orders")


def test_disk_floor_takes_no_commands(make_pipeline):
    spare = 512 << 20
    pipeline = make_pipeline(supervised=False)
    disk = os.statvfs(pipeline.directory)
    pipeline.knobs["gateway_disk_floor"] = \
        max(disk.f_bavail * disk.f_frsize - spare, 0)
    pipeline.start()
    has_state(pipeline, 1, "ACTIVE")
    order = place(pipeline, 1, 1, "old").json["id"]
    has_status(pipeline, order, "ORDER_COMPLETED")
    filler = pipeline.directory / "filler"
    with open(filler, "wb") as file:
        os.posix_fallocate(file.fileno(), 0, 2 * spare)
    wait_for(lambda: place(pipeline, 2, 1).status == 503,
             what="the disk floor")
    all_refused(pipeline, order, "disk-floor")
    assert pipeline.get("/orders").status == 200
    filler.unlink()
    wait_for(lambda: place(pipeline, 1, 1, "fresh").status == 201,
             what="room on the disk")
