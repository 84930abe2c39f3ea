"""sagactl filter: any program as a participant, with the promises of the
others; and the examples of docs/EXTENDING.md."""

import collections
import json
import os
import re
import signal
import subprocess
import sys

import msgpack
import pytest

from filters import Filter, comes, filtered, python, reviews
from pipeline import BIN, STOP_LIMIT_S, TREE, Pipeline, wait_for
from sagabus import Bus, event
from test_behaviours import operate

EXAMPLES = TREE / "examples"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PRICES = {1: 5000, 2: 7500, 3: 10000, 4: 50000, 5: 100000}

REPEAT = """
def answer(event, data):
    if data.get("status") == "APPROVED":
        yield json.dumps({"type": "t.seen", "data": {"order": data["orderId"]}})
"""


@pytest.fixture(scope="module")
def shared():
    """A pipeline with payments in it, and what was paid: {order: price}."""
    with Pipeline(supervised=False, topics="reviews,others") as pipeline:
        paid = {}
        for user, product in ((5, 1), (5, 4), (4, 5), (5, 4), (3, 1)):
            order = pipeline.order(user, product)
            assert pipeline.ended(order)["status"] == "ORDER_COMPLETED"
            paid[order] = PRICES[product]
        for _ in range(4):
            order = pipeline.order(1, 5)
            assert pipeline.ended(order)["status"] == "ORDER_FAILED"
        traced = pipeline.request(
            "POST", "/orders", {"userId": 5, "productId": 1, "quantity": 10},
            {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}).json["id"]
        assert pipeline.ended(traced)["status"] == "ORDER_COMPLETED"
        pipeline.paid = paid | {traced: 10 * PRICES[1]}
        pipeline.traced = traced
        yield pipeline


def large(pipeline):
    return {order: price for order, price in pipeline.paid.items()
            if price >= 50000}


# --- the examples -----------------------------------------------------------

@pytest.mark.parametrize("name, program", [
    ("large-shell", [EXAMPLES / "large-payments.sh"]),
    ("large-payments", None)])
def test_example_in_shell_and_c_tells_of_large_payments(shared, name, program):
    running = (filtered(shared, name, *program) if program else
               Filter(shared, [BIN / "examples" / "large_payments"]))
    with running:
        rows = comes(shared, name, len(large(shared)))
        assert {row["data"]["orderId"]: row["data"]["price"]
                for row in rows} == large(shared)
        assert {row["type"] for row in rows} == {"example.large-payment"}
        only_the_traced(shared, name, "orderId")
        assert running.stop() == 0


def test_example_in_python_tells_of_streaks(shared):
    with filtered(shared, "streaks", EXAMPLES / "decline-streaks.py") as running:
        row, = comes(shared, "streaks", 1)
        assert row["type"] == "example.decline-streak"
        assert row["data"]["userId"] == 1
        assert row["data"]["reason"] == "INSUFFICIENT_CREDIT"
        assert running.stop() == 0


def test_any_program_can_answer_per_event(shared):
    program = ["sed", "-n", 's/.*"status":"APPROVED".*/{"type":"t.one"}/p']
    with filtered(shared, "per-event", *program,
                  options=["--per-event"]) as running:
        rows = comes(shared, "per-event", len(shared.paid))
        assert rows[0] == {"type": "t.one"}
        assert running.stop() == 0


def test_filter_reads_what_a_filter_wrote(shared):
    with filtered(shared, "first", *python(REPEAT), to="others"), \
         filtered(shared, "second", *python("""
def answer(event, data):
    if event["source"] == "/sagapipe/first":
        yield json.dumps({"type": "t.second", "data": data})
"""), source="others,payments"):
        rows = comes(shared, "second", len(shared.paid))
    assert {row["data"]["order"] for row in rows} == set(shared.paid)


def only_the_traced(pipeline, source, member):
    """What answers the order that came with a trace carries it."""
    with Bus(f"ipc://{pipeline.home}/run/broker.ipc") as bus:
        told = [msgpack.unpackb(octets)
                for _, _, octets in bus.fetch("reviews", 0, 0).events(0)]
    traced = [json.loads(event["event"])["data"][member] for event in told
              if event["source"] == source and
              event.get("traceparent", "--").split("-")[1] == TRACE]
    assert traced == [pipeline.traced]


def test_answer_carries_the_trace_of_what_it_answers(shared):
    with filtered(shared, "traced", *python(REPEAT)):
        comes(shared, "traced", len(shared.paid))
    only_the_traced(shared, "traced", "order")


