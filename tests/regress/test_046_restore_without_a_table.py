"""046: the look of `sagactl restore` for missing tables had no test.

If a table of a backup was lost, and the log does not reach back to its
making, the library makes an empty one in its place, and the pipeline would
start without those rows: so restore refuses, with 120, and puts no store in
its place.  Of the broker's tables only `meta` must be there: its segments go
with retention.
"""
import os
import shutil
import subprocess

import pytest

from pipeline import BIN, START_ORDER, Pipeline, clean_environment, wait_for

LIMIT_S = 60
LINES = b'{"userId":7,"productId":1}\n' * 2000
NDJSON = {"Content-Type": "application/x-ndjson"}


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """A backup whose logs do not begin with the stores' first day."""
    with Pipeline(supervised=False, checkpoint="1m") as pipeline:
        stores = pipeline.home / "data"
        pipeline.open_user(7, "1000000.00")

        def logs_were_trimmed():
            reply = pipeline.request("POST", "/orders", LINES, NDJSON)
            assert reply.status == 200
            return not any((stores / name / "log.0000000001").exists()
                           for name in START_ORDER)
        wait_for(logs_were_trimmed, what="checkpoints that remove logs")
        pipeline.kill_all()    # no last word of the broker's on its segments
        backup = tmp_path_factory.mktemp("backup") / "data"
        shutil.copytree(stores, backup)
        yield backup


def restored(stopped, tmp_path, store, table):
    backup, home = tmp_path / "backup", tmp_path / "home"
    shutil.copytree(stopped, backup)
    (backup / store / table).unlink()
    result = subprocess.run(
        [BIN / "sagactl", "--home", str(home), "restore", str(backup)],
        capture_output=True, text=True, timeout=LIMIT_S,
        stdin=subprocess.DEVNULL, env=clean_environment())
    return result, sorted(os.listdir(home / "data"))


@pytest.mark.parametrize("store,table", [
    ("broker", "meta"), ("gateway", "orders"), ("payment", "accounts"),
    ("ledger", "journal"), ("ledger", "outbox")])
def test_046_restore_refuses(stopped, tmp_path, store, table):
    result, stores = restored(stopped, tmp_path, store, table)
    assert result.returncode == 120, result
    assert result.stdout == "" and stores == []
    assert f"table={table}" in result.stderr
    assert "can't be recovered" in result.stderr


def test_046_segment_may_be_gone(stopped, tmp_path):
    """Whether it should be there, the broker knows when it reads the list."""
    segments = [path.name for path in (stopped / "broker").glob("topic.*")]
    result, stores = restored(stopped, tmp_path, "broker", segments[0])
    assert result.returncode == 0, result
    assert stores == sorted(START_ORDER)
