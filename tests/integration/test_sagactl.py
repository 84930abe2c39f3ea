"""sagactl on a real pipeline: text and JSON, exit codes, pipes, terminals.

verify, backup, restore and parked have tests of their own (test_verify.py,
test_sagactl_parked.py); what every command does with pipes and words is here.
"""

import base64
import contextlib
import fcntl
import http.server
import json
import os
import re
import signal
import struct
import subprocess
import termios
import threading

import msgpack
import pytest

from pipeline import (BIN, START_ORDER, TREE, Pipeline, clean_environment,
                      wait_for)
from sagabus import Bus

LIMIT_S = 60
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


@pytest.fixture(scope="module")
def shared():
    """One pipeline for all tests that don't hurt it."""
    with Pipeline() as pipeline:
        wait_for(lambda: pipeline.user_active(5), what="the seed's users")
        yield pipeline


def command(pipeline, *arguments):
    return [str(BIN / "sagactl"), "--home", str(pipeline.home), *arguments]


def sagactl(pipeline, *arguments, **variables):
    return subprocess.run(
        command(pipeline, *arguments), capture_output=True, text=True,
        timeout=LIMIT_S, cwd=TREE, stdin=subprocess.DEVNULL,
        env=clean_environment(**variables))


def good(pipeline, *arguments):
    """What it printed; it must be content."""
    result = sagactl(pipeline, *arguments)
    assert (result.returncode, result.stderr) == (0, ""), result
    return result.stdout


def rows(pipeline, *arguments):
    """Its JSON lines."""
    return [json.loads(line)
            for line in good(pipeline, "--json", *arguments).splitlines()]


def refused(result, code, *words):
    """One clear line on stderr, nothing on stdout."""
    assert result.returncode == code, result
    assert result.stdout == ""
    assert result.stderr.startswith("sagactl: ")
    assert result.stderr.count("\n") == 1, result.stderr
    for word in words:
        assert word in result.stderr


def place(pipeline, user, product):
    order = rows(pipeline, "order", "place", str(user), str(product))[0]["id"]
    pipeline.ended(order)
    return order


# --- orders ---

def test_order_place_prints_the_accepted_order(shared):
    line = good(shared, "order", "place", "5", "1", "2")
    assert re.fullmatch(
        r"order=\d+ user=5 product=1 quantity=2 price=100\.00 currency=USD "
        rf"status=ORDER_CREATED createdAt={TIME} updatedAt={TIME}.*\n", line)
    [row] = rows(shared, "order", "place", "5", "1", "2")
    assert (row["userId"], row["quantity"], row["status"]) == \
        (5, 2, "ORDER_CREATED")
    shared.ended(row["id"])


def test_order_place_keeps_the_amounts_decimals(shared):
    assert '"price":50.00,' in good(shared, "order", "place", "5", "1",
                                    "--json")


def test_order_place_with_a_key_is_one_order(shared):
    first, again = (rows(shared, "order", "place", "5", "1", "--key", "k-1")
                    for _ in range(2))
    assert first[0]["id"] == again[0]["id"]
    refused(sagactl(shared, "order", "place", "5", "2", "--key=k-1"), 1,
            "422", "idempotency-conflict")


def test_order_place_waits_for_the_end(shared):
    [row] = rows(shared, "order", "place", "5", "1", "--wait", "60")
    assert row["status"] == "ORDER_COMPLETED"
    result = sagactl(shared, "order", "place", "97", "1", "--wait", "20")
    assert (result.returncode, result.stderr) == (1, "")
    assert " status=ORDER_FAILED reason=UNKNOWN_USER " in result.stdout


def test_order_place_of_an_unknown_product_is_refused(shared):
    refused(sagactl(shared, "order", "place", "1", "99"), 1, "404",
            "unknown-product")


def test_order_show_tells_each_step(shared):
    order = place(shared, 5, 1)
    lines = good(shared, "order", "show", str(order)).splitlines()
    assert lines[0].startswith(f"order={order} user=5 ")
    assert " status=ORDER_COMPLETED " in lines[0]
    steps = [re.fullmatch(rf"  timeline at={TIME} process=(\w+) what=(\w+)",
                          line).groups()
             for line in lines if line.startswith("  timeline ")]
    assert steps == [("gateway", "ORDER_CREATED"),
                     ("payment", "PAYMENT_APPROVED"),
                     ("ledger", "TRANSACTION_SUCCESSFUL"),
                     ("gateway", "ORDER_COMPLETED")]
    [whole] = rows(shared, "order", "show", str(order))
    assert [step["what"] for step in whole["timeline"]] == \
        [what for _, what in steps]


def test_order_show_of_none_is_not_found(shared):
    refused(sagactl(shared, "order", "show", "99999999"), 1, "404")


def test_order_list_goes_on_page_by_page(shared):
    """More than the gateway gives in one page."""
    reply = shared.request(
        "POST", "/orders", '{"userId":999,"productId":1}\n' * 1100,
        {"Content-Type": "application/x-ndjson"})
    assert reply.text.count('"ORDER_CREATED"') == 1100
    every = [row["id"] for row in rows(shared, "order", "list", "--all")]
    assert len(every) >= 1100 and every == sorted(set(every))
    assert [row["id"] for row in rows(shared, "order", "list", "--limit",
                                      "1050")] == every[:1050]
    assert len(rows(shared, "order", "list")) == 100
    assert [row["id"] for row in rows(
        shared, "order", "list", "--order", "desc", "--limit", "3",
        "--after", str(every[-1]))] == every[-2:-5:-1]


