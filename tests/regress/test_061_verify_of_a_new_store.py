"""061: `sagactl verify --offline` found nothing where a store had been lost.

A start without a process's store makes an empty one, and is refused by the
broker (120).  Verify looked whether a store is older than what it has published
only in streams of which that store knows, and an empty one knows of none: so
23 checks said `ok`, and the same of a copy.  What stands in the log was
published; a store without a row of it is as old as can be.
"""

import shutil
import subprocess

import pytest

from pipeline import BIN, clean_environment


def verify(pipeline, *arguments):
    return subprocess.run(
        [BIN / "sagactl", "--home", str(pipeline.home), "verify", *arguments],
        capture_output=True, text=True, timeout=120, env=clean_environment())


@pytest.mark.parametrize("lost", ["payment", "ledger", "gateway"])
def test_061_a_new_store_in_the_place_of_a_lost_one(make_pipeline, lost):
    pipeline = make_pipeline().start()
    pipeline.ended(pipeline.order(1, 1))
    pipeline.stop()
    pipeline.crashes_expected = True
    stores = pipeline.home / "data"
    shutil.rmtree(stores / lost)
    assert pipeline.script("start-all.sh").returncode == 120
    assert (stores / lost).is_dir()     # the new one
    for arguments in (["--offline"], ["--copy", stores]):
        result = verify(pipeline, *arguments)
        assert result.returncode == 1, result.stdout
        assert f"BAD streams.outbox        {lost}: its store is older than " \
            in result.stdout
