"""The systemd units, installed into a directory and checked there."""

import os
import pathlib
import re
import shutil
import stat
import subprocess

import pytest

from pipeline import BIN, START_ORDER, TREE, clean_environment

PREFIX = "/usr/local"
UNITS = [f"sagapipe-{name}.service" for name in START_ORDER]


def install(root, prefix=PREFIX):
    return subprocess.run(
        [TREE / "scripts" / "install.sh"], check=True, text=True, timeout=60,
        capture_output=True, env=clean_environment(
            DESTDIR=str(root), PREFIX=prefix, BIN=str(BIN)))


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


ANALYZE = TREE / "scripts" / "analyze-units.sh"


def verify(units, *analyze):
    return subprocess.run(
        [*(analyze or [ANALYZE]), "verify", "--man=no",
         "--recursive-errors=yes", *sorted(units.iterdir())],
        capture_output=True, text=True, timeout=60)


def test_units_verify_without_a_word(units):
    result = verify(units)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_units_verify_would_notice(units):
    """A check that finds nothing must be able to find something."""
    unit = units / "sagapipe-ledger.service"
    unit.write_text(unit.read_text().replace("WatchdogSec=", "WatchDogSec="))
    assert verify(units).stderr != ""


# A machine that systemd has not booted, and a user who may not make /run/systemd
# there: root of a namespace, but without what root may.
NOT_BOOTED = ["unshare", "--user", "--map-root-user", "--mount", "bash", "-c",
              'mount -t tmpfs -o mode=555 tmpfs /run && '
              'exec setpriv --bounding-set=-all "$@"', "bash"]


@pytest.mark.skipif(
    subprocess.run([*NOT_BOOTED, "true"], capture_output=True).returncode != 0,
    reason="needs a user namespace")
def test_units_verify_where_systemd_is_not_booted(units):
    assert "/run/systemd" in verify(units, *NOT_BOOTED,
                                    "systemd-analyze").stderr
    result = verify(units, *NOT_BOOTED, ANALYZE)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    unit = units / "sagapipe-ledger.service"
    unit.write_text(unit.read_text().replace("WatchdogSec=", "WatchDogSec="))
    assert "WatchDogSec" in verify(units, *NOT_BOOTED, ANALYZE).stderr