def test_order_list_by_user_and_status(shared):
    order = place(shared, 98, 1)
    [row] = rows(shared, "order", "list", "--user", "98", "--status",
                 "failed", "--all")
    assert (row["id"], row["reason"]) == (order, "UNKNOWN_USER")
    assert rows(shared, "order", "list", "--user", "98", "--status",
                "ORDER_COMPLETED") == []


def test_order_cancel_gives_back(shared):
    order = place(shared, 5, 1)
    assert f"order={order} " in good(shared, "order", "cancel", str(order))
    wait_for(lambda: rows(shared, "order", "show", str(order))[0]["status"] ==
             "ORDER_CANCELLED", what="the cancel")
    refused(sagactl(shared, "order", "cancel", str(order)), 1, "409",
            "order-ended", "the order is ORDER_CANCELLED\n")


# --- users and products ---

def test_user_open_credit_freeze_and_thaw(shared):
    assert rows(shared, "user", "open", "70", "12.34")[0]["id"] == 70

    def shows(balance, state):
        wait_for(lambda: good(shared, "user", "show", "70") ==
                 f"user=70 balance={balance} state={state}\n",
                 what=f"{balance} {state}")
    shows("12.34", "ACTIVE")
    refused(sagactl(shared, "user", "open", "70", "1"), 1, "409",
            "user-exists")
    for _ in range(2):
        assert good(shared, "user", "credit", "70", "0.66", "--id", "9") == \
            "user=70 credit=9 amount=0.66\n"
    shows("13.00", "ACTIVE")
    good(shared, "user", "freeze", "70")
    shows("13.00", "FROZEN")
    good(shared, "user", "thaw", "70")
    shows("13.00", "ACTIVE")
    refused(sagactl(shared, "user", "show", "71"), 1, "404")
    refused(sagactl(shared, "user", "credit", "70", "0"), 1, "422",
            "out-of-range")


def test_lists_of_users_and_products(shared):
    assert good(shared, "user", "list", "--limit", "1").startswith(
        "user=1 balance=100.00 state=ACTIVE\n")
    assert good(shared, "product", "list", "--limit", "2") == \
        "product=1 price=50.00\nproduct=2 price=75.00\n"
    assert [row["id"] for row in rows(
        shared, "product", "list", "--order", "desc", "--after", "6",
        "--limit", "2")] == [5, 4]


def test_product_set_is_the_price_from_then_on(shared):
    assert good(shared, "product", "set", "40", "12.50") == \
        "product=40 price=12.50\n"
    assert rows(shared, "order", "place", "5", "40")[0]["price"] == 12.50
    assert good(shared, "product", "set", "40", "13") == \
        "product=40 price=13.00\n"
    refused(sagactl(shared, "product", "set", "40", "0"), 1, "422")


# --- where the gateway is, and who may ---

def test_a_broken_url_is_wrong_use(shared):
    for url in ("nonsense", "ftp://127.0.0.1", "http://", "http://a b/",
                "http://127.0.0.1:99999", "http://127.0.0.1/?x=1",
                "http://" + "a" * 2000):
        refused(sagactl(shared, "--url", url, "user", "list"), 100)


def test_a_url_where_nothing_answers_is_the_systems_fault(shared):
    refused(sagactl(shared, "user", "list", "--url", "http://127.0.0.1:1"),
            111, "http://127.0.0.1:1: ")


def test_the_url_comes_from_the_environment_too(shared):
    elsewhere = Pipeline()
    try:
        result = sagactl(elsewhere, "user", "show", "1",
                         SAGAPIPE_URL=shared.url + "/")
        assert result.returncode == 0 and "user=1 " in result.stdout
        refused(sagactl(elsewhere, "user", "show", "1"), 100,
                "is no pipeline's home")
    finally:
        elsewhere.close()


