"""Processes that stand still, start in any order, or are there twice.

| situation                               | what is checked                  |
|-----------------------------------------|----------------------------------|
| SIGSTOP of each for seconds, under load | nobody ends or is fenced, the    |
|                                         | others go on, nothing is lost    |
| started in any order, fresh and after   | all get ready, what was answered |
| kill -9 of everything                   | meanwhile ends                   |
| a second one on the same home           | exit 100; the first is unharmed  |
| a participant on an old copy of a       | the copy ends with 120           |
| store, on the same bus                  |                                  |
| ... on a copy that is up to date        | one of the two ends with 120     |
| a broker on a copy, at the same socket  | exit 100; the first is unharmed  |

After each: every answered order is there once and ended, and the money adds up.
"""

import http.client
import itertools
import os
import random
import shutil
import signal
import subprocess
import time

import pytest

from load import Load
from pipeline import BIN, START_ORDER, TREE, wait_for
from proof import USERS, assert_all_ended, open_users

EXIT_USAGE = 100
EXIT_DAMAGED = 120
# Longer than bus_timeout, so that whatever waits for an answer asks again.
STOP_S = 3
BUS_TIMEOUT = "300ms"
ORDERS = sorted(itertools.permutations(START_ORDER))
ORDERS_IN_SHORT = random.Random(24).sample(ORDERS, 8)
PARTICIPANTS = ("payment", "ledger", "gateway")


def pids(pipeline):
    return {name: pipeline.pid(name) for name in START_ORDER}


def pass_seconds(seconds):
    """A process stands still: that takes time, and tells nobody."""
    end = time.monotonic() + seconds
    wait_for(lambda: time.monotonic() >= end, seconds + 10)


# --- stopped --------------------------------------------------------------------


@pytest.mark.parametrize("name", START_ORDER)
def test_g3_stopped_for_seconds_goes_on_and_is_not_fenced(make_pipeline, name):
    pipeline = make_pipeline(bus_timeout=BUS_TIMEOUT).start()
    open_users(pipeline)
    before = pids(pipeline)
    with Load(pipeline, USERS) as load:
        load.wait(50)
        os.kill(before[name], signal.SIGSTOP)
        try:
            if name != "gateway":
                load.wait(50)  # G7: it takes orders without any of the others
            pass_seconds(STOP_S)
        finally:
            os.kill(before[name], signal.SIGCONT)
        load.wait(50)
    assert_all_ended(pipeline, load.answered)
    assert pids(pipeline) == before, "a process ended"
    assert not [process for process in START_ORDER
                if "FENCED" in pipeline.log(process).upper()]


def test_g3_all_stopped_one_after_the_other(make_pipeline):
    """Overlapping: each is continued only when the next one stands."""
    pipeline = make_pipeline(bus_timeout=BUS_TIMEOUT).start()
    open_users(pipeline)
    before = pids(pipeline)
    with Load(pipeline, USERS) as load:
        load.wait(50)
        standing = None
        try:
            for name in START_ORDER + ("broker",):
                os.kill(before[name], signal.SIGSTOP)
                if standing:
                    os.kill(standing, signal.SIGCONT)
                standing = before[name]
                pass_seconds(0.7)
        finally:
            os.kill(standing, signal.SIGCONT)
        load.wait(50)
    assert_all_ended(pipeline, load.answered)
    assert pids(pipeline) == before, "a process ended"


# --- started in any order -----------------------------------------------------------


def start_in(pipeline, order, answered):
    """Each is ready by itself; once the gateway is, it takes an order."""
    for name in order:
        pipeline.start_process(name)
        if pipeline.pid("gateway"):
            answered.append(pipeline.order(5, 1))


def start_fresh_and_again(make_pipeline, order):
    pipeline = make_pipeline(supervised=False, bus_timeout=BUS_TIMEOUT)
    answered = []
    start_in(pipeline, order, answered)
    for number in answered:
        assert pipeline.ended(number)["status"] == "ORDER_COMPLETED"
    for name in reversed(order):
        pipeline.kill(name)
    start_in(pipeline, reversed(order), answered)
    for number in answered:
        assert pipeline.ended(number)["status"] == "ORDER_COMPLETED"
    assert answered == list(range(1, len(answered) + 1))
    wait_for(lambda: pipeline.json("/users/5")["balance"] ==
             2000 - 50 * len(answered), what="user 5's balance")


@pytest.mark.parametrize("order", ORDERS_IN_SHORT, ids="-".join)
def test_g7_started_in_any_order(make_pipeline, order):
    start_fresh_and_again(make_pipeline, order)


@pytest.mark.long
@pytest.mark.parametrize(
    "order", [order for order in ORDERS if order not in ORDERS_IN_SHORT],
    ids="-".join)
def test_g7_started_in_every_other_order(make_pipeline, order):
    start_fresh_and_again(make_pipeline, order)


# --- two of a kind ------------------------------------------------------------------


@pytest.mark.parametrize("name", START_ORDER)
def test_g2_second_on_the_same_home_refuses(make_pipeline, name):
    pipeline = make_pipeline().start()
    open_users(pipeline)
    before = pids(pipeline)
    with Load(pipeline, USERS) as load:
        load.wait(20)
        second = subprocess.run([BIN / name], cwd=TREE, text=True, timeout=30,
                                env=pipeline.environment(),
                                capture_output=True)
        assert second.returncode == EXIT_USAGE, second
        assert str(before[name]) in second.stderr, second.stderr
        load.wait(20)
    assert_all_ended(pipeline, load.answered)
    assert pids(pipeline) == before


