"""What was answered stays, whatever is killed (docs/GUARANTEES.md)."""

import os

import pytest

from load import Load
from pipeline import BIN, START_ORDER, wait_for
from proof import (USERS, assert_all_ended, assert_money_adds_up,
                   assert_verified, open_users)


def whole_state(pipeline):
    """Everything there is, once user 1 has spent his 100."""
    wait_for(lambda: pipeline.json("/users/1")["balance"] == 0)
    state = {path: pipeline.all_rows(path) for path in
             ("/orders?limit=1000", "/users", "/transactions?limit=1000",
              "/products")}
    # How many orders reached each state since the store was created.
    state["counters"] = sorted(
        line for line in pipeline.get("/metrics").text.splitlines()
        if line.startswith("sagapipe_orders_total{"))
    assert any(not line.endswith(" 0") for line in state["counters"])
    return state


def test_g1_stop_and_start_keeps_everything(pipeline):
    for _ in range(3):
        pipeline.ended(pipeline.order(1, 1))
    pipeline.ended(pipeline.order(77, 2))
    before = whole_state(pipeline)
    pipeline.stop()
    assert pipeline.pid("gateway") is None
    pipeline.start()
    assert whole_state(pipeline) == before
    assert pipeline.ended(pipeline.order(2, 1))["id"] == 5


def test_home_holds_pids_logs_and_stores(pipeline):
    """As people and scripts expect to find them."""
    for name in START_ORDER:
        pid = int((pipeline.home / "run" / f"{name}.pid").read_text())
        assert os.readlink(f"/proc/{pid}/exe") == str(BIN / name)
        assert f"process={name} event=ready" in pipeline.log(name)
        assert (pipeline.home / "data" / name / "lock").exists()
    supervisor = int((pipeline.home / "run" / "supervisor.pid").read_text())
    assert f"event=starting pid={supervisor} " in pipeline.log("supervisor")
    assert {path.name for path in (pipeline.home / "data").iterdir()} == \
        set(START_ORDER)


def test_g1_kill_all_at_rest_keeps_everything(pipeline):
    for _ in range(3):
        pipeline.ended(pipeline.order(1, 1))
    before = whole_state(pipeline)
    pipeline.kill_all()
    pipeline.start()
    assert whole_state(pipeline) == before
    assert pipeline.ended(pipeline.order(2, 1))["id"] == 4


@pytest.mark.parametrize("answers", [10, 100, 400])
def test_g1_kill_all_mid_load_keeps_answered_orders(pipeline, answers):
    open_users(pipeline)
    with Load(pipeline, USERS) as load:
        load.wait(answers)
        pipeline.kill_all()
        pipeline.start()
        load.wait(answers)
        pipeline.kill_all()
        pipeline.start()
        load.wait(10)
        assert_verified(pipeline)  # orders still flow
    assert_all_ended(pipeline, load.answered)
    assert_verified(pipeline)
    pipeline.stop()
    assert_verified(pipeline, "--offline")


@pytest.mark.parametrize("name", START_ORDER)
def test_g3_killed_alone_is_restarted_and_orders_end(pipeline, name):
    open_users(pipeline)
    with Load(pipeline, USERS) as load:
        for _ in range(2):
            load.wait(50)
            old = pipeline.kill(name)
            pipeline.restarted(name, old)
            load.wait(50)
    assert_all_ended(pipeline, load.answered)
    assert f"event=died name={name} pid={old} signal=KILL" in \
        pipeline.log("supervisor")


@pytest.mark.parametrize("name", ["broker", "payment", "ledger"])
def test_g7_stopped_process_orders_wait_and_complete(make_pipeline, name):
    pipeline = make_pipeline(supervised=False).start()
    assert pipeline.ended(pipeline.order(5, 1))["status"] == "ORDER_COMPLETED"
    assert pipeline.stop_process(name) == 0
    waiting = [pipeline.order(5, 1) for _ in range(5)]
    assert {pipeline.json(f"/orders/{order}")["status"]
            for order in waiting} == {"ORDER_CREATED"}
    pipeline.start_process(name)
    for order in waiting:
        assert pipeline.ended(order)["status"] == "ORDER_COMPLETED"
    wait_for(lambda: pipeline.json("/users/5")["balance"] == 2000 - 6 * 50,
             what="user 5's balance")


def test_g7_broker_down_is_told_by_readyz(make_pipeline):
    pipeline = make_pipeline(supervised=False).start()
    pipeline.stop_process("broker")
    wait_for(lambda: pipeline.json("/readyz")["broker"] == "down")
    pipeline.start_process("broker")
    wait_for(lambda: pipeline.json("/readyz")["broker"] == "up")


def test_g7_full_backlog_is_refused(make_pipeline):
    pipeline = make_pipeline(supervised=False, backlog=10).start()
    pipeline.ended(pipeline.order(5, 1))
    pipeline.stop_process("broker")

    def refused():
        reply = pipeline.request("POST", "/orders", {
            "userId": 5, "productId": 1})
        assert reply.status in (201, 503), reply
        return reply if reply.status == 503 else None
    reply = wait_for(refused)
    assert reply.json["type"] == "/problems/backlog-full"
    assert int(reply.headers["Retry-After"]) >= 1
    pipeline.start_process("broker")

    def placed():
        reply = pipeline.request("POST", "/orders", {
            "userId": 5, "productId": 1})
        return reply.json["id"] if reply.status == 201 else None
    # Those that were accepted before it was full have gone on, too.
    assert pipeline.ended(wait_for(placed))["status"] == "ORDER_COMPLETED"
    assert {row["status"] for row in pipeline.all_rows("/orders")} == \
        {"ORDER_COMPLETED"}


def test_stop_drains_open_orders(pipeline):
    """stop-all.sh lets what was accepted end first."""
    open_users(pipeline)
    with Load(pipeline, USERS) as load:
        load.wait(100)
        pipeline.stop()
        load.stopping.set()
    pipeline.start()
    orders = pipeline.all_rows("/orders?limit=1000")
    assert {row["status"] for row in orders} == {"ORDER_COMPLETED"}
    assert_all_ended(pipeline, load.answered)


def test_two_pipelines_side_by_side(make_pipeline):
    one, two = make_pipeline().start(), make_pipeline().start()
    assert one.url != two.url
    assert one.ended(one.order(1, 3))["status"] == "ORDER_COMPLETED"
    assert one.ended(one.order(1, 1))["status"] == "ORDER_FAILED"
    assert two.ended(two.order(1, 1))["status"] == "ORDER_COMPLETED"
    one.stop()
    assert two.ended(two.order(1, 1))["status"] == "ORDER_COMPLETED"
    assert len(two.json("/orders")) == 2