def test_what_is_no_gateway_is_told(shared):
    """A server that answers, but not as ours does."""
    server = subprocess.Popen(
        ["/usr/bin/python3", "-u", "-m", "http.server", "0", "--bind",
         "127.0.0.1", "--directory", shared.directory],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        port = re.search(r"port (\d+)", server.stdout.readline()).group(1)
        url = f"http://127.0.0.1:{port}"
        refused(sagactl(shared, "--url", url, "user", "list"), 1,
                "404: no answer of a gateway")
        (shared.directory / "users").write_text("[not json")
        refused(sagactl(shared, "--url", url, "user", "list"), 111,
                "the answer is no JSON")
        (shared.directory / "users").write_text("7")
        refused(sagactl(shared, "--url", url, "user", "list"), 111,
                "the answer is no list")
    finally:
        server.terminate()
        server.wait(LIMIT_S)
        server.stdout.close()


@pytest.mark.long
def test_tokens_are_sent_and_never_shown(make_pipeline, tmp_path):
    tokens = tmp_path / "tokens"
    token = subprocess.run(
        [TREE / "scripts" / "make-token.sh", "operator", "me", tokens],
        capture_output=True, text=True, check=True,
        env=clean_environment()).stdout.split()[-1]
    pipeline = make_pipeline(tokens=str(tokens)).start()
    refused(sagactl(pipeline, "user", "list"), 1, "401", "unauthorized")
    result = sagactl(pipeline, "user", "list", SAGAPIPE_TOKEN=token)
    assert result.returncode == 0 and "user=1 " in result.stdout
    kept = tmp_path / "token"
    kept.write_text(token + "\n")
    assert "user=1 " in good(pipeline, "--token-file", str(kept), "user",
                             "list")
    kept.write_text("secret\x01\n")
    for arguments in (["--token-file", str(kept)],
                      ["--token-file", str(tmp_path / "none")]):
        result = sagactl(pipeline, *arguments, "user", "list")
        refused(result, 100)
        assert "secret" not in result.stderr
    refused(sagactl(pipeline, "user", "list", SAGAPIPE_TOKEN="se cret"), 100)


# --- pipes ---

def test_a_reader_that_goes_ends_it_quietly(shared):
    for shell in ("order list --all | head -n 1",
                  "order list --all --json | true", "help | true"):
        line = f'"$0" --home "$1" {shell}; echo "${{PIPESTATUS[0]}}"'
        result = subprocess.run(
            ["bash", "-c", line, BIN / "sagactl", shared.home],
            capture_output=True, text=True, timeout=LIMIT_S, cwd=TREE,
            env=clean_environment())
        assert result.stderr == "", shell
        assert result.stdout.splitlines()[-1] == "0", shell


def test_a_full_disk_is_told(shared):
    with open("/dev/full", "w", encoding="ascii") as full:
        for arguments in (["help"], ["user", "list"]):
            result = subprocess.run(
                command(shared, *arguments), stdout=full,
                stderr=subprocess.PIPE, text=True, timeout=LIMIT_S,
                env=clean_environment())
            assert result.returncode == 111
            assert result.stderr == ("sagactl: the output can't be written: "
                                     "No space left on device\n")


def test_no_colour_in_a_pipe(shared):
    place(shared, 5, 1)
    for arguments in (["order", "list"], ["user", "list"]):
        assert "\x1b" not in good(shared, *arguments)


def on_terminal(pipeline, *arguments, **variables):
    """What it prints when stdout is a terminal."""
    master, slave = os.openpty()
    child = subprocess.Popen(
        command(pipeline, *arguments), stdin=slave, stdout=slave,
        stderr=slave, env=clean_environment(**{"TERM": "xterm", **variables}))
    os.close(slave)
    text = b""
    try:
        while chunk := os.read(master, 65536):
            text += chunk
    except OSError:  # Linux says so when the last writer closed it
        pass
    os.close(master)
    assert child.wait(LIMIT_S) == 0, text
    return text.decode()


def test_colour_on_a_terminal_unless_unwanted(shared):
    assert "\x1b[32mACTIVE\x1b[0m" in on_terminal(shared, "user", "list")
    assert "\x1b" not in on_terminal(shared, "user", "list", NO_COLOR="1")
    assert "\x1b" not in on_terminal(shared, "user", "list", TERM="dumb")
    assert "\x1b[32m" in on_terminal(shared, "user", "list", NO_COLOR="")
    assert "\x1b" not in on_terminal(shared, "user", "list", "--json")


# --- words ---

@pytest.mark.parametrize("arguments", [
    [], ["order"], ["order", "whatever"], ["order", "place"],
    ["order", "place", "1"], ["order", "place", "1", "1", "1", "1"],
    ["order", "place", "x", "1"], ["order", "place", "1", "0"],
    ["order", "place", "1", "1", "1001"], ["order", "place", "-1", "1"],
    ["order", "place", "1", "1", "--wait", "0"],
    ["order", "place", "1", "1", "--wait", "61"],
    ["order", "place", "1", "1", "--wait"],
    ["order", "place", "1", "1", "--key", ""],
    ["order", "place", "1", "1", "--key", "a b"],
    ["order", "place", "1", "1", "--key", "k" * 256],
    ["order", "place", "1", "1", "--key", "a", "--key", "b"],
    ["order", "show", "9007199254740992"], ["order", "show", "1", "2"],
    ["order", "show", "--all", "1"], ["order", "cancel", "1\n2"],
    ["order", "list", "--limit", "0"], ["order", "list", "--order", "up"],
    ["order", "list", "--status", "lost"], ["order", "list", "--after", "a"],
    ["order", "list", "--user", "0"], ["order", "list", "--all=1"],
    ["user", "open", "1"], ["user", "open", "1", "1.234"],
    ["user", "open", "1", "-1"], ["user", "open", "1", "ten"],
    ["user", "credit", "1", "1", "--id", "0"], ["user", "freeze"],
    ["user", "show", "one"], ["product", "set", "1"],
    ["product", "set", "1", "1e3"], ["help", "nothing"],
    ["help", "order", "nothing"], ["completion", "zsh"], ["order", "-x"],
    ["user", "list", "--", "x"], ["parked", "list", "broker"],
    ["verify", "--offline", "--copy", "."],
])
def test_wrong_use_is_told_in_one_line(shared, arguments):
    refused(sagactl(shared, *arguments), 100, "sagactl: usage: sagactl ")


def names():
    """Every command, as `sagactl help` lists them."""
    text = subprocess.run([BIN / "sagactl", "help"], capture_output=True,
                          text=True, check=True).stdout
    found = [re.match(r"  ([a-z]+(?: [a-z]+\b(?!\|))?)", line).group(1)
             for line in text.split("\n\n")[1].splitlines()
             if re.match(r"  [a-z]", line)]
    return ["completion" if name == "completion bash" else name
            for name in found]


def test_help_explains_every_command():
    assert len(names()) >= 20
    for name in names():
        result = subprocess.run([BIN / "sagactl", "help", *name.split()],
                                capture_output=True, text=True)
        assert result.returncode == 0, name
        assert result.stdout.startswith(f"usage: sagactl {name}")
        assert len(result.stdout.splitlines()) >= 3, name
    for words in (["order", "place"], ["top"], ["bench", "--rate", "1"]):
        other = subprocess.run([BIN / "sagactl", *words, "--help"],
                               capture_output=True, text=True, check=True)
        assert other.stdout.startswith(f"usage: sagactl {words[0]}")
    group = subprocess.run([BIN / "sagactl", "help", "order"],
                           capture_output=True, text=True, check=True).stdout
    assert "order place USER PRODUCT [QUANTITY]" in group
    assert "user list" not in group


def test_version_and_help_need_no_pipeline():
    for arguments, word in ((["--version"], "sagactl 0."),
                            (["--help"], "usage: "), (["help"], "usage: ")):
        result = subprocess.run(
            [BIN / "sagactl", "--home", "/nowhere", *arguments],
            capture_output=True, text=True, check=True)
        assert result.stdout.startswith(word)


# --- completion ---

def completions(cases):
    """What bash would offer for the last word of each."""
    script = """source <("$0" completion bash)
        [[ $(complete -p sagactl) == *_sagactl* ]] || exit 9
        while IFS= read -r line; do
            mapfile -t -d '|' COMP_WORDS <<<"$line|"
            unset 'COMP_WORDS[-1]'
            COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
            _sagactl
            echo "${COMPREPLY[*]}"
        done"""
    result = subprocess.run(
        ["bash", "-u", "-c", script, BIN / "sagactl"], text=True,
        input="".join("|".join(("sagactl", *words)) + "\n"
                      for words in cases),
        capture_output=True, timeout=LIMIT_S, cwd=TREE)
    assert (result.returncode, result.stderr) == (0, ""), result
    # A program may stand in two directories of the path.
    return [list(dict.fromkeys(line.split()))
            for line in result.stdout.splitlines()]


COMPLETIONS = {
    ("order", "pl"): ["place"],
    ("--json", "--home", "/x", "order", "ca"): ["cancel"],
    ("order", "list", "--status", ""): ["created", "completed", "failed",
                                        "cancelled"],
    ("order", "list", "--status", "failed", "--us"): ["--user"],
    ("order", "list", "--status", "failed", ""): [],
    ("parked", "redrive", "ledger", ""): ["all"],
    ("parked", "list", "pay"): ["payment"],
    ("tail", "tr"): ["transactions"],
    ("tail", "orders", "--from", "st"): ["start"],
    ("backup", "scr"): ["scripts"],
    ("--token-file", "READ"): ["README.md"],
    ("--home", "README"): [],
    ("filter", "--name", "x", "--", "shellch"): ["shellcheck"],
    ("nonsense", ""): [],
    ("help", "ord"): ["order"],
}


def test_completion_knows_the_table():
    assert completions(COMPLETIONS) == list(COMPLETIONS.values())
    everything = names()
    [first, options, *second] = completions(
        [("",), ("user", "show", "--")]
        + [(name.split()[0], "") for name in everything])
    assert set(first) == {name.split()[0] for name in everything}
    assert {"--json", "--home", "--url"} <= set(options)
    for name, words in zip(everything, second):
        group, _, word = name.partition(" ")
        assert not word or word in words, name


def test_completion_is_clean_shell():
    text = subprocess.run([BIN / "sagactl", "completion", "bash"],
                          capture_output=True, check=True).stdout
    subprocess.run(["shellcheck", "-s", "bash", "-"], input=text, check=True)


# --- topics and tail ---

def test_topics_tell_ends_and_lags(shared):
    place(shared, 5, 1)
    topics = {row["topic"]: row for row in rows(shared, "topics")}
    assert set(topics) == {"orders", "payments", "transactions",
                           "dead-letters"}
    assert topics["orders"]["end"] >= 6 and topics["orders"]["begin"] == 0
    assert [reader["consumer"] for reader in
            topics["payments"]["consumers"]] == ["gateway", "ledger"]
    assert re.match(r"topic=\S+ partition=0 begin=0 end=\d+ bytes=\d+\n"
                    r"  consumer=\S+ position=\d+ lag=\d+\n",
                    good(shared, "topics"))


def events_of(pipeline, *arguments):
    return rows(pipeline, "tail", *arguments, "--no-follow")


def test_tail_json_lines_are_cloudevents(shared):
    order = place(shared, 5, 1)
    event = events_of(shared, "transactions", "--from", "-1")[0]
    offset = int(event["offset"])
    assert event == {
        "specversion": "1.0", "id": f"transactions-0-{offset + 1}",
        "source": "/sagapipe/ledger", "time": event["time"],
        "topic": "transactions", "partition": 0, "offset": str(offset),
        "type": "sagapipe.Transaction.v1", "subject": "5",
        "datacontenttype": "application/json",
        **{name: event[name] for name in ("traceparent",) if name in event},
        "data": {"orderId": order, "userId": 5, "price": 5000,
                 "transactionId": event["data"]["transactionId"],
                 "status": "SUCCESSFUL",
                 "decidedAt": event["data"]["decidedAt"]}}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z",
                        event["time"])


