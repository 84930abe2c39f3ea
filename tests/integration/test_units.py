"""The systemd units, installed into a directory and checked there."""

import os
import pathlib
import re
import stat
import subprocess

import pytest

from pipeline import BIN, START_ORDER, TREE, clean_environment

PREFIX = "/usr/local"
UNITS = [f"sagapipe-{name}.service" for name in START_ORDER]


def install(root):
    return subprocess.run(
        [TREE / "scripts" / "install.sh"], check=True, text=True, timeout=60,
        capture_output=True, env=clean_environment(
            DESTDIR=str(root), PREFIX=PREFIX, BIN=str(BIN)))


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    directory = tmp_path_factory.mktemp("root")
    install(directory)
    return directory


@pytest.fixture
def units(root, tmp_path):
    """The installed units, with ExecStart= where DESTDIR put the programs."""
    for path in (root / "usr/local/lib/systemd/system").iterdir():
        text = path.read_text().replace(f"ExecStart={PREFIX}",
                                        f"ExecStart={root}{PREFIX}")
        (tmp_path / path.name).write_text(text)
    return tmp_path


def verify(units):
    return subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=yes",
         *sorted(units.iterdir())], capture_output=True, text=True,
        timeout=60)


def test_units_verify_without_a_word(units):
    result = verify(units)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_units_verify_would_notice(units):
    """A check that finds nothing must be able to find something."""
    unit = units / "sagapipe-ledger.service"
    unit.write_text(unit.read_text().replace("WatchdogSec=", "WatchDogSec="))
    assert verify(units).stderr != ""


@pytest.mark.parametrize("unit", UNITS)
def test_units_are_hardened(units, unit):
    result = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--threshold=20",
         units / unit], capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("unit", UNITS)
def test_units_keep_the_contract(units, unit):
    text = (units / unit).read_text()
    name = unit.removeprefix("sagapipe-").removesuffix(".service")
    for line in ("Type=notify", "Restart=on-failure", "PartOf=sagapipe.target",
                 "RestartPreventExitStatus=100 120", "UMask=0007",
                 f"User=sagapipe-{name}", "Group=sagapipe"):
        assert f"\n{line}\n" in text
    assert re.search(r"^WatchdogSec=\d+s$", text, re.MULTILINE)
    assert "Requires=" not in text
    target = (units / "sagapipe.target").read_text()
    assert unit in target


def test_install_keeps_changed_settings(tmp_path):
    install(tmp_path)
    settings = tmp_path / "etc" / "sagapipe" / "sagapipe.conf"
    settings.write_text("http = 127.0.0.1:1\n")
    result = install(tmp_path)
    assert settings.read_text() == "http = 127.0.0.1:1\n"
    assert f"kept {settings}" in result.stdout


def test_install_puts_everything_in_place(root):
    for name in START_ORDER:
        program = root / "usr/local/lib/sagapipe" / name
        assert os.access(program, os.X_OK)
    assert (root / "etc/sagapipe/seed.json").exists()
    assert (root / "usr/local/lib/sysusers.d/sagapipe.conf").exists()
    assert (root / "usr/local/lib/tmpfiles.d/sagapipe.conf").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="changes owners: needs root")
def test_stores_belong_to_their_process_alone(root, tmp_path):
    (tmp_path / "etc").mkdir()
    for tool, what in (("systemd-sysusers", []),
                       ("systemd-tmpfiles", ["--create"])):
        snippet = tool.removeprefix("systemd-") + ".d"
        subprocess.run(
            [tool, f"--root={tmp_path}", *what,
             root / "usr/local/lib" / snippet / "sagapipe.conf"],
            check=True, capture_output=True, timeout=60)
    users = {}
    for line in (tmp_path / "etc/passwd").read_text().splitlines():
        fields = line.split(":")
        users[fields[0]] = (int(fields[2]), int(fields[3]))
    home = tmp_path / "var/lib/sagapipe"
    group = {group for user, (_, group) in users.items()
             if user.startswith("sagapipe-")}
    assert len(group) == 1, "they share one group"
    for shared in (home, home / "run", home / "data"):
        assert mode_owner(shared) == (0o1770, 0, *group)
    for name in START_ORDER:
        assert mode_owner(home / "data" / name) == (
            0o700, users[f"sagapipe-{name}"][0], *group)


def mode_owner(path: pathlib.Path):
    status = path.stat()
    return stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid
