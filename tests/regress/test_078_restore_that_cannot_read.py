"""078: `sagactl restore` passed over what it could not read.

A name that readdir() did not give, for a failure that was taken for the end,
and a file that lstat() could not look at were left out of the copy, in
silence; a home whose names could not be read was taken for an empty one.
"""
import errno
import os
import subprocess

import pytest

from pipeline import BIN, START_ORDER, Pipeline, clean_environment
from powercut_rig import preload_library

EXIT_SYSTEM = 111
LIMIT_S = 120


@pytest.fixture(scope="module", name="backup")
def _backup(tmp_path_factory):
    copy = tmp_path_factory.mktemp("backup") / "copy"
    with Pipeline() as pipeline:
        assert sagactl(pipeline.home, "backup", copy).returncode == 0
    yield copy


def sagactl(home, *arguments, **environment):
    return subprocess.run(
        [BIN / "sagactl", "--home", str(home), *map(str, arguments)],
        capture_output=True, text=True, timeout=LIMIT_S,
        stdin=subprocess.DEVNULL, env={**clean_environment(), **environment})


def restored(home, backup, tmp_path, below, fault):
    """With that fault below that directory."""
    (tmp_path / "faults").mkdir()
    (tmp_path / "faults" / "sagactl").write_text(fault)
    result = sagactl(home, "restore", backup,
                     DISKFAULT_DIR=str(tmp_path / "faults"),
                     DISKFAULT_BELOW=str(below),
                     LD_PRELOAD=str(preload_library("diskfault")))
    assert "diskfault: " in result.stderr
    return result


@pytest.mark.parametrize("nth", [1, 4])
@pytest.mark.parametrize("call", ["readdir", "lstat"])
@pytest.mark.parametrize("store", ["gateway", "broker"])
def test_078_restore_of_what_cannot_be_read(backup, tmp_path, store, call,
                                            nth):
    home = tmp_path / "home"
    result = restored(home, backup, tmp_path, backup / store,
                      f"{call} {errno.EIO} {nth} once")
    assert result.returncode == EXIT_SYSTEM, result
    assert result.stdout == ""
    assert f"{backup / store}" in result.stderr
    assert "Input/output error" in result.stderr
    assert os.listdir(home / "data") == []


def test_078_restore_to_a_place_that_cannot_be_read(backup, tmp_path):
    home = tmp_path / "home"
    for name in START_ORDER:
        (home / "data" / name).mkdir(parents=True)
    store = home / "data" / "ledger"
    (store / "accounts").write_text("precious")
    result = restored(home, backup, tmp_path, store,
                      f"readdir {errno.EIO} 1 once")
    assert result.returncode == EXIT_SYSTEM, result
    assert result.stdout == ""
    assert f"{store}: Input/output error" in result.stderr
    assert sorted(os.listdir(home / "data")) == sorted(START_ORDER)
    assert os.listdir(store) == ["accounts"]
    for name in START_ORDER:
        if name != "ledger":
            assert os.listdir(home / "data" / name) == []