def test_tail_text_is_one_line_per_event(shared):
    order = place(shared, 5, 1)
    line = good(shared, "tail", "payments", "--from", "-1", "--no-follow")
    assert re.fullmatch(
        rf"topic=payments partition=0 offset=\d+ time={TIME} type=Payment "
        rf"order={order} user=5 price=50\.00 status=APPROVED "
        r"balance=\d+\.\d\d source=payment seq=\d+.*\n", line)


def test_tail_from_an_offset_has_every_event_once(shared):
    place(shared, 5, 1)
    everything = events_of(shared, "orders", "--from", "start")
    assert [int(event["offset"]) for event in everything] == \
        list(range(len(everything)))
    assert events_of(shared, "orders", "--from", "3") == everything[3:]
    assert events_of(shared, "orders", "--from", "-2") == everything[-2:]
    assert events_of(shared, "orders", "--from", "end") == []
    assert events_of(shared, "orders", "--from", "3", "--count", "2") == \
        everything[3:5]
    assert events_of(shared, "orders", "--partition", "0", "--from", "-1") \
        == everything[-1:]


def test_tail_refusals(shared):
    refused(sagactl(shared, "tail", "nothing"), 1, "no such topic")
    refused(sagactl(shared, "tail", "orders", "--partition", "7"), 1)
    refused(sagactl(shared, "tail", "orders", "--from", "99999999"), 1,
            "has the offsets from 0 to ")
    for wrong in ("x", "-", "--5", "1.5"):
        refused(sagactl(shared, "tail", "orders", "--from", wrong), 100)
    refused(sagactl(shared, "tail", "orders", "--count", "0"), 100)
    refused(sagactl(shared, "tail", "orders", SAGAPIPE_BUS="ftp://x"), 100)


