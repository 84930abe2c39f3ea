"""sagactl verify, backup and restore on a real pipeline."""

import collections
import json
import os
import pathlib
import shutil
import signal
import subprocess

import pytest

from load import Load
from pipeline import BIN, START_ORDER, TREE, clean_environment, wait_for

LIMIT_S = 120
EXIT_SYSTEM, EXIT_DAMAGED = 111, 120
USERS = [1, 2, 3, 4, 5]
STORES = ("broker", "gateway", "ledger", "payment")


def sagactl(pipeline, *arguments):
    return subprocess.run(
        [BIN / "sagactl", "--home", str(pipeline.home), *arguments],
        capture_output=True, text=True, timeout=LIMIT_S, cwd=TREE,
        stdin=subprocess.DEVNULL, env=clean_environment())


def assert_good(result):
    assert result.returncode == 0, result.stdout + result.stderr
    assert "BAD" not in result.stdout
    assert result.stdout.count("\nok ") >= 20


def copies_left(pipeline):
    return list(pipeline.home.glob("verify.*"))


def ask(pipeline, method, path, body=None):
    reply = pipeline.request(method, path, body)
    assert reply.status in (200, 201, 202), reply
    return reply


def all_is_read(pipeline):
    """What is left to read would be met at the next start, and a row that was
    damaged meanwhile be found by it: that process ends, as it must."""
    status = pipeline.json("/status")
    ends = collections.Counter()
    for row in status["topics"]:
        ends[row["topic"]] += row["end"]
    # Users 5, credit, freeze and thaw 3, orders 8, cancel 1.
    return (ends["orders"] == 17 and ends["transactions"] == 9 and
            {row["lag"] for row in status["consumers"]} == {0})


def all_that_happens(pipeline):
    """Orders of every kind: completed, refused, cancelled, too dear for the
    ledger, of nobody, of a frozen user; and a credit."""
    ask(pipeline, "POST", "/users/2/credits", {"amount": "12.34"})
    ask(pipeline, "POST", "/users/4/freeze")
    first = pipeline.request("POST", "/orders", {"userId": 1, "productId": 1},
                             {"Idempotency-Key": "the-first-one"})
    assert first.status == 201, first
    orders = [first.json["id"]]
    orders += [pipeline.order(user, product) for user, product in
               ((1, 1), (1, 1), (2, 2), (3, 3), (4, 1), (99, 1), (5, 5))]
    for order in orders:
        pipeline.ended(order)
    ask(pipeline, "DELETE", f"/orders/{orders[4]}")
    ask(pipeline, "POST", "/users/4/thaw")
    wait_for(lambda: pipeline.json(f"/orders/{orders[4]}")["status"] ==
             "ORDER_CANCELLED", what="the cancel")
    wait_for(lambda: all_is_read(pipeline), what="everybody has read all")
    return orders


@pytest.fixture(scope="session")
def edit_row(tmp_path_factory):
    """Damages one row of a store that nobody has open."""
    program = tmp_path_factory.mktemp("edit") / "edit_row"
    sources = sorted((TREE / "src" / "saga").glob("*.c"))
    subprocess.run(
        ["gcc", "-std=c11", "-D_GNU_SOURCE", f"-I{TREE}/src", "-o", program,
         pathlib.Path(__file__).parent / "edit_row.c", *sources, "-lczmq",
         "-lzmq", "-lmsgpackc", "-ljansson", "-ldb-5.3", "-lsystemd", "-lpthread"],
        check=True)

    def edit(pipeline, store, *arguments):
        subprocess.run([program, pipeline.home / "data" / store,
                        *map(str, arguments)], check=True)

    return edit


@pytest.fixture
def alone(make_pipeline):
    """A pipeline without a supervisor, in several partitions."""
    return make_pipeline(supervised=False, partitions=3,
                         transaction_limit="900.00").start()


# --- what is good ---

def test_verify_running_under_load_is_good(alone):
    all_that_happens(alone)
    with Load(alone, USERS) as load:
        load.wait(100)
        for _ in range(3):
            assert_good(sagactl(alone, "verify"))
            load.wait(50)
    assert not copies_left(alone)


