"""--json everywhere: every command of the tool's own table prints JSON objects
and nothing else, a line each, and ends with the exit code that it promises.

A command that is added to the table and not to CASES fails the first test.
"""

import json
import subprocess

import pytest

from filters import Filter
from pipeline import BIN, TREE, Pipeline, clean_environment, wait_for
from sagabus import Bus, event

LIMIT_S = 60
NONE = 0  # no line at all
ORDER = {"id", "userId", "productId", "quantity", "price", "status"}
USER = {"id", "balance", "state"}
STATUS = {"processes", "topics", "consumers", "orders", "parked"}

# Printed as it is, or not at all.  Its help says so.
WITHOUT_JSON = {"completion": "There is no --json of it",
                "filter": "--json changes nothing"}

# What is typed, exit code, the members of each line (or that there is none).
# {order} has completed, {failed} failed, {fresh} is another completed one;
# {parked} is the number of an event that the gateway can't handle, {copy} a
# backup, {full} a home that has data, {gone} a consumer that ended.  Each case
# can run alone.
CASES = [
    ("status", 0, STATUS),
    ("top", 0, STATUS),
    ("order place 5 1", 0, ORDER),
    ("order place 5 1 --wait 30", 0, ORDER),
    ("order place 77 1 --wait 30", 1, ORDER | {"reason"}),
    ("order place 1 99", 1, NONE),
    ("order show {order}", 0, ORDER | {"timeline"}),
    ("order show 99999999", 1, NONE),
    ("order list", 0, ORDER),
    ("order watch {order}", 0, ORDER),
    ("order watch {failed}", 1, ORDER | {"reason"}),
    ("order cancel {fresh}", 0, ORDER),
    ("order cancel {failed}", 1, NONE),
    ("user list", 0, USER),
    ("user show 1", 0, USER),
    ("user show 999", 1, NONE),
    ("user open 61 5.00", 0, USER),
    ("user open 1 5.00", 1, NONE),
    ("user credit 2 1.00", 0, {"userId", "creditId", "amount"}),
    ("user credit 2 0", 1, NONE),
    ("user freeze 4", 0, {"id"}),
    ("user thaw 4", 0, {"id"}),
    ("product list", 0, {"id", "price"}),
    ("product set 41 9.50", 0, {"id", "price"}),
    ("product set 41 0", 1, NONE),
    ("topics", 0, {"topic", "partition", "begin", "end", "consumers"}),
    ("tail orders --from start --no-follow", 0,
     {"specversion", "id", "type", "source", "data"}),
    ("tail nothing", 1, NONE),
    ("verify", 0, {"ok", "checks"}),
    ("bench --rate 20 --seconds 1 --no-verify", 0,
     {"sent", "refused", "accepted", "ended"}),
    ("bench --rate 20 --seconds 1 --no-verify --product 99", 1,
     {"sent", "refused", "accepted", "ended"}),
    ("backup {tmp}/another", 0, {"copied"}),
    ("backup {tmp}/none/another", 100, NONE),
    ("verify --copy {copy}", 0, {"ok", "checks"}),
    ("restore {copy} --home {tmp}/new", 0, {"restored"}),
    ("restore {copy} --home {full}", 100, NONE),
    ("parked list", 0, {"process", "number", "cause"}),
    ("parked show gateway {parked}", 0, {"number", "cause", "hex"}),
    ("parked redrive gateway {parked}", 1, {"redriven", "parked", "refused"}),
    ("parked drop gateway {parked}", 0, {"redriven", "parked", "refused"}),
    ("parked show gateway 999999", 1, NONE),
    ("parked redrive payment all", 0, {"redriven", "parked"}),
    ("forget {gone}", 0, {"forgotten", "partitions", "lag"}),
    ("forget nobody", 1, NONE),
    ("forget payment", 1, NONE),
    ("forget broker", 100, NONE),
    ("help", 0, {"command", "arguments", "summary", "detail", "options"}),
    ("help order", 0, {"command", "arguments", "summary"}),
    ("help order place", 0, {"command", "arguments", "summary"}),
    ("help nothing", 100, NONE),
    ("order place --help", 0, {"command", "arguments", "summary"}),
    ("--version", 0, {"version"}),
]

# What went well is told on stdout alone, and so is an end that the object
# itself tells; what is wrong is one line on stderr.
TOLD_BY_THEIR_OBJECT = {
    "order place 77 1 --wait 30", "order watch {failed}",
    "parked redrive gateway {parked}",
}


def run(*arguments, home="/nowhere"):
    return subprocess.run(
        [BIN / "sagactl", "--home", str(home), "--json", *arguments],
        capture_output=True, text=True, timeout=LIMIT_S, cwd=TREE,
        stdin=subprocess.DEVNULL, env=clean_environment())


def table():
    return [json.loads(line) for line in run("help").stdout.splitlines()]