# --- exactly once -----------------------------------------------------------

def test_g2_killed_at_any_moment_answers_once(make_pipeline):
    pipeline = make_pipeline(supervised=False, topics="reviews",
                             turn_events=3).start()
    orders = [pipeline.order(5, 1) for _ in range(30)]
    for round_number in range(6):
        with filtered(pipeline, "fraud", *python(REPEAT)) as running:
            wait_for(lambda: len(reviews(pipeline, "fraud")) > round_number,
                     what="some answers")
            orders += [pipeline.order(5, 1) for _ in range(3)]
            running.kill()
    pipeline.kill_all()
    pipeline.start()
    paid = [order for order in orders
            if pipeline.ended(order)["status"] == "ORDER_COMPLETED"]
    with filtered(pipeline, "fraud", *python(REPEAT)) as running:
        rows = comes(pipeline, "fraud", len(paid))
        assert running.stop() == 0
    count = collections.Counter(row["data"]["order"] for row in rows)
    assert count == {order: 1 for order in paid}


def test_answer_goes_on_while_the_broker_is_away(make_pipeline):
    pipeline = make_pipeline(supervised=False, topics="reviews").start()
    with filtered(pipeline, "fraud", *python(REPEAT)):
        pipeline.ended(pipeline.order(5, 1))
        comes(pipeline, "fraud", 1)
        pipeline.stop_process("broker")
        pipeline.start_process("broker")
        pipeline.ended(pipeline.order(5, 1))
        comes(pipeline, "fraud", 2)


# --- what goes wrong --------------------------------------------------------

def poison(order, action, unless="False"):
    """Answers as REPEAT, but for one order."""
    return python(REPEAT + f"""
good = answer
def answer(event, data):
    if data.get("orderId") == {order} and not {unless}:
        {action}
    return good(event, data)
""")


@pytest.mark.parametrize("name, action, options, told", [
    ("dies", "sys.exit(3)", [], "event=filter_ended .* exit=3"),
    ("killed", "os.kill(os.getpid(), 9)", [], "event=filter_ended .*signal=9"),
    ("hangs", "signal.pause()", ["--timeout", "1"],
     "event=filter_killed .*why=no_answer_in_time"),
    ("prattles", "print('no JSON')", [],
     "event=answer_refused .*why=syntax"),
    ("floods", "print('x' * 300000)", [],
     "event=filter_killed .*why=answer_too_large"),
    ("multiplies", "print(1001 * '{\"type\":\"t.many\"}\\n', end='')", [],
     "event=answer_refused .*why=too_many_answers"),
    ("says-more", "print('\\n\\nmore', flush=True)", [],
     "event=filter_killed .*why=said_more_than_its_answer"),
])
def test_poison_is_parked_and_others_flow(shared, name, action, options, told):
    victim = min(shared.paid)
    with filtered(shared, name, *poison(victim, action),
                  options=options) as running:
        rows = comes(shared, name, len(shared.paid) - 1)
        parked, = operate(shared, name, "parked 0")["rows"]
        assert parked["orderId"] == victim and parked["cause"] == "refused"
        assert victim not in {row["data"]["order"] for row in rows}
        wait_for(lambda: re.search(told, running.log()), what=told)
        listed = subprocess.run(
            [BIN / "sagactl", "--home", str(shared.home), "parked", "list",
             name], capture_output=True, text=True, check=True)
        assert f" order={victim} " in listed.stdout
        assert running.stop() == 0


def test_parked_event_is_redriven(shared, tmp_path):
    mended = tmp_path / "mended"
    victim = max(shared.paid)
    program = poison(victim, "sys.exit(1)", f"os.path.exists('{mended}')")
    with filtered(shared, "mended", *program) as running:
        comes(shared, "mended", len(shared.paid) - 1)
        wait_for(lambda: operate(shared, "mended", "parked")["count"],
                 what="the parked event, the last of all")
        assert operate(shared, "mended", "redrive 1")["refused"]
        mended.touch()
        assert operate(shared, "mended", "redrive 1")["redriven"] == 1
        rows = comes(shared, "mended", len(shared.paid))
        assert rows[-1]["data"]["order"] == victim
        assert running.stop() == 0


