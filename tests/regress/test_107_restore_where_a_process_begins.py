"""107: `sagactl restore` put a store where a process was about to make its own.

A process has its lock before it makes its store.  restore took that for a lock
of nobody, removed it, and put the copy in the place: the process opened it, with
a lock that no other could find, and so a second one opened it, too.
"""

import fcntl
import os
import subprocess

import pytest

from pipeline import BIN, Pipeline, clean_environment, wait_for
from powercut_rig import preload_library

LIMIT_S = 120


@pytest.fixture(scope="module", name="backup")
def _backup(tmp_path_factory):
    copy = tmp_path_factory.mktemp("backup") / "copy"
    with Pipeline() as pipeline:
        subprocess.run([BIN / "sagactl", "backup", copy], check=True,
                       env=pipeline.environment(), stdout=subprocess.DEVNULL)
    yield copy


def restoring(home, backup, **environment):
    return subprocess.Popen(
        [BIN / "sagactl", "--home", home, "restore", backup],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
        env={**clean_environment(), **environment})


def refused(restore, lock):
    stdout, stderr = restore.communicate(timeout=LIMIT_S)
    assert (restore.returncode, stdout) == (100, "")
    assert stderr == (f"sagactl: {lock.name}: a process has it; stop the "
                      "pipeline first\n")
    assert os.path.samestat(os.stat(lock.name), os.fstat(lock.fileno()))
    data = os.path.dirname(os.path.dirname(lock.name))
    assert [names for _, _, names in os.walk(data) if names] == [["lock"]]


@pytest.fixture(name="lock")
def _lock(tmp_path):
    """Of a gateway that has no store yet; nobody has it."""
    place = tmp_path / "home" / "data" / "gateway"
    place.mkdir(parents=True)
    with open(place / "lock", "wb") as lock:
        yield lock


def test_107_process_that_has_begun(backup, tmp_path, lock):
    fcntl.flock(lock, fcntl.LOCK_EX)
    with restoring(tmp_path / "home", backup) as restore:
        refused(restore, lock)


def test_107_process_that_begins_meanwhile(backup, tmp_path, lock):
    home = tmp_path / "home"
    (tmp_path / "stalls").mkdir()
    with open(tmp_path / "stalls" / "sagactl", "wb") as stall:
        fcntl.flock(stall, fcntl.LOCK_EX)
        with restoring(home, backup, STALL_DIR=str(tmp_path / "stalls"),
                       LD_PRELOAD=str(preload_library("stall"))) as restore:
            wait_for(lambda: list(home.glob("verify.*/gateway")),
                     what="the copy")
            fcntl.flock(lock, fcntl.LOCK_EX)
            fcntl.flock(stall, fcntl.LOCK_UN)
            refused(restore, lock)


def test_107_lock_of_nobody_stays_the_lock(backup, tmp_path, lock):
    with restoring(tmp_path / "home", backup) as restore:
        restore.communicate(timeout=LIMIT_S)
        assert restore.returncode == 0
    assert os.path.samestat(os.stat(lock.name), os.fstat(lock.fileno()))
