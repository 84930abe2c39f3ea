"""058: a directory in the place of a table or of a file of the log was an I/O
error (111), so that the supervisor started its process again and again, and a
fifo was waited for, for ever.  It does not heal: 120, and the line says what to
do.
"""

import os

import pytest


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
@pytest.mark.parametrize("process, name", [
    ("payment", "accounts"), ("broker", "meta"),
    ("ledger", "log.0000000001"), ("gateway", "table_pages")])
def test_058_what_is_no_file_ends_with_120(make_pipeline, process, name, make):
    pipeline = make_pipeline().start()
    pipeline.ended(pipeline.order(1, 1))
    pipeline.stop()
    pipeline.crashes_expected = True
    path = pipeline.home / "data" / process / name
    aside = path.rename(pipeline.home / "aside")
    make(path)
    result = pipeline.script("start-all.sh")
    assert result.returncode == 120, result
    what = "a directory" if make is os.mkdir else "a fifo"
    assert f'words="{what} is in its place: put the file back, or restore ' \
        f'the store" file={name} ' in result.stderr
    path.rmdir() if make is os.mkdir else path.unlink()
    aside.rename(path)
    pipeline.start()
    assert pipeline.json("/orders/1")["status"] == "ORDER_COMPLETED"