@pytest.mark.long  # it waits five seconds for an answer
def test_topics_of_a_broker_that_is_none(shared):
    refused(sagactl(shared, "topics",
                    SAGAPIPE_BUS=f"ipc://{shared.home}/run/none.ipc"), 111,
            "nothing answers at ")


class Tail:
    """One that follows; its lines as they come."""

    def __init__(self, pipeline, *arguments):
        self.child = subprocess.Popen(
            command(pipeline, "tail", *arguments), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL, env=clean_environment())

    def __enter__(self):
        return self

    def __exit__(self, *reason):
        self.child.stdout.close()
        try:
            if reason[0] is None:  # the reader went: that is all
                assert self.child.wait(LIMIT_S) == 0
                assert self.child.stderr.read() == ""
        finally:
            self.child.kill()
            self.child.wait()
            self.child.stderr.close()

    def event(self):
        return json.loads(self.child.stdout.readline())


def test_tail_follows_through_the_brokers_death(pipeline):
    """Every event once, and in order; and the end when the reader goes."""
    with Tail(pipeline, "transactions", "--from", "start", "--json") as tail:
        orders = [place(pipeline, 5, 1)]
        assert tail.event()["data"]["orderId"] == orders[0]
        old = pipeline.kill("broker")
        orders.append(pipeline.order(5, 1))
        pipeline.restarted("broker", old)
        orders.append(pipeline.order(5, 1))
        assert [tail.event()["data"]["orderId"] for _ in range(2)] == \
            orders[1:]


def test_tail_of_several_partitions_foreign_and_unreadable(make_pipeline):
    """What no program of ours wrote is told as well as it can be."""
    pipeline = make_pipeline(partitions="3", topics="reviews").start()
    for user in range(100, 112):
        assert pipeline.request("POST", "/users", {
            "userId": user, "balance": 1}).status == 202
    wait_for(lambda: len(events_of(pipeline, "payments", "--from", "start"))
             == 5 + 12, what="the accounts")
    events = events_of(pipeline, "orders", "--from", "start")
    assert {event["partition"] for event in events} == {0, 1, 2}
    assert sorted(int(event["subject"]) for event in events) == \
        [1, 2, 3, 4, 5, *range(100, 112)]
    with Bus(f"ipc://{pipeline.home}/run/broker.ipc") as bus:
        bus.open("someone")
        good_one = msgpack.packb({
            "id": 1, "source": "someone", "type": "Foreign", "version": 1,
            "time": 0, "event":
                b'{"type":"org.x","data":{"score":0.870}}'})
        forged = msgpack.packb({
            "id": 2, "source": "someone", "type": "Foreign", "version": 1,
            "time": 0, "event": b'{"type":"x","id":"forged"}'})
        unknown = msgpack.packb({"id": 3, "type": "Nothing", "version": 1})
        bus.produce("reviews", 1, [good_one, forged, unknown, b"\xc1\xff"])
    shown = events_of(pipeline, "reviews", "--from", "start")
    assert [event["type"] for event in shown] == [
        "org.x"] + 3 * ["sagapipe.Unreadable"]
    assert shown[0]["data"] == {"score": 0.87}
    assert [event.get("cause") for event in shown] == [
        None, "foreign", "unknown_type", "not_a_map"]
    assert base64.b64decode(shown[3]["data_base64"]) == b"\xc1\xff"
    lines = good(pipeline, "tail", "reviews", "--from", "start",
                 "--no-follow").splitlines()
    assert 'type=org.x data={"score":0.870} source=someone seq=1' in lines[0]
    assert "type=Unreadable cause=not_a_map" in lines[3]


# --- status and top ---

