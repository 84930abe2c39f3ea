"""026: nothing could make the broker forget a consumer.

The alert SagapipeLag and the pages say to forget a filter that is gone for
good, and there was no tool for it; and while the broker lived the filter's
last report kept it `down`, and `sagactl status` at 1, also after a FORGET.
"""

import json
import os
import signal
import subprocess

import pytest

from pipeline import (BIN, START_ORDER, Pipeline, clean_environment,
                      wait_for)
from sagabus import Bus

PROGRAM = ["sh", "-c", "while read -r line; do echo; done"]


def sagactl(pipeline, *words, **variables):
    return subprocess.run(
        [BIN / "sagactl", "--home", pipeline.home, *words],
        capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL,
        env=clean_environment(**variables))


@pytest.fixture(scope="module", name="pipeline")
def _pipeline():
    with Pipeline(supervised=False) as pipeline:
        wait_for(lambda: all(row["up"] for row in
                             pipeline.json("/status")["processes"]))
        yield pipeline


def consumers(pipeline):
    return {row["consumer"]: row for row in
            pipeline.json("/status")["consumers"]}


def processes(pipeline):
    return {row["name"]: row["up"] for row in
            pipeline.json("/status")["processes"]}


def test_026_forgotten_filter_is_down_no_longer(pipeline):
    with subprocess.Popen(
            [BIN / "sagactl", "filter", "--name", "short", "--from", "orders",
             "--", *PROGRAM], env=pipeline.environment(),
            stderr=subprocess.DEVNULL) as running:
        wait_for(lambda: processes(pipeline).get("short"))
        result = sagactl(pipeline, "forget", "short")
        assert (result.returncode, result.stdout) == (1, "")
        assert result.stderr == ("sagactl: short lives: stop it first, or it "
                                 "loses what it has not read\n")
        wait_for(lambda: consumers(pipeline)["short"]["lag"] == 0,
                 what="that it has read all there is")
        running.terminate()
        assert running.wait(30) == 0
    # Whoever ended is down: that is what nobody could take back.
    wait_for(lambda: processes(pipeline)["short"] is False)
    assert sagactl(pipeline, "status").returncode == 1
    order = pipeline.order(1, 1)
    pipeline.ended(order)
    result = sagactl(pipeline, "forget", "short")
    assert (result.returncode, result.stderr) == (0, ""), result
    assert result.stdout == "forgotten=short partitions=1 lag=1\n"
    wait_for(lambda: "short" not in processes(pipeline))
    assert "short" not in consumers(pipeline)
    assert sagactl(pipeline, "status").returncode == 0
    result = sagactl(pipeline, "forget", "short")
    assert (result.returncode, result.stdout) == (1, "")
    assert "the broker knows no short" in result.stderr


def test_026_other_consumers_keep_their_places(pipeline):
    with Bus(f"ipc://{pipeline.home}/run/broker.ipc") as bus:
        for name in ("kept", "left"):
            bus.fetch("payments", 0, 0, consumer=name)
    wait_for(lambda: {"kept", "left"} <= consumers(pipeline).keys())
    result = sagactl(pipeline, "--json", "forget", "left")
    assert json.loads(result.stdout)["forgotten"] == "left"
    wait_for(lambda: "left" not in consumers(pipeline))
    assert {"kept", "payment", "ledger", "gateway"} <= \
        consumers(pipeline).keys()


@pytest.mark.parametrize("name", START_ORDER[1:])
def test_026_our_own_are_not_forgotten_while_they_live(pipeline, name):
    before = consumers(pipeline)[name]["topic"]
    pid = pipeline.pid(name)
    if name == "ledger":  # one that hangs lives, too
        os.kill(pid, signal.SIGSTOP)
    try:
        result = sagactl(pipeline, "forget", name)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert (result.returncode, result.stdout) == (1, "")
    assert f"{name} lives: stop it first" in result.stderr
    assert consumers(pipeline)[name]["topic"] == before


@pytest.mark.parametrize("name", ["broker", "a b", "", "x" * 40])
def test_026_what_is_no_consumers_name_is_wrong_use(pipeline, name):
    result = sagactl(pipeline, "forget", name)
    assert (result.returncode, result.stdout) == (100, "")
    assert result.stderr.startswith("sagactl: usage: sagactl forget NAME ")


def test_026_no_broker_is_told(pipeline):
    result = sagactl(pipeline, "forget", "kept",
                     SAGAPIPE_BUS=f"ipc://{pipeline.home}/run/none.ipc")
    assert (result.returncode, result.stdout) == (111, "")
    assert "nothing answers at" in result.stderr