def copy_of(make_pipeline, pipeline, name):
    """A home of its own with a copy of NAME's store, on the same bus.  NAME
    must not run."""
    other = make_pipeline(
        supervised=False, bus=f"ipc://{pipeline.home}/run/broker.ipc",
        bus_timeout=BUS_TIMEOUT)
    shutil.copytree(pipeline.home / "data" / name, other.home / "data" / name)
    return other


def start_to_copy(make_pipeline, name):
    """A pipeline at rest, and a copy of NAME's store; NAME is down."""
    pipeline = make_pipeline(supervised=False,
                             bus_timeout=BUS_TIMEOUT).start()
    open_users(pipeline)
    answered = [pipeline.order(user, 1) for user in USERS]
    assert_all_ended(pipeline, answered)
    assert pipeline.stop_process(name) == 0
    return pipeline, copy_of(make_pipeline, pipeline, name), answered


def ended_with(pipeline, name, code):
    child = pipeline.children[name]
    assert child.wait(30) == code, pipeline.log(name)[-1500:]
    del pipeline.children[name]


def one_ended(one, other, name):
    """Waits until one of two rivals has found out and ended; the pipeline of
    that one."""
    loser = wait_for(lambda: next((
        rival for rival in (one, other)
        if rival.children[name].poll() is not None), None),
        what=f"the end of one {name}")
    ended_with(loser, name, EXIT_DAMAGED)
    assert ("rc=fenced" in loser.log(name) or
            "event=out_of_step" in loser.log(name))
    return loser


def order_and_go_on(pipeline, remaining, name, answered):
    """The last look of a rival may have fenced the one that remains: it opens
    again, or ends with 120 and is started again."""
    answered.append(pipeline.order(USERS[0], 1))

    def order_ended():
        try:
            reply = pipeline.get(f"/orders/{answered[-1]}")
        except (OSError, http.client.HTTPException):
            return False
        return reply.status == 200 and reply.json["status"] != "ORDER_CREATED"
    wait_for(lambda: remaining.children[name].poll() is not None or
             order_ended())
    if remaining.children[name].poll() is not None:
        ended_with(remaining, name, EXIT_DAMAGED)
        remaining.start_process(name)


@pytest.mark.parametrize("name", PARTICIPANTS)
def test_g2_old_copy_of_a_store_refuses(make_pipeline, name):
    """To look, it opens as a newer one of that name.  The first is fenced by
    that, and opens again or ends (120); it does not lose anything."""
    pipeline, other, answered = start_to_copy(make_pipeline, name)
    pipeline.start_process(name)
    answered += [pipeline.order(user, 1) for user in USERS]
    assert_all_ended(pipeline, answered)
    other.start_process(name)
    ended_with(other, name, EXIT_DAMAGED)
    assert "event=out_of_step" in other.log(name)
    order_and_go_on(pipeline, pipeline, name, answered)
    assert_all_ended(pipeline, answered)


@pytest.mark.parametrize("name", ["payment", "ledger"])
def test_g2_of_two_on_copies_of_a_store_one_remains(make_pipeline, name):
    """They decide the same; the broker takes it from one of them."""
    pipeline, other, answered = start_to_copy(make_pipeline, name)
    pipeline.start_process(name)
    other.start_process(name)
    wait_for(lambda: "event=broker_up" in other.log(name))
    with Load(pipeline, USERS) as load:
        load.wait(20)
        loser = one_ended(pipeline, other, name)
        load.wait(20)
    order_and_go_on(pipeline, other if loser is pipeline else pipeline, name,
                    answered)
    assert_all_ended(pipeline, answered + load.answered)


def test_g2_of_two_gateways_on_copies_of_a_store_one_remains(make_pipeline):
    """What a gateway answered is in its own store, so the one that answered
    goes on.  The other hears of an order that it never took, parks that, and
    ends when it publishes it."""
    pipeline, other, answered = start_to_copy(make_pipeline, "gateway")
    pipeline.start_process("gateway")
    other.start_process("gateway")
    wait_for(lambda: "event=broker_up" in other.log("gateway"))
    answered.append(pipeline.order(USERS[0], 1))
    if one_ended(pipeline, other, "gateway") is pipeline:
        pipeline.start_process("gateway")
        ended_with(other, "gateway", EXIT_DAMAGED)
    assert "what=order_unknown" in other.log("gateway")
    order_and_go_on(pipeline, pipeline, "gateway", answered)
    assert_all_ended(pipeline, answered)


def test_g2_second_broker_at_the_same_socket_refuses(make_pipeline):
    pipeline, other, answered = start_to_copy(make_pipeline, "broker")
    pipeline.start_process("broker")
    second = subprocess.run([BIN / "broker"], cwd=TREE, text=True, timeout=30,
                            env=other.environment(), capture_output=True)
    assert second.returncode == EXIT_USAGE, second
    answered += [pipeline.order(user, 1) for user in USERS]
    pipeline.kill("payment")
    pipeline.start_process("payment")
    assert_all_ended(pipeline, answered)