@pytest.mark.parametrize("unit", UNITS)
def test_units_are_hardened(units, unit):
    result = subprocess.run(
        [ANALYZE, "security", "--offline=yes", "--threshold=20",
         units / unit], capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("unit", UNITS)
def test_units_keep_the_contract(units, unit):
    text = (units / unit).read_text()
    name = unit.removeprefix("sagapipe-").removesuffix(".service")
    for line in ("Type=notify", "Restart=on-failure", "PartOf=sagapipe.target",
                 "RestartPreventExitStatus=100 120", "UMask=0007",
                 "StartLimitIntervalSec=0", "RestartSec=1s",
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


def test_063_install_tells_how_to_run_what_was_installed(tmp_path):
    """It told `enable --now`, which leaves what runs already at its old
    programs: nothing was upgraded, and nothing said so."""
    told = install(tmp_path).stdout.split("next, as root:\n")[1].splitlines()
    assert [line.strip() for line in told] == [
        "systemd-sysusers && systemd-tmpfiles --create sagapipe.conf",
        "systemctl daemon-reload && systemctl enable sagapipe.target",
        "systemctl restart sagapipe.target"]


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


BOOT = """\
#!/bin/bash
# Inside the container: the units as systemd runs them.  Each step is a line.
exec >/out/said 2>&1
units=(sagapipe-{broker,payment,ledger,gateway}.service)
home=/var/lib/sagapipe sagactl=/opt/bin/sagactl
until_true() {
    local end=$((SECONDS + 30))
    until "$@"; do ((SECONDS < end)) || return 1; done
}
restarts() { systemctl show -p NRestarts --value "${units[@]}"; }
all_restarted() {
    [[ $(restarts | grep -c '^1$') == 4 ]] &&
        curl -s $url/readyz | grep -q ready
}
completed() { curl -s "$url/orders/$1" | grep -q ORDER_COMPLETED; }
# Each process is another user: the group's doors let the gateway in.
doors() { [[ $(curl -s $url/parked) == '[]' ]]; }
counted() {
    [[ $(curl -s $url/status | grep -o '"restarts":1,' | wc -l) == 4 ]]
}
systemctl start sagapipe.target && echo started
url=$(cat $home/run/gateway.url)
curl -s --json '{"userId":1,"productId":1}' $url/orders
until_true completed 1 && echo completed
for name in broker payment ledger gateway; do
    kill -9 "$(cat $home/run/$name.pid)"
done
until_true all_restarted && echo restarted
curl -s --json '{"userId":2,"productId":1}' $url/orders
until_true completed 2 && echo again
restarts | grep -c '^1$'
until_true doors && echo doors
until_true counted && echo counted
stat -c '%a %U %G' $home/run/broker.ipc
# Copies are written by all four, into what root makes.
$sagactl --home $home verify >/dev/null && echo verified
$sagactl --home $home backup $home/backup >/dev/null &&
    $sagactl --home $home verify --copy $home/backup >/dev/null && echo copied
systemctl stop "${units[@]}" && echo stopped
systemctl show -p Result --value "${units[@]}" | grep -c success
# Root opens their stores, then puts the copies in their place.
$sagactl --home $home verify --offline >/dev/null && echo verified
mkdir $home/before && mv $home/data/* $home/before
$sagactl --home $home restore $home/backup 2>/dev/null
echo $?
systemd-tmpfiles --create sagapipe.conf
$sagactl --home $home restore $home/backup >/dev/null && echo restored
systemctl start sagapipe.target && echo started
completed 2 && echo there
curl -s --json '{"userId":3,"productId":1}' $url/orders
until_true completed 3 && echo completed
stat -c '%a %U' $home/data/{broker,gateway} $home/data/ledger/log_mark
systemctl stop "${units[@]}" && echo stopped
systemctl exit 0 || kill -s RTMIN+4 1
"""


@pytest.mark.long
@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("systemd-nspawn"),
                    reason="needs root and systemd-nspawn (systemd-container)")
def test_units_boot(tmp_path):
    """This machine's own /usr, booted as a container with our units."""
    root, said = tmp_path / "root", tmp_path / "out" / "said"
    install(root, "/opt")
    said.parent.mkdir()
    (tmp_path / "boot").write_text(BOOT)
    (tmp_path / "boot").chmod(0o755)
    (tmp_path / "boot.service").write_text(
        "[Unit]\nAfter=systemd-sysusers.service "
        "systemd-tmpfiles-setup.service\n"
        "[Service]\nType=oneshot\nExecStart=/opt/boot\n")
    binds = {root / "opt/lib/sagapipe": "/opt/lib/sagapipe",
             root / "opt/bin/sagactl": "/opt/bin/sagactl",
             root / "etc/sagapipe": "/etc/sagapipe",
             root / "opt/lib/sysusers.d/sagapipe.conf":
                 "/etc/sysusers.d/sagapipe.conf",
             root / "opt/lib/tmpfiles.d/sagapipe.conf":
                 "/etc/tmpfiles.d/sagapipe.conf",
             tmp_path / "boot": "/opt/boot",
             tmp_path / "boot.service": "/etc/systemd/system/boot.service"}
    for unit in (root / "opt/lib/systemd/system").iterdir():
        binds[unit] = f"/etc/systemd/system/{unit.name}"
    subprocess.run(
        ["systemd-nspawn", "--register=no", "--keep-unit", "--volatile=yes",
         "-D", "/", "--console=pipe", f"--bind={said.parent}:/out",
         *(f"--bind-ro={here}:{there}" for here, there in binds.items()),
         "--boot", "systemd.wants=boot.service"],
        stdin=subprocess.DEVNULL, capture_output=True, timeout=180)
    lines = said.read_text().splitlines()
    words = [line for line in lines if not line.startswith("{")]
    assert words == ["started", "completed", "restarted", "again", "4",
                     "doors", "counted",
                     "770 sagapipe-broker sagapipe", "verified", "copied",
                     "stopped", "4", "verified", "100", "restored", "started",
                     "there", "completed", "700 sagapipe-broker",
                     "700 sagapipe-gateway", "600 sagapipe-ledger",
                     "stopped"], lines


def mode_owner(path: pathlib.Path):
    status = path.stat()
    return stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid
