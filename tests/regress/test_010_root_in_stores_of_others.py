"""010: root that opened a store of another user left its own files in it.

After `sagactl verify --offline` or `restore` as root, log_mark, old/ and lock
were root's: the process could not read them, and ended as if its data were
damaged (exit 120).  Under systemd each store has a user of its own, and
restore gave them all to the owner of HOME.
"""

import os
import stat
import subprocess

import pytest

from pipeline import BIN, START_ORDER, clean_environment

pytestmark = pytest.mark.skipif(os.geteuid() != 0,
                                reason="changes owners: needs root")
GROUP = 54320
USERS = {name: 54321 + i for i, name in enumerate(START_ORDER)}


def sagactl(pipeline, *arguments):
    return subprocess.run(
        [BIN / "sagactl", "--home", str(pipeline.home), *arguments],
        capture_output=True, text=True, timeout=120, env=clean_environment())


def done(result):
    assert result.returncode == 0, result.stdout + result.stderr


def own(path, user, mode):
    os.chown(path, user, GROUP)
    path.chmod(mode)


def shared_home(pipeline):
    """As the units' tmpfiles.d makes it."""
    pipeline.home.mkdir(exist_ok=True)
    (pipeline.home / "data").mkdir(exist_ok=True)
    own(pipeline.home, 0, 0o1770)
    own(pipeline.home / "data", 0, 0o1770)


def store_directory(pipeline, name, mode):
    path = pipeline.home / "data" / name
    path.mkdir()
    own(path, USERS[name], mode)


def owners(directory):
    found = set()
    for path in (directory, *directory.rglob("*")):
        status = path.stat()
        found.add((status.st_uid, status.st_gid))
    return found


@pytest.fixture
def backup(make_pipeline, tmp_path):
    pipeline = make_pipeline(supervised=False).start()
    pipeline.ended(pipeline.order(1, 1))
    done(sagactl(pipeline, "backup", str(tmp_path / "backup")))
    pipeline.stop()
    return tmp_path / "backup"


def test_010_offline_verify_leaves_nothing_of_roots(make_pipeline):
    pipeline = make_pipeline(supervised=False).start()
    pipeline.ended(pipeline.order(1, 1))
    pipeline.stop()
    shared_home(pipeline)
    for name, user in USERS.items():
        store = pipeline.home / "data" / name
        (store / "lock").unlink()
        for path in (store, *store.rglob("*")):
            os.chown(path, user, GROUP)
    done(sagactl(pipeline, "verify", "--offline"))
    for name, user in USERS.items():
        store = pipeline.home / "data" / name
        assert (store / "lock").exists()
        assert owners(store) == {(user, GROUP)}


def test_010_restored_store_is_whose_its_directory_was(make_pipeline, backup):
    pipeline = make_pipeline()
    shared_home(pipeline)
    for name in START_ORDER:
        store_directory(pipeline, name, 0o750)
    done(sagactl(pipeline, "restore", str(backup)))
    for name, user in USERS.items():
        store = pipeline.home / "data" / name
        assert stat.S_IMODE(store.stat().st_mode) == 0o750
        assert (store / "old").is_dir()
        assert owners(store) == {(user, GROUP)}
    done(sagactl(pipeline, "verify", "--offline"))


def test_010_restore_refuses_where_nobody_knows_whose(make_pipeline, backup):
    pipeline = make_pipeline()
    shared_home(pipeline)
    for name in START_ORDER[:3]:
        store_directory(pipeline, name, 0o700)
    result = sagactl(pipeline, "restore", str(backup))
    missing = pipeline.home / "data" / START_ORDER[3]
    assert result.returncode == 100
    assert result.stderr.startswith(
        f"sagactl: {missing} is missing, and whose it is to be can't be known")
    assert result.stderr.count("\n") == 1
    assert not missing.exists()
    for name in START_ORDER[:3]:
        assert not list((pipeline.home / "data" / name).iterdir())


def test_010_restore_into_a_home_of_one_user(make_pipeline, backup):
    pipeline = make_pipeline()
    pipeline.home.mkdir(exist_ok=True)
    own(pipeline.home, USERS["broker"], 0o750)
    done(sagactl(pipeline, "restore", str(backup)))
    assert owners(pipeline.home / "data") == {(USERS["broker"], GROUP)}