def test_status_tells_processes_lag_and_orders(shared):
    place(shared, 5, 1)
    text = wait_for(lambda: (lambda result: result.stdout if
                             result.returncode == 0 else None)(
                                 sagactl(shared, "status")), what="all up")
    assert re.match(r"orders +created \d+  completed \d+  failed \d+  "
                    r"cancelled \d+  open \d+", text)
    for name in ("broker", "payment", "ledger", "gateway"):
        assert re.search(rf"^{name} +up +{shared.pid(name)} +\d", text, re.M)
    assert re.search(r"^payment +orders +0 +\d+ +\d+$", text, re.M)
    [status] = rows(shared, "status")
    assert {row["name"] for row in status["processes"]} >= {
        "broker", "payment", "ledger", "gateway"}
    assert status["orders"]["created"] >= 1


def test_status_without_the_gateway_tells_what_the_home_does(make_pipeline):
    pipeline = make_pipeline(supervised=False).start()
    pipeline.kill("gateway")
    result = sagactl(pipeline, "status")
    assert result.returncode == 1
    assert result.stderr.endswith("what follows is what the home tells\n")
    assert re.search(r"^gateway +down$", result.stdout, re.M)
    assert re.search(r"^broker +up$", result.stdout, re.M)
    assert re.search(r"^orders +0 +0 +\d+ ", result.stdout, re.M)
    status = json.loads(sagactl(pipeline, "status", "--json").stdout)
    assert status["partial"] is True and len(status["topics"]) == 4
    for name in ("ledger", "payment", "broker"):
        pipeline.kill(name)
    result = sagactl(pipeline, "status")
    assert result.returncode == 1
    assert len(re.findall("down$", result.stdout, re.M)) == 4


def test_status_tells_who_lives_and_is_silent(make_pipeline):
    """One that hangs has no obituary: `down` sends people to look for it."""
    pipeline = make_pipeline(supervised=False).start()

    def is_(name, *arguments):
        result = sagactl(pipeline, "status", *arguments)
        up = re.findall(r"^\w+ +up ", result.stdout, re.M)
        assert result.returncode == (len(up) < len(START_ORDER))
        return re.search(rf"^{name} +(\w+)( |$)", result.stdout, re.M)[1]

    def told():
        row = {row["name"]: row for row in
               pipeline.json("/status")["processes"]}["ledger"]
        return row["up"], row["silent"]
    wait_for(lambda: is_("ledger") == "up")
    pipeline.kill("ledger", signal.SIGSTOP)
    wait_for(lambda: is_("ledger") == "silent", what="that it is missed")
    assert is_("ledger", "--url", pipeline.url) == "silent"
    assert told() == (False, True)
    pipeline.kill("ledger", signal.SIGCONT)
    wait_for(lambda: is_("ledger") == "up")
    assert told() == (True, False)
    pipeline.kill("ledger")
    wait_for(lambda: is_("ledger") == "down")
    assert is_("ledger", "--url", pipeline.url) == "down"
    assert told() == (False, False)
    status = json.loads(sagactl(pipeline, "status", "--json").stdout)
    assert {row["name"]: row["up"] for row in status["processes"]} == {
        "broker": True, "payment": True, "gateway": True, "ledger": False}
    pipeline.kill("gateway", signal.SIGSTOP)
    try:
        result = sagactl(pipeline, "status")
    finally:
        pipeline.kill("gateway", signal.SIGCONT)
    assert result.returncode == 1
    assert re.search(r"^gateway +silent$", result.stdout, re.M)
    assert re.search(r"^broker +up$", result.stdout, re.M)


def test_status_of_a_home_that_is_none(make_pipeline):
    pipeline = make_pipeline()
    refused(sagactl(pipeline, "status"), 100, "is no pipeline's home")
    refused(sagactl(pipeline, "top"), 100)
    refused(sagactl(pipeline, "status", "--url", "http://127.0.0.1:1"), 111)


def test_top_in_a_pipe_is_one_snapshot(shared):
    for arguments, word in ((["top"], "process  "),
                            (["top", "--json"], '"processes":')):
        result = sagactl(shared, *arguments)
        assert word in result.stdout and "\x1b" not in result.stdout
        assert result.stdout.count(word) == 1


class Terminal:
    """A command on a pseudo terminal of its own."""

    def __init__(self, pipeline, *arguments, size=(24, 80)):
        self.master, slave = os.openpty()
        self.resize(*size)
        self.before = termios.tcgetattr(slave)
        self.slave = slave
        self.child = subprocess.Popen(
            command(pipeline, *arguments), stdin=slave, stdout=slave,
            stderr=slave, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
            env=clean_environment(TERM="xterm"))
        self.text = ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.kill()
        self.child.wait()
        os.close(self.slave)
        os.close(self.master)

    def resize(self, rows_, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ,
                    struct.pack("HHHH", rows_, columns, 0, 0))

    def until(self, pattern):
        """Reads until the pattern comes; what came before and with it."""
        deadline = threading.Timer(LIMIT_S, self.child.kill)
        deadline.start()
        try:
            while not (found := re.search(pattern, self.text, re.S)):
                self.text += os.read(self.master, 65536).decode()
        finally:
            deadline.cancel()
        seen, self.text = self.text[:found.end()], self.text[found.end():]
        return seen

    def echoes(self):
        return bool(termios.tcgetattr(self.slave)[3] & termios.ECHO)


ENTER, LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"


@pytest.mark.parametrize("end", [
    "q", signal.SIGTERM, pytest.param("\x03", marks=pytest.mark.long),
    pytest.param(signal.SIGHUP, marks=pytest.mark.long)])