# Regress 079: nobody was answered until the turn ended.
def test_slow_program_with_a_backlog_can_be_asked_about(make_pipeline):
    """A turn takes thousands of events: the door is open within it, too."""
    pipeline = make_pipeline(supervised=False, topics="reviews").start()
    with Bus(f"ipc://{pipeline.home}/run/broker.ipc") as bus:
        bus.open("tester")
        bus.produce("reviews", 0, [event(
            "Foreign", event=b'{"type":"t.one","data":{}}')] * 200)
    with filtered(pipeline, "slow", *python("""
def answer(event, data):
    if event["offset"] == "0":
        sys.exit(1)
    signal.sigtimedwait([], 0.1)
    return []
"""), source="reviews", to=None) as running:
        wait_for(lambda: "event=event_parked" in running.log(),
                 what="the first, whose process ended")
        assert operate(pipeline, "slow", "parked")["count"] == 1
        assert operate(pipeline, "slow", "drop 1")["parked"] == 0
        assert sum(row["position"] for row in operate(
            pipeline, "slow", "status")["reads"]) < 200
        assert running.stop() == 0


def test_program_that_always_fails_ends_the_filter(make_pipeline):
    pipeline = make_pipeline(supervised=False, topics="reviews").start()
    for _ in range(12):
        pipeline.ended(pipeline.order(5, 1))
    with filtered(pipeline, "broken", "false") as running:
        assert running.child.wait(STOP_LIMIT_S) == 111
        assert "event=filter_fails" in running.log()


def test_stops_while_its_program_hangs(shared):
    with filtered(shared, "slow", *python("""
def answer(event, data):
    print("asked", file=sys.stderr, flush=True)
    signal.pause()
"""), options=["--timeout", "3"]) as running:
        wait_for(lambda: "asked" in running.log(), what="the question")
        assert running.stop() == 0


@pytest.mark.parametrize("name, options, words", [
    ("payment", {}, "none of the pipeline's own"),
    ("Fraud", {}, "a filter's name"),
    ("wrong-to", {"to": "payments"}, "usage: sagactl filter"),
    ("wrong-from", {"source": "payments,,orders"}, "usage: sagactl filter"),
    ("too-many", {"source": "a,b,c,d,e,f,g,h,i"}, "--from names 1 to 8 topics"),
    ("wrong-time", {"options": ["--timeout", "0"]}, "usage: sagactl filter"),
])
def test_wrong_use_is_one_line_and_100(shared, name, options, words):
    with filtered(shared, name, *python(REPEAT), wait_until_ready=False,
                  **options) as running:
        assert running.child.wait(STOP_LIMIT_S) == 100
        assert words in running.log()


def test_topic_that_the_broker_lacks_is_told_at_once(shared):
    with filtered(shared, "no-topic", *python("answer = lambda *_: []"),
                  to="nowhere", wait_until_ready=False) as running:
        assert running.child.wait(STOP_LIMIT_S) == 100
        assert "the broker has no topic nowhere: name it in" in running.log()
    # It has left nothing behind: no consumer that retention waits for.
    with Bus(f"ipc://{shared.home}/run/broker.ipc") as bus:
        assert "no-topic" not in {row[0] for row in bus.status().consumers}
    assert not (shared.home / "data" / "no-topic").exists()


def test_topic_is_looked_at_when_a_broker_that_was_down_comes(make_pipeline):
    pipeline = make_pipeline(supervised=False).start()
    pipeline.stop_process("broker")
    with filtered(pipeline, "early", *python("answer = lambda *_: []"),
                  to="nowhere") as running:
        pipeline.start_process("broker")
        assert running.child.wait(STOP_LIMIT_S) == 100
        assert "the broker has no topic nowhere: name it in" in running.log()


def test_program_that_is_not_there_is_told_at_once(shared):
    with filtered(shared, "missing", "./no-such-program",
                  wait_until_ready=False) as running:
        assert running.child.wait(STOP_LIMIT_S) == 100
        assert ("event=filter_not_started program=./no-such-program "
                "error=\"No such file or directory\"") in running.log()


def test_two_of_one_name_do_not_run(shared):
    with filtered(shared, "twice", *python(REPEAT)):
        with filtered(shared, "twice", *python(REPEAT),
                      wait_until_ready=False) as second:
            assert second.child.wait(STOP_LIMIT_S) == 100
            assert "is held by process" in second.log()


def test_without_a_topic_to_write_answers_are_refused(shared):
    with filtered(shared, "mute", *python(REPEAT), to=None) as running:
        wait_for(lambda: operate(shared, "mute", "status")["parked"] ==
                 len(shared.paid), what="parked answers")
        assert "why=no_topic_to_write" in running.log()
        assert running.stop() == 0
