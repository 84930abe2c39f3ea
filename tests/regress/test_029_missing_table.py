"""029: a table's file that was lost was not missed.

The library made an empty one in its place: the process was ready and served,
with every account, journal row or idempotency key gone.  The gateway without
its table `participant` ended as by a bug of its own (111).  Now each table
that a checkpoint has seen must be there: the start ends with 120 and names
it, and `sagactl verify --offline` is no better.
"""

import subprocess

import pytest

from pipeline import BIN, clean_environment

EXIT_DAMAGED = 120
OWN = ("lock", "log_mark", "table_pages")
PARTICIPANTS = ("gateway", "payment", "ledger")


def tables(pipeline, process):
    """The broker may remove segments: of its tables `meta` alone stays."""
    return sorted(path for path in (pipeline.home / "data" / process).iterdir()
                  if path.is_file() and path.name not in OWN
                  and not path.name.startswith(("log.", "topic.")))


def verify(pipeline):
    return subprocess.run(
        [BIN / "sagactl", "--home", str(pipeline.home), "verify", "--offline"],
        capture_output=True, text=True, timeout=120, env=clean_environment())


def assert_missed(pipeline, process, table):
    words = f'words="a table is missing" table={table.name} '
    with pytest.raises(RuntimeError, match=f"exit code {EXIT_DAMAGED}") as told:
        pipeline.start_process(process)
    pipeline.children.clear()
    assert words in str(told.value), table
    result = verify(pipeline)
    assert result.returncode == 1, table
    assert result.stdout.startswith("BAD stores"), result.stdout
    assert words in result.stderr


def test_029_start_without_a_table_is_refused(make_pipeline):
    pipeline = make_pipeline(supervised=False)
    pipeline.crashes_expected = True
    pipeline.start()
    for _ in range(3):
        pipeline.ended(pipeline.order(1, 1))
    pipeline.stop()
    missed = 0
    for process in (*PARTICIPANTS, "broker"):
        for table in tables(pipeline, process):
            aside = pipeline.directory / "aside"
            table.rename(aside)
            assert_missed(pipeline, process, table)
            assert not table.exists(), "it was made again"
            aside.rename(table)
            missed += 1
    assert missed >= 20
    assert verify(pipeline).returncode == 0
    pipeline.start()