def test_top_gives_the_terminal_back(shared, end):
    with Terminal(shared, "top") as terminal:
        assert terminal.until(r"per second").startswith(ENTER)
        assert not terminal.echoes()
        if isinstance(end, str):
            os.write(terminal.master, end.encode())
        else:
            terminal.child.send_signal(end)
        assert terminal.until(re.escape(LEAVE))
        assert terminal.child.wait(LIMIT_S) == 0
        assert termios.tcgetattr(terminal.slave) == terminal.before


@pytest.mark.long
def test_top_stops_and_goes_on(shared):
    with Terminal(shared, "top") as terminal:
        terminal.until("process")
        os.write(terminal.master, b"\x1a")
        terminal.until(re.escape(LEAVE))
        wait_for(lambda: " T " in open(
            f"/proc/{terminal.child.pid}/stat", encoding="ascii").read(),
            what="the stop")
        assert terminal.echoes()
        terminal.child.send_signal(signal.SIGCONT)
        terminal.until(re.escape(ENTER) + ".*process")
        assert not terminal.echoes()


def lines_of(screen):
    """The rows of the last whole picture, without escapes."""
    picture = screen.split("\x1b[H")[-1]
    return [re.sub("\x1b\\[[0-9;?]*[A-Za-z]", "", line).strip("\r\n")
            for line in picture.split("\n")]


def test_top_fits_the_terminal_and_its_changes(shared):
    with Terminal(shared, "top", "--interval", "60", size=(40, 100)) as \
            terminal:
        first = lines_of(terminal.until("consumer.*\x1b\\[J"))
        assert any(line.startswith("transactions ") for line in first)
        terminal.resize(6, 30)
        small = lines_of(terminal.until("\x1b\\[H(?:[^\n]*\n){5}[^\n]*"
                                        "\x1b\\[K"))
        assert len(small) == 6 and max(map(len, small)) <= 30
        assert small[3].startswith("process           is      pid")


@pytest.mark.long
def test_top_says_that_the_gateway_is_gone(make_pipeline):
    pipeline = make_pipeline(supervised=False).start()
    with Terminal(pipeline, "top") as terminal:
        terminal.until("per second")
        pipeline.kill("gateway")
        terminal.until("the gateway does not answer: .*gateway +\x1b"
                       "\\[1;31mdown")
        os.write(terminal.master, b"q")
        assert terminal.child.wait(LIMIT_S) == 0


# --- order watch ---

def test_order_watch_follows_the_gateways_stream(shared):
    watch = subprocess.Popen(
        command(shared, "order", "watch", "--user", "4", "--json",
                "--count", "2"), stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, env=clean_environment())
    try:
        # What changes from now on: when that is, only a change can tell.
        placed = []
        wait_for(lambda: placed.append(place(shared, 4, 1)) or
                 watch.poll() is not None, limit=LIMIT_S, what="two changes")
        out, errors = watch.communicate(timeout=LIMIT_S)
    finally:
        watch.kill()
        watch.wait()
    assert (watch.returncode, errors) == (0, "")
    changes = [json.loads(line) for line in out.splitlines()]
    assert len(changes) == 2
    for change_ in changes:
        assert change_["userId"] == 4 and change_["id"] in placed


def test_order_watch_of_one_that_has_ended(shared):
    order = place(shared, 5, 1)
    assert good(shared, "order", "watch", str(order)).startswith(
        f"order={order} user=5 ")
    refused(sagactl(shared, "order", "watch", "99999999"), 1, "404")


class Streams(http.server.BaseHTTPRequestHandler):
    """Plays the gateway's stream: one text per connection."""

    texts, asked = [], []

    def do_GET(self):
        self.asked.append((self.path, self.headers.get("Last-Event-ID")))
        if not self.texts:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        self.wfile.write(self.texts.pop(0).encode())

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def streams(*texts):
    Streams.texts, Streams.asked = list(texts), []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Streams) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def change(number, order, status, name="order"):
    data = json.dumps({"id": order, "userId": 1, "price": 50.00,
                       "status": status}, separators=(",", ":"))
    return f"id: {number}\nevent: {name}\ndata: {data}\n\n"


def test_order_watch_comes_back_for_what_it_missed(shared):
    """The stream ends, has a gap, drops us: each time the rest is asked
    for."""
    gap = 'event: gap\ndata: {"after":6,"resumed":9}\n\n'
    dropped = 'event: dropped\ndata: {"reason":"slow"}\n\n'
    with streams("retry: 1000\n\n: alive\n\n" +
                 change(5, 1, "ORDER_CREATED") + change(6, 2, "ORDER_FAILED"),
                 gap + change(9, 3, "ORDER_CREATED") + dropped,
                 change(10, 3, "ORDER_COMPLETED")) as url:
        result = sagactl(shared, "--url", url, "order", "watch", "--user",
                         "1", "--count", "4")
    assert result.returncode == 0
    assert result.stdout.splitlines() == [
        "order=1 user=1 price=50.0 status=ORDER_CREATED",
        "order=2 user=1 price=50.0 status=ORDER_FAILED",
        "order=3 user=1 price=50.0 status=ORDER_CREATED",
        "order=3 user=1 price=50.0 status=ORDER_COMPLETED"]
    assert result.stderr == ("sagactl: changes are missing: those behind 6 "
                             "to 9 are no longer kept\n")
    assert Streams.asked == [("/orders/stream?userId=1", last)
                             for last in (None, "6", "9")]


