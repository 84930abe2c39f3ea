"""What the logs say of orders, and that they stay small."""

import re

from pipeline import Pipeline, wait_for

PROCESSES = ("gateway", "payment", "ledger")
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def story(pipeline, order):
    """grep order=N: the events of the lines by process, each a dictionary."""
    lines = []
    for name in PROCESSES:
        for line in pipeline.log(name).splitlines():
            if re.search(rf"\border={order}\b", line):
                lines.append(dict(word.split("=", 1)
                                  for word in line.split()))
    return {(line["process"], line["event"]): line for line in lines}


def whole(pipeline, order, *events):
    """The story once it has these events."""
    return wait_for(lambda: (told := story(pipeline, order)) and
                    set(events) <= set(told) and told,
                    what=f"the story of order {order}")


ALL = (("gateway", "order_accepted"), ("payment", "payment_decided"),
       ("ledger", "ledger_entry"), ("gateway", "order_ended"))


def test_grep_of_an_order_tells_its_story():
    with Pipeline() as pipeline:
        reply = pipeline.request(
            "POST", "/orders", {"userId": 3, "productId": 2, "quantity": 2},
            {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"})
        order = reply.json["id"]
        pipeline.ended(order)
        told = whole(pipeline, order, *ALL)
        assert {line["user"] for line in told.values()} == {"3"}
        assert {line["trace"] for line in told.values()} == {TRACE}
        assert told[ALL[0]]["product"] == "2"
        assert told[ALL[0]]["quantity"] == "2"
        assert told[ALL[1]]["status"] == "APPROVED"
        assert told[ALL[1]]["balance"] == "350.00"
        assert told[ALL[2]]["status"] == "SUCCESSFUL"
        assert told[ALL[2]]["transaction"] == told[ALL[3]]["transaction"]
        assert told[ALL[3]]["status"] == "ORDER_COMPLETED"
        for event in ALL[1:]:
            assert 0 <= int(told[event]["ms"]) < 60000
        # One that fails, and says why; without a trace.
        order = pipeline.order(1, 4)
        pipeline.ended(order)
        told = whole(pipeline, order, *ALL)
        for event in ALL[1:]:
            assert told[event]["reason"] == "INSUFFICIENT_CREDIT"
        assert "trace" not in told[ALL[0]]
        # One that is cancelled after it was paid.
        order = pipeline.order(3, 1)
        pipeline.ended(order)
        pipeline.request("DELETE", f"/orders/{order}")
        wait_for(lambda: story(pipeline, order).get(ALL[3], {})
                 .get("status") == "ORDER_CANCELLED", what="the cancelled end")
        told = whole(pipeline, order, ("gateway", "order_cancel"))
        assert told[ALL[1]]["status"] == "REFUNDED"
        assert told[ALL[2]]["status"] == "REVERSED"


def test_log_tells_what_became_of_account_commands():
    with Pipeline() as pipeline:
        def told(amount):
            """What payment says of credit 7 of that amount."""
            return next((dict(word.split("=", 1) for word in line.split())
                         for line in pipeline.log("payment").splitlines()
                         if " user=1 credit=7 " in line and
                         f" amount={amount} " in line + " "), None)

        for amount in (25.0, 26.0):
            reply = pipeline.request("POST", "/users/1/credits",
                                     {"amount": amount, "creditId": 7},
                                     {"traceparent":
                                      f"00-{TRACE}-00f067aa0ba902b7-01"})
            assert reply.status == 202
        given = wait_for(lambda: told("25.00"), what="the credit")
        assert given["event"] == "account_changed"
        assert given["change"] == "CREDITED"
        assert given["balance"] == "125.00"
        assert given["trace"] == TRACE
        refused = wait_for(lambda: told("26.00"), what="the refusal")
        assert refused["change"] == "REFUSED"
        assert refused["reason"] == "DUPLICATE_CONFLICT"
        assert refused["balance"] == "125.00"
        assert "order" not in refused
        opened = re.search(r".* user=1 change=OPENED .*",
                           pipeline.log("payment"))
        assert "reason=" not in opened[0]


def test_lines_about_orders_are_bounded_and_failures_have_their_own():
    with Pipeline(log_orders=5) as pipeline:
        first = pipeline.order(5, 1)        # 2000.00 of credit: 40 of these
        # At once: on a slow machine one by one are not too many in a second.
        reply = pipeline.request(
            "POST", "/orders", '{"userId":5,"productId":1}\n' * 25,
            {"Content-Type": "application/x-ndjson"})
        assert reply.text.count('"ORDER_CREATED"') == 25
        failed = pipeline.order(1, 5)
        pipeline.ended(failed)
        whole(pipeline, failed, *ALL[1:])
        for name in PROCESSES:
            wait_for(lambda name=name: "event=orders_unsaid lines=" in
                     pipeline.log(name), what=f"{name} tells what is unsaid")
        assert first in {int(number) for number in re.findall(
            r"event=order_accepted order=(\d+)", pipeline.log("gateway"))}


def test_a_log_that_has_its_size_is_begun_anew():
    with Pipeline(log_size="16k") as pipeline:
        client = pipeline.client()
        logs = pipeline.home / "log"

        def rotated():
            for _ in range(20):
                client.request("POST", "/orders", {"userId": 9,
                                                   "productId": 1})
            return (logs / "gateway.log.old").exists()
        wait_for(rotated, 60, what="the log's old file")
        assert (logs / "gateway.log.old").stat().st_size >= 16384
        order = client.request("POST", "/orders",
                               {"userId": 9, "productId": 1}).json["id"]
        client.close()
        wait_for(lambda: f"order={order} " in pipeline.log("gateway"),
                 what="a line in the new file")
        assert "event=log_begun before=" in pipeline.log("gateway")
        mode = (logs / "gateway.log").stat().st_mode
        assert mode == (logs / "gateway.log.old").stat().st_mode