def test_verify_after_kill_of_all_is_good_offline(alone):
    all_that_happens(alone)
    with Load(alone, USERS) as load:
        load.wait(200)
        alone.kill_all()
        load.stopping.set()
    assert_good(sagactl(alone, "verify", "--offline"))
    assert_good(sagactl(alone, "verify", "--offline"))
    for name in START_ORDER:
        alone.start_process(name)
    assert_good(sagactl(alone, "verify"))


def test_verify_counts_what_there_is(alone):
    all_that_happens(alone)
    report = json.loads(sagactl(alone, "--json", "verify").stdout)
    checks = {check["name"]: check for check in report["checks"]}
    assert report["ok"] is True
    assert report["openOrders"] == report["parkedEvents"] == 0
    assert checks["gateway.orders"]["looked"] == 8
    assert checks["payment.orders"]["looked"] == 8
    assert checks["ledger.agrees"]["looked"] >= 5
    assert checks["payment.credits"]["looked"] == 1
    assert all(check["skipped"] is None and check["differences"] == 0 and
               check["looked"] > 0 for check in report["checks"])


def test_verify_tells_of_open_orders(alone):
    alone.stop_process("ledger")
    alone.order(1, 1)
    wait_for(lambda: alone.json("/users/1")["balance"] == 50,
             what="payment's decision")
    report = sagactl(alone, "verify")
    assert report.returncode == 111  # the ledger is down: no copy of it
    alone.kill_all()
    report = sagactl(alone, "verify", "--offline")
    assert_good(report)
    assert "orders=1 oldest_s=" in report.stdout


# --- copies ---

def test_backup_is_good_and_can_be_restored(make_pipeline, alone, tmp_path):
    orders = all_that_happens(alone)
    with Load(alone, USERS) as load:
        load.wait(50)
        result = sagactl(alone, "backup", str(tmp_path / "backup"))
        assert result.returncode == 0, result.stderr
        assert result.stdout.startswith("copied=")
        promised = list(load.answered)
        load.wait(20)
    assert sorted(os.listdir(tmp_path / "backup")) == list(STORES)
    other = make_pipeline(supervised=False, partitions=3,
                          transaction_limit="900.00")
    result = sagactl(other, "restore", str(tmp_path / "backup"))
    assert result.returncode == 0, result.stderr
    assert not copies_left(other)
    assert_good(sagactl(other, "verify", "--offline"))
    # The backup is as it was, and good as well.
    assert_good(sagactl(alone, "verify", "--copy", str(tmp_path / "backup")))
    assert_good(sagactl(alone, "verify", "--copy", str(tmp_path / "backup")))
    other.start()
    assert other.ended(orders[0])["status"] == "ORDER_COMPLETED"
    assert other.ended(orders[4])["status"] == "ORDER_CANCELLED"
    assert other.ended(orders[7])["reason"] == "LIMIT_EXCEEDED"
    # What was answered before the backup began is in it.
    for order in promised[:40]:
        assert other.ended(order)
    assert other.ended(other.order(5, 1))
    assert_good(sagactl(other, "verify"))
    refused = sagactl(other, "restore", str(tmp_path / "backup"))
    assert refused.returncode == 100
    assert "there is a store" in refused.stderr


def test_restore_refuses_what_is_no_backup(make_pipeline, tmp_path):
    pipeline = make_pipeline()
    result = sagactl(pipeline, "restore", str(tmp_path / "none"))
    assert result.returncode == 100
    for name in STORES:
        (tmp_path / name).mkdir()
    result = sagactl(pipeline, "restore", str(tmp_path))
    assert result.returncode == 100
    assert "there is no store in it" in result.stderr
    assert not copies_left(pipeline)
    assert os.listdir(pipeline.home / "data") == []


def test_verify_interrupted_leaves_nothing_behind(alone):
    all_that_happens(alone)
    alone.children["broker"].send_signal(signal.SIGSTOP)
    child = subprocess.Popen(
        [BIN / "sagactl", "--home", str(alone.home), "verify"],
        stderr=subprocess.DEVNULL)
    # It has copies of the others, and waits for the broker's.
    wait_for(lambda: list(alone.home.glob("verify.*/ledger/journal")),
             what="copies")
    child.terminate()
    assert child.wait(LIMIT_S) != 0
    alone.children["broker"].send_signal(signal.SIGCONT)
    assert not copies_left(alone)
    assert_good(sagactl(alone, "verify"))


# --- damage ---