def test_order_watch_of_one_ends_with_it(shared):
    for status, code in (("ORDER_COMPLETED", 0), ("ORDER_FAILED", 1)):
        with streams(change(5, 7, "ORDER_CREATED") + change(6, 7, status) +
                     change(7, 7, "ORDER_CANCELLED")) as url:
            result = sagactl(shared, "--url", url, "order", "watch", "7",
                             "--json")
        assert (result.returncode, result.stderr) == (code, "")
        assert [json.loads(line)["status"] for line in
                result.stdout.splitlines()] == ["ORDER_CREATED", status]
        assert Streams.asked == [("/orders/7/stream", None)]


def test_order_watch_refusals(shared):
    with streams() as url:
        refused(sagactl(shared, "--url", url, "order", "watch", "7"), 1,
                "404")
    refused(sagactl(shared, "--url", "http://127.0.0.1:1", "order", "watch"),
            111)
    refused(sagactl(shared, "order", "watch", "7", "--user", "1"), 100)
    with streams("event: order\ndata: [1]\n\n" +
                 change(1, 7, "ORDER_COMPLETED")) as url:
        result = sagactl(shared, "--url", url, "order", "watch", "7")
    assert result.stderr == "sagactl: the gateway sent what is no JSON object\n"
    assert result.returncode == 0


# --- bench ---

def test_bench_tells_percentiles_and_loses_nothing(shared):
    [figures] = rows(shared, "bench", "--rate", "60", "--seconds", "1",
                     "--no-verify")
    assert figures["sent"] == figures["accepted"]["count"] == \
        figures["ended"]["count"] == 60
    assert figures["refused"] == figures["failed"] == 0
    for name in ("accepted", "ended"):
        points = [figures[name][point + "Microseconds"]
                  for point in ("p50", "p90", "p99", "p999", "max")]
        assert points == sorted(points) and points[0] > 0
    assert figures["milliseconds"] >= 983  # the last is due at 59/60


def test_bench_verifies_at_the_end(shared):
    result = sagactl(shared, "bench", "--rate", "20", "--seconds", "1")
    assert (result.returncode, result.stderr) == (0, ""), result
    assert re.match(r"sent +20 in \d+\.\d s, \d+/s of 20/s; refused 0, "
                    r"failed 0\naccepted +20  p50 \d+\.\d\d ms  .*\n"
                    r"ended +20  p50 ", result.stdout)
    assert "\nok " in result.stdout and "BAD" not in result.stdout


def test_bench_tells_what_was_refused(shared):
    result = sagactl(shared, "bench", "--rate", "5", "--seconds", "1",
                     "--product", "99", "--no-verify")
    assert result.returncode == 1
    assert result.stderr == \
        "sagactl: 5 orders were refused, the last with 404\n"
    for wrong in (["--rate", "0"], ["--seconds", "x"], ["--product", "0"],
                  ["--rate", "100000", "--seconds", "3600"]):
        refused(sagactl(shared, "bench", *wrong), 100)


@pytest.mark.long
def test_bench_draws_on_a_terminal_only(shared):
    text = on_terminal(shared, "bench", "--rate", "30", "--seconds", "1",
                       "--no-verify")
    assert re.search(r"orders \[#*\.+\] +\d+%", text)
    assert re.search(r"\[#{30}\] 100%.*\r\x1b\[K", text, re.S)


# --- the manual page ---

def manual():
    text = subprocess.run(
        ["mandoc", "-T", "ascii", "-O", "width=500",
         TREE / "man" / "sagactl.1"], capture_output=True, text=True,
        check=True).stdout
    return " ".join(re.sub(".\b", "", text).split())


def test_manual_page_is_clean():
    for arguments in (["mandoc", "-T", "lint", "-W", "warning"],
                      ["man", "--warnings", "-l", "-E", "UTF-8", "-Tutf8"]):
        result = subprocess.run(
            [*arguments, TREE / "man" / "sagactl.1"], capture_output=True,
            text=True, env=clean_environment(MANWIDTH="80"))
        assert result.returncode == 0, result
        assert result.stderr == ""
        if arguments[0] == "mandoc":
            assert result.stdout == ""


def test_manual_page_has_the_whole_table():
    """Each command as `sagactl help` shows it, each option with its text."""
    page = manual()
    text = subprocess.run([BIN / "sagactl", "help", "--json"],
                          capture_output=True, text=True, check=True).stdout
    for row in map(json.loads, text.splitlines()):
        name = row["command"]
        if name != "help":
            usage = subprocess.run(
                [BIN / "sagactl", "help", *name.split()], capture_output=True,
                text=True, check=True).stdout.splitlines()[0]
            assert usage.removeprefix("usage: sagactl ") in page, usage
            assert row["detail"] in page, name
        for option in row["options"]:
            usage = f"--{option['name']} {option['value'] or ''}".strip()
            assert f"{usage} {option['text']}" in page, (name, usage)


def test_manual_page_and_completion_are_installed(tmp_path):
    subprocess.run(
        ["scripts/install.sh"], cwd=TREE, check=True, capture_output=True,
        env=clean_environment(DESTDIR=str(tmp_path), PREFIX="/usr",
                              BIN=str(BIN)))
    page = tmp_path / "usr/share/man/man1/sagactl.1"
    assert page.read_text() == (TREE / "man/sagactl.1").read_text()
    script = tmp_path / "usr/share/bash-completion/completions/sagactl"
    assert script.read_text().endswith("complete -F _sagactl sagactl\n")
