"""030: `sagactl verify` said nothing of the gateway's tables keys, products,
changes and traces.

It did not read them, and was clean where their pages were zeros, or where
their files were gone.  Now it looks at each page of the tables of whose rows no
other row tells, and an idempotency key must stand for an order.
"""

import shutil
import subprocess

import pytest

from pipeline import BIN, clean_environment

PAGE_BYTES = 4096
UNREAD = [("gateway", "keys"), ("gateway", "products"), ("gateway", "changes"),
          ("gateway", "traces"), ("gateway", "order_runs"),
          ("gateway", "orders_by_user"), ("gateway", "parked_orders"),
          ("gateway", "parked"), ("gateway", "outbox"),
          ("payment", "credits"), ("payment", "parked"),
          ("payment", "outbox"), ("ledger", "parked"), ("ledger", "outbox"),
          ("broker", "meta")]
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def verify(pipeline):
    return subprocess.run(
        [BIN / "sagactl", "--home", str(pipeline.home), "verify", "--offline"],
        capture_output=True, text=True, timeout=120, env=clean_environment())


def assert_bad(pipeline, words):
    result = verify(pipeline)
    assert result.returncode == 1, (words, result.stdout)
    assert result.stdout.startswith("BAD stores"), (words, result.stdout)
    assert words in result.stderr, result.stderr


@pytest.fixture(name="stopped")
def _stopped(make_pipeline):
    """Some orders with keys and traces, and nobody runs."""
    pipeline = make_pipeline(supervised=False).start()
    for number in range(40):
        reply = pipeline.request(
            "POST", "/orders", {"userId": 1, "productId": 1},
            {"Idempotency-Key": f"key-{number}", "traceparent": TRACE})
        assert reply.status == 201
        pipeline.ended(reply.json["id"])
    pipeline.stop()
    result = verify(pipeline)
    assert result.returncode == 0 and "keys=40\n" in result.stdout, result
    shutil.copytree(pipeline.home / "data", pipeline.directory / "whole")
    return pipeline


def make_whole(pipeline):
    shutil.rmtree(pipeline.home / "data")
    shutil.copytree(pipeline.directory / "whole", pipeline.home / "data")


def test_030_zeroed_pages_of_a_table_are_found(stopped):
    for store, table in UNREAD:
        path = stopped.home / "data" / store / table
        octets = path.read_bytes()
        assert len(octets) >= 2 * PAGE_BYTES, "it has a page of rows"
        path.write_bytes(octets[:PAGE_BYTES].ljust(len(octets), b"\0"))
        assert_bad(stopped, f"operation=verify table={table} ")
        make_whole(stopped)


def test_030_missing_table_is_found(stopped):
    """By what a checkpoint wrote down; in a store without that, too."""
    for store, table in UNREAD:
        (stopped.home / "data" / store / table).unlink()
        assert_bad(stopped, f'words="a table is missing" table={table} ')
        (stopped.home / "data" / store / "table_pages").unlink()
        assert_bad(stopped, f"event=table_missing store={store} table={table}")
        make_whole(stopped)