@pytest.fixture(scope="module", name="known")
def _known(tmp_path_factory):
    """A pipeline, and what the cases speak of."""
    with Pipeline() as pipeline:
        tmp = tmp_path_factory.mktemp("json")
        known = {"pipeline": pipeline, "tmp": tmp, "full": tmp / "full"}
        (tmp / "full" / "data" / "ledger" / "old").mkdir(parents=True)
        wait_for(lambda: pipeline.user_active(5), what="the seed's users")
        for name, user in (("order", 5), ("fresh", 5), ("failed", 77)):
            known[name] = pipeline.order(user, 1)
            pipeline.ended(known[name])
        # Each tells of itself once a second, and is up from then on.
        wait_for(lambda: all(row["up"] for row in
                             pipeline.json("/status")["processes"]),
                 what="word of all four")
        yield known


def park(pipeline, order):
    """A second word of a ledger on an order that has ended; its number."""
    def numbers():
        return [row["number"] for row in pipeline.json("/parked")]
    with Bus(f"ipc://{pipeline.home}/run/broker.ipc") as bus:
        bus.open("ledger-9")
        bus.produce("transactions", 0, [event(
            "Transaction", status="SUCCESSFUL", decidedAt=1, orderId=order,
            userId=5, price=5000, transactionId=4711)])
    return wait_for(numbers, what="the parked event")[0]


def backup(known):
    copy = known["tmp"] / "copy"
    assert run("backup", copy, home=known["pipeline"].home).returncode == 0
    return copy


def typed(case, known):
    if "parked" not in known and ("{parked}" in case or
                                  case == "parked list"):
        known["parked"] = park(known["pipeline"], known["order"])
    if "gone" not in known and "{gone}" in case:
        known["gone"] = "went-away"
        with Bus(f"ipc://{known['pipeline'].home}/run/broker.ipc") as bus:
            bus.fetch("orders", 0, 0, consumer=known["gone"])
    if "copy" not in known and "{copy}" in case:
        known["copy"] = backup(known)
    return case.format(**known).split()


@pytest.mark.parametrize("case, code, members", CASES,
                         ids=[case for case, _, _ in CASES])
def test_each_line_is_json(known, case, code, members):
    words = typed(case, known)
    home = [] if "--home" in words else ["--home", known["pipeline"].home]
    result = subprocess.run(
        [BIN / "sagactl", "--json", *home, *words], capture_output=True,
        text=True, timeout=LIMIT_S, cwd=TREE, stdin=subprocess.DEVNULL,
        env=clean_environment())
    assert result.returncode == code, result
    lines = result.stdout.splitlines()
    assert bool(lines) == (members is not NONE), result
    for line in lines:
        row = json.loads(line)
        assert isinstance(row, dict) and members <= set(row), line
    wrong = code != 0 and case not in TOLD_BY_THEIR_OBJECT
    assert result.stderr.count("\n") == wrong, result


def test_bench_with_verify_is_two_objects(known):
    result = run("bench", "--rate", "20", "--seconds", "1",
                 home=known["pipeline"].home)
    figures, verified = map(json.loads, result.stdout.splitlines())
    assert figures["sent"] == 20 and isinstance(verified["ok"], bool)
    assert result.returncode == (not verified["ok"])


def test_no_command_is_left_out():
    rows = table()
    cases = [case for case, _, _ in CASES]
    for row in rows:
        name = row["command"]
        if name in WITHOUT_JSON:
            assert WITHOUT_JSON[name] in row["detail"], name
        else:
            assert any(f"{case} ".startswith(f"{name} ")
                       for case in cases), f"{name} has no case above"
    assert set(WITHOUT_JSON) <= {row["command"] for row in rows}


def test_help_as_json_is_the_whole_table():
    """As much as the text tells."""
    text = subprocess.run([BIN / "sagactl", "help"], capture_output=True,
                          text=True, check=True).stdout.split("\n\n")[1]
    shown = [line for line in text.splitlines() if line[2] != " "]
    assert len(shown) == len(table())
    for row, line in zip(table(), shown):
        assert line.startswith(f"  {row['command']} {row['arguments']}")
        assert row["summary"] in text
        words = subprocess.run(
            [BIN / "sagactl", "help", *row["command"].split()],
            capture_output=True, text=True, check=True).stdout
        assert row["detail"] in " ".join(words.split())
        for option in row["options"]:
            assert option["text"] in words
            assert f"[--{option['name']}" in words
            assert option["value"] is None or option["value"] in words


def test_completion_refuses_json():
    result = run("completion", "bash")
    assert (result.returncode, result.stdout) == (100, "")
    assert "a script is no JSON" in result.stderr


def test_filter_prints_nothing(known, tmp_path):
    pipeline = known["pipeline"]

    def has_read():
        return [row for row in pipeline.json("/status")["consumers"]
                if row["consumer"] == "quiet" and row["position"] > 0]
    with open(tmp_path / "out", "wb") as out:
        with Filter(pipeline, [
                BIN / "sagactl", "filter", "--json", "--name", "quiet",
                "--from", "orders", "--",
                "sh", "-c", "while read -r line; do echo; done"],
                out=out) as quiet:
            wait_for(has_read, what="an event that was handled")
            assert quiet.stop() == 0
    assert (tmp_path / "out").read_bytes() == b""
