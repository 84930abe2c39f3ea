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


def refused(pipeline, name):
    """Starts one that the broker does not let in."""
    before = pipeline.log(name).count("event=out_of_step rc=fenced")
    pipeline.start_process(name)
    ended_with(pipeline, name, EXIT_DAMAGED)
    assert pipeline.log(name).count("event=out_of_step rc=fenced") > before


def let_in(pipeline, name):
    before = pipeline.log(name).count("event=broker_up")
    pipeline.start_process(name)
    wait_for(lambda: pipeline.log(name).count("event=broker_up") > before,
             what="the broker's first word")


@pytest.mark.parametrize("name", PARTICIPANTS)
def test_g2_copy_of_a_store_is_refused_and_disturbs_nobody(
        make_pipeline, name):
    """It has as many starts as the one that is in, and is another."""
    pipeline, other, answered = start_to_copy(make_pipeline, name)
    let_in(pipeline, name)
    with Load(pipeline, USERS) as load:
        load.wait(20)
        refused(other, name)
        load.wait(20)
    assert_all_ended(pipeline, answered + load.answered)
    assert pipeline.children[name].poll() is None


@pytest.mark.parametrize("name", PARTICIPANTS)
def test_g2_old_copy_of_a_store_that_is_let_in_refuses(make_pipeline, name):
    """Started once more it has more starts than the one that is in, and the
    broker can't know better.  It looks, and ends; the first is fenced by that,
    and has to be started until it has the most starts again.  It does not lose
    anything."""
    pipeline, other, answered = start_to_copy(make_pipeline, name)
    let_in(pipeline, name)
    answered += [pipeline.order(user, 1) for user in USERS]
    assert_all_ended(pipeline, answered)
    refused(other, name)
    other.start_process(name)
    ended_with(other, name, EXIT_DAMAGED)
    assert "our store is older than what we published" in other.log(name)
    answered.append(pipeline.order(USERS[0], 1))
    ended_with(pipeline, name, EXIT_DAMAGED)
    assert "rc=fenced" in pipeline.log(name)
    refused(pipeline, name)
    let_in(pipeline, name)
    assert_all_ended(pipeline, answered)


@pytest.mark.parametrize("name", ["payment", "ledger"])
def test_g2_of_two_on_copies_of_a_store_one_remains(make_pipeline, name):
    """They decide the same; the broker takes it from the later one."""
    pipeline, other, answered = start_to_copy(make_pipeline, name)
    let_in(pipeline, name)
    refused(other, name)
    let_in(other, name)
    with Load(pipeline, USERS) as load:
        ended_with(pipeline, name, EXIT_DAMAGED)
        assert "rc=fenced" in pipeline.log(name)
        load.wait(20)
    assert_all_ended(pipeline, answered + load.answered)
    assert other.children[name].poll() is None


def test_g2_of_two_gateways_on_copies_of_a_store_one_remains(make_pipeline):
    """What a gateway answered is in its own store, so the one that answered
    goes on.  The other hears of an order that it never took, parks that, and
    ends when it publishes it."""
    pipeline, other, answered = start_to_copy(make_pipeline, "gateway")
    let_in(pipeline, "gateway")
    refused(other, "gateway")
    let_in(other, "gateway")
    answered.append(pipeline.order(USERS[0], 1))
    ended_with(pipeline, "gateway", EXIT_DAMAGED)
    assert "rc=fenced" in pipeline.log("gateway")
    refused(pipeline, "gateway")
    let_in(pipeline, "gateway")
    ended_with(other, "gateway", EXIT_DAMAGED)
    assert "what=order_unknown" in other.log("gateway")
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