@pytest.mark.parametrize("store,table,key,octet,check", [
    ("payment", "accounts", "0000000000000001", 20, "payment.law"),
    ("ledger", "orders", "0000000000000001", 17, "ledger.orders"),
    ("gateway", "orders", "0000000000000002", 35, "gateway.status"),
])
def test_verify_finds_one_flipped_bit(alone, edit_row, store, table, key,
                                      octet, check):
    all_that_happens(alone)
    alone.stop()
    assert_good(sagactl(alone, "verify", "--offline"))
    edit_row(alone, store, table, key, "flip", octet)
    result = sagactl(alone, "verify", "--offline")
    assert result.returncode == 1
    assert f"BAD {check} " in result.stdout
    report = sagactl(alone, "--json", "verify", "--offline")
    assert report.returncode == 1
    assert json.loads(report.stdout)["ok"] is False
    for name in START_ORDER:
        alone.start_process(name)
    result = sagactl(alone, "verify")
    if result.returncode == EXIT_SYSTEM:  # its owner met it first
        assert f"{store} does not run" in result.stderr
        assert alone.children.pop(store).wait(LIMIT_S) == EXIT_DAMAGED
        return
    assert result.returncode == 1
    assert f"BAD {check} " in result.stdout


def test_verify_of_a_store_from_yesterday_finds_it(alone):
    """One store of the four is put back to an older state."""
    all_that_happens(alone)
    alone.stop()
    old = alone.directory / "old"
    shutil.copytree(alone.home / "data" / "payment", old)
    for name in START_ORDER:
        alone.start_process(name)
    alone.ended(alone.order(5, 1))
    alone.stop()
    assert_good(sagactl(alone, "verify", "--offline"))
    shutil.rmtree(alone.home / "data" / "payment")
    old.rename(alone.home / "data" / "payment")
    result = sagactl(alone, "verify", "--offline")
    assert result.returncode == 1
    assert "BAD streams.outbox" in result.stdout


# --- wrong use ---

@pytest.mark.parametrize("arguments", [
    ["verify", "--whatever"], ["verify", "--offline", "more"],
    ["verify", "--copy"], ["backup"], ["restore"], ["restore", "a", "b"],
    ["whatever"], [], ["--whatever"], ["parked"], ["parked", "list", "a", "b"],
])
def test_wrong_use_is_told(make_pipeline, arguments):
    result = sagactl(make_pipeline(), *arguments)
    assert result.returncode == 100
    assert result.stderr.startswith("sagactl: usage: sagactl ")
    assert result.stdout == ""


def test_nobody_of_that_name_is_told(make_pipeline):
    pipeline = make_pipeline()
    result = sagactl(pipeline, "parked", "show", "nobody", "1")
    assert result.returncode == 100
    assert f"{pipeline.home} is no pipeline's home" in result.stderr
    (pipeline.home / "data").mkdir(parents=True)
    result = sagactl(pipeline, "parked", "show", "nobody", "1")
    assert result.returncode == 111
    assert result.stderr.startswith("sagactl: nobody: nothing answers at ")


def test_help_names_every_command(make_pipeline):
    result = sagactl(make_pipeline(), "--help")
    assert result.returncode == 0
    for word in ("verify", "backup", "restore", "parked", "--home", "--json"):
        assert word in result.stdout


def test_verify_without_a_pipeline_is_refused(make_pipeline, tmp_path):
    pipeline = make_pipeline()
    for arguments in (["verify"], ["verify", "--offline"],
                      ["verify", "--copy", str(tmp_path)]):
        result = sagactl(pipeline, *arguments)
        assert result.returncode == 100, arguments
        assert result.stderr.count("\n") == 1


def test_verify_offline_while_it_runs_is_refused(alone):
    result = sagactl(alone, "verify", "--offline")
    assert result.returncode == 100
    pid = alone.pid("gateway")
    assert f"held by process {pid}: stop the pipeline" in result.stderr
    alone.stop_process("gateway")
    result = sagactl(alone, "verify", "--offline")
    assert result.returncode == 100
    assert "data/payment is held" in result.stderr


def test_verify_without_a_home_says_so(make_pipeline):
    """As whoever asks from another directory than the tree's meets it."""
    pipeline = make_pipeline()
    result = sagactl(pipeline, "verify")
    assert (result.returncode, result.stdout) == (100, ""), result
    assert f"{pipeline.home} is no pipeline's home" in result.stderr
    assert len(result.stderr.splitlines()) == 1
