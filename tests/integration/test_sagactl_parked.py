"""sagactl parked list, show, redrive and drop, as an operator uses them, on
events of every kind that can't be handled; and the DeadLetter that tells."""

import json
import re
import subprocess

import msgpack
import pytest

from pipeline import BIN, TREE, Pipeline, clean_environment, wait_for
from sagabus import Bus, event

LIMIT_S = 60


@pytest.fixture(name="pipeline", scope="module")
def _pipeline():
    with Pipeline(supervised=False) as pipeline:
        with Bus(f"ipc://{pipeline.home}/run/broker.ipc") as bus:
            bus.open("ledger-9")
            pipeline.bus = bus
            yield pipeline


def parked(pipeline, *arguments):
    return subprocess.run(
        [BIN / "sagactl", "--home", str(pipeline.home), "parked", *arguments],
        capture_output=True, text=True, timeout=LIMIT_S, cwd=TREE,
        stdin=subprocess.DEVNULL, env=clean_environment())


def listed(pipeline, *arguments):
    result = parked(pipeline, "list", "--json", *arguments)
    assert (result.returncode, result.stderr) == (0, ""), result
    return [json.loads(line) for line in result.stdout.splitlines()]


def ended_word(order, user, transaction, **fields):
    """The ledger's word on an order."""
    return event("Transaction", orderId=order, userId=user, price=5000,
                 transactionId=transaction, status="SUCCESSFUL", decidedAt=1,
                 **fields)


def tell(pipeline, *events):
    pipeline.bus.produce("transactions", 0, list(events))


def letters(pipeline):
    result = subprocess.run(
        [BIN / "sagactl", "--home", str(pipeline.home), "tail", "dead-letters",
         "--from", "start", "--no-follow", "--json"], capture_output=True,
        text=True, timeout=LIMIT_S, cwd=TREE, env=clean_environment())
    return [json.loads(line)["data"] for line in result.stdout.splitlines()]


def told(pipeline, participant, cause):
    return [letter for letter in letters(pipeline) if
            (letter["participant"], letter["cause"]) == (participant, cause)]


def test_nothing_parked_says_so(pipeline):
    result = parked(pipeline, "list")
    assert (result.returncode, result.stdout) == (0, ""), result
    assert result.stderr == "nothing is parked\n"
    assert listed(pipeline) == []


def test_g6_refused_event_is_listed_shown_redriven_and_dropped(pipeline):
    order = pipeline.order(5, 1)
    pipeline.ended(order)
    tell(pipeline, ended_word(order, 5, 4711))
    row, = wait_for(lambda: listed(pipeline, "gateway"), what="the event")
    number = str(row["number"])
    line = parked(pipeline, "list").stdout
    assert re.fullmatch(
        rf"gateway +{number} order={order} user=5 cause=refused attempts=1 "
        r"at=transactions/0/\d+ since=\S+Z\n", line), line
    assert listed(pipeline, "ledger") == []

    shown = json.loads(parked(pipeline, "show", "gateway", number).stdout)
    octets = bytes.fromhex(shown["hex"])
    assert len(octets) == shown["bytes"]
    assert msgpack.unpackb(octets)["transactionId"] == 4711
    letter, = wait_for(lambda: told(pipeline, "gateway", "refused"),
                       what="the dead letter")
    assert (letter["topic"], letter["orderId"]) == ("transactions", order)

    result = parked(pipeline, "redrive", "gateway", number)
    assert (result.returncode, result.stdout) == (
        1, "redriven=0 still_parked=1 refused_again=yes\n"), result
    assert listed(pipeline)[0]["attempts"] == 2
    # Regress 042: the letter of an attempt told of the one before.
    wait_for(lambda: [letter["attempts"] for letter in
                      told(pipeline, "gateway", "refused")] == [1, 2],
             what="the second letter")
    result = parked(pipeline, "drop", "gateway", number)
    assert (result.returncode, result.stdout) == (
        0, "redriven=0 still_parked=0\n"), result
    assert listed(pipeline) == []
    for verb in ("show", "redrive", "drop"):
        result = parked(pipeline, verb, "gateway", number)
        assert (result.returncode, result.stdout) == (1, ""), result
        assert "nothing with this number" in result.stderr
    assert pipeline.json(f"/orders/{order}")["status"] == "ORDER_COMPLETED"


def test_g6_event_whose_cause_is_gone_is_redriven_with_those_behind(pipeline):
    order = pipeline.json("/orders?order=desc&limit=1")[0]["id"] + 1
    last = pipeline.json("/transactions?order=desc&limit=1")[0]["id"]
    tell(pipeline, ended_word(order, 4, last + 1))
    row, = wait_for(lambda: listed(pipeline, "gateway"), what="the event")
    assert pipeline.order(4, 1) == order
    rows = wait_for(lambda: len(rows := listed(pipeline)) == 3 and rows,
                    what="what waits behind it")
    assert [row["cause"] for row in rows[1:]] == ["behind"] * 2
    other = pipeline.order(5, 1)
    assert pipeline.ended(other)["status"] == "ORDER_COMPLETED"
    assert pipeline.json(f"/orders/{order}")["status"] == "ORDER_CREATED"
    result = parked(pipeline, "redrive", "gateway", "all")
    assert result.returncode == 0, result
    assert result.stdout == "redriven=3 still_parked=0\n"
    assert pipeline.ended(order)["status"] == "ORDER_COMPLETED"


@pytest.mark.parametrize("cause, octets", [
    ("not_a_map", b"\x93\x01\x02\x03"),
    ("unknown_version", {**ended_word(1, 1, 1), "version": 99}),
    ("unknown_type", {**ended_word(1, 1, 1), "type": "Nonsense"}),
])
def test_g6_event_that_nobody_can_read_is_parked_and_others_flow(
        pipeline, cause, octets):
    """Both who read the topic put it aside, and each tells."""
    tell(pipeline, octets)
    wait_for(lambda: sorted(
        row["process"] for row in listed(pipeline)
        if row["cause"] == cause) == ["gateway", "payment"],
        what=f"an event parked as {cause}")
    wait_for(lambda: told(pipeline, "payment", cause) and
             told(pipeline, "gateway", cause), what="the dead letters")
    order = pipeline.order(5, 1)
    assert pipeline.ended(order)["status"] == "ORDER_COMPLETED"
    for row in listed(pipeline):
        result = parked(pipeline, "drop", row["process"], str(row["number"]))
        assert result.returncode == 0, result
    assert listed(pipeline) == []
