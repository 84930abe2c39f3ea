"""016: `sagactl backup` and `restore` told of copies that were not on disk.

The library copies a store without a sync, and nobody synced the names of what
was restored: with a loss of power after "copied=" or "restored=" the copy
could be without its data.  Now both sync first, and a sync that fails is told
instead.
"""

import subprocess

import pytest

from pipeline import BIN, START_ORDER, clean_environment
from powercut_rig import preload_library

EIO = 5
EXIT_SYSTEM = 111


def sagactl(pipeline, *arguments):
    return subprocess.run(
        [BIN / "sagactl", "--home", str(pipeline.home), *map(str, arguments)],
        capture_output=True, text=True, timeout=120, env=clean_environment())


def without_disk(pipeline, command, copy, faults, nth):
    """The nth sync, and all later ones, must be what makes it fail."""
    (faults / "sagactl").write_text(f"syncfs {EIO} {nth} on")
    result = subprocess.run(
        [BIN / "sagactl", "--home", str(pipeline.home), command, str(copy)],
        capture_output=True, text=True, timeout=120, env={
            **clean_environment(), "DISKFAULT_DIR": str(faults),
            "LD_PRELOAD": str(preload_library("diskfault")),
            "DISKFAULT_BELOW": "/"})
    assert result.returncode == EXIT_SYSTEM, result
    assert result.stdout == ""
    assert "can't be written to disk: Input/output error" in result.stderr


@pytest.fixture(name="faults")
def _faults(tmp_path):
    (tmp_path / "faults").mkdir()
    return tmp_path / "faults"


def test_016_backup(make_pipeline, faults, tmp_path):
    pipeline = make_pipeline().start()
    without_disk(pipeline, "backup", tmp_path / "copy", faults, 1)


@pytest.mark.parametrize("nth, moved", [(1, []), (2, sorted(START_ORDER))],
                         ids=["before the first is moved", "behind the last"])
def test_016_restore(make_pipeline, faults, tmp_path, nth, moved):
    pipeline = make_pipeline().start()
    assert sagactl(pipeline, "backup", tmp_path / "copy").returncode == 0
    other = make_pipeline()
    without_disk(other, "restore", tmp_path / "copy", faults, nth)
    assert sorted(path.name for path in (other.home / "data").iterdir()) \
        == moved
