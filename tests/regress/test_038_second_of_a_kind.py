"""038: the knob `instance` began a second payment or ledger, which decided and
numbered everything once more: users' orders stayed open, and verify was bad.

Only gateways can be several, with a stride; without it both would give the
same order ids.
"""

import os
import re
import signal
import subprocess

import pytest

from pipeline import BIN, TREE, Client, clean_environment, wait_for

REFUSED = [
    ("payment", {}, "there is one payment"),
    ("ledger", {}, "there is one ledger"),
    ("payment", {"SAGAPIPE_ORDER_ID_STRIDE": "2"}, "there is one payment"),
    ("gateway", {}, "need an order_id_stride of 2 or more"),
]


@pytest.mark.parametrize("name, environment, words", REFUSED)
def test_038_refused(tmp_path, name, environment, words):
    home = tmp_path / "home"
    result = subprocess.run(
        [BIN / name, "--instance", "2"], capture_output=True, text=True,
        timeout=30, cwd=TREE, stdin=subprocess.DEVNULL,
        env=clean_environment(SAGAPIPE_HOME=str(home), **environment))
    assert result.returncode == 100, result
    assert words in result.stderr and result.stderr.count("\n") == 1
    assert not home.exists()


def test_038_two_gateways_take_orders_by_turns(make_pipeline):
    pipeline = make_pipeline(supervised=False, order_id_stride=2).start()
    log = pipeline.home / "log" / "second.log"
    with open(log, "w", encoding="utf-8") as stderr:
        second = subprocess.Popen(
            [BIN / "gateway", "--instance", "2", "--order-id-offset", "2"],
            env=pipeline.environment(), cwd=TREE, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=stderr)
    try:
        url = wait_for(lambda: re.search(r"url=http://(\S+)", log.read_text()),
                       what="the second gateway").group(1)
        client, orders = Client(url), []
        for _ in range(5):
            orders.append(pipeline.order(4, 1))
            reply = client.request("POST", "/orders",
                                   {"userId": 5, "productId": 1})
            assert reply.status == 201, reply
            orders.append(reply.json["id"])
        assert len(set(orders)) == 10
        for order in orders[::2]:
            assert order % 2 == 1
            assert pipeline.ended(order)["status"] == "ORDER_COMPLETED"
        for order in orders[1::2]:
            assert order % 2 == 0
            wait_for(lambda: client.request(
                "GET", f"/orders/{order}").json["status"] == "ORDER_COMPLETED",
                what="the other's end")  # noqa: B023 (called at once)
    finally:
        os.kill(second.pid, signal.SIGTERM)
        assert second.wait(60) == 0
    assert subprocess.run(
        [BIN / "sagactl", "--home", str(pipeline.home), "verify"],
        capture_output=True, timeout=60,
        env=clean_environment()).returncode == 0
