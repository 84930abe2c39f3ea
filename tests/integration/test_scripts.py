"""The scripts around the processes, tried with programs that stand in."""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess

import pytest

from pipeline import (START_ORDER, TREE, Pipeline, alive, clean_environment,
                      wait_for)

HERE = pathlib.Path(__file__).resolve().parent


@pytest.fixture(scope="session")
def standins(tmp_path_factory):
    """A directory with the four programs' names."""
    directory = tmp_path_factory.mktemp("standins")
    subprocess.run(["gcc", "-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra",
                    "-Werror", "-o", directory / "broker",
                    HERE / "standin.c"], check=True)
    for name in START_ORDER[1:]:
        shutil.copy(directory / "broker", directory / name)
    return directory


class Standins(Pipeline):
    """A pipeline of stand-ins; `tells` is what the environment tells them."""

    def __init__(self, programs):
        super().__init__(http="127.0.0.1:0")
        self.crashes_expected = True
        self.programs = programs
        self.tells = {}

    def environment(self):
        return {**super().environment(), "SAGA_BIN": str(self.programs),
                **{f"STANDIN_{name}": value
                   for name, value in self.tells.items()}}

    def running(self):
        return [name for name in START_ORDER
                if self.pid(name) and alive(self.pid(name))]

    def obituaries(self, name):
        """What supervisor.log says of NAME's ends: dictionaries."""
        return [dict(re.findall(r"(\w+)=(\S+)", line))
                for line in self.log("supervisor").splitlines()
                if f"event=died name={name} " in line]


def children(parent):
    found = []
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            words = stat.read_text().rsplit(")", 1)[1].split()
            if int(words[1]) == parent:
                found.append(int(stat.parent.name))
    return found


@pytest.fixture
def standin(standins):
    pipeline = Standins(standins)
    yield pipeline
    pipeline.close()


# --- start and stop ----------------------------------------------------------

def test_start_tells_url_and_how_to_try_it(standin):
    result = standin.script("start-all.sh")
    assert result.returncode == 0, result
    assert result.stderr == ""
    assert f"sagapipe is ready: {standin.url}\n" in result.stdout
    assert f"{standin.url}/orders" in result.stdout
    assert "stop-all.sh" in result.stdout
    assert standin.running() == list(START_ORDER)


def test_start_is_in_order(standin):
    standin.start()
    ready = re.findall(r"event=ready name=(\w+)", standin.log("supervisor"))
    assert ready[0] == "broker" and ready[-1] == "gateway"
    assert sorted(ready) == sorted(START_ORDER)


def test_start_again_names_the_supervisor(standin):
    standin.start()
    result = standin.script("start-all.sh")
    assert result.returncode == 100
    assert f"(supervisor pid {standin.pid('supervisor')})" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert standin.running() == list(START_ORDER)


def test_stop_stops_everything_in_order(standin):
    standin.start()
    pids = [standin.pid(name) for name in START_ORDER]
    result = standin.script("stop-all.sh")
    assert result.returncode == 0, result
    assert not any(alive(pid) for pid in pids)
    ends = re.findall(r"event=died name=(\w+)", standin.log("supervisor"))
    assert ends == ["gateway", "payment", "ledger", "broker"]


def test_stop_without_anything_running_says_so(standin):
    result = standin.script("stop-all.sh")
    assert result.returncode == 0
    assert "nothing runs" in result.stdout


def test_start_and_stop_refuse_unknown_words(standin):
    assert standin.script("start-all.sh", "--quickly").returncode == 100
    assert standin.script("stop-all.sh", "now").returncode == 100
    assert not standin.home.exists()


@pytest.mark.parametrize("code", ["100", "111", "120"])
@pytest.mark.parametrize("name", ["broker", "gateway"])
def test_start_fails_with_the_process_code(standin, name, code):
    standin.tells = {f"{name}_EXIT": code}
    result = standin.script("start-all.sh")
    assert result.returncode == int(code)
    assert f"{name} did not start (exit code {code})" in result.stderr
    assert f"{name}: cannot go on" in result.stderr
    assert standin.pid("supervisor") is None
    assert standin.running() == []
    attempts = 3 if code == "111" else 1
    assert len(standin.obituaries(name)) == attempts


@pytest.mark.parametrize("code", ["111", "120"])
@pytest.mark.parametrize("name", START_ORDER[1:])
def test_022_start_fails_if_the_broker_lets_one_not_in(standin, name, code):
    standin.tells = {f"{name}_SENT_AWAY": code}
    result = standin.script("start-all.sh")
    assert result.returncode == int(code)
    assert "is ready" not in result.stdout
    assert f"{name} did not start (exit code {code})" in result.stderr
    assert "event=pipeline_ready" not in standin.log("supervisor")
    assert standin.running() == []
    assert len(standin.obituaries(name)) == (3 if code == "111" else 1)


def test_105_joined_of_one_that_has_died_is_late(standin):
    """Regress: who tells of it is another shell than who tells of the end, and
    may be the slower one.  The pipeline was ready, with a gateway that was not
    there, and start-all.sh told its URL."""
    standin.tells = {"gateway_SENT_AWAY": "111", "ledger_MUTE": "1"}
    with subprocess.Popen([TREE / "scripts" / "start-all.sh"],
                          env=standin.environment(), text=True,
                          stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as start:
        wait_for(lambda: standin.pid("ledger"))
        (standin.home / "run" / "gateway.down").touch()
        supervisor = standin.pid("supervisor")
        with open(f"/proc/{supervisor}/fd/9", "wb", buffering=0) as happened:
            happened.write(b"ready ledger 1\njoined ledger 1\n")
            wait_for(lambda: standin.obituaries("gateway"))
            happened.write(b"joined gateway 1\n")
        os.kill(supervisor, signal.SIGTERM)  # it is told behind that
        stdout, _ = start.communicate(timeout=60)
    assert start.returncode == 111
    assert "is ready" not in stdout
    assert "event=pipeline_ready" not in standin.log("supervisor")


def test_start_shows_only_new_log_lines(standin):
    (standin.home / "log").mkdir(parents=True)
    (standin.home / "log" / "ledger.log").write_text("of yesterday\n")
    standin.tells = {"ledger_EXIT": "100"}
    result = standin.script("start-all.sh")
    assert "ledger: cannot go on" in result.stderr
    assert "of yesterday" not in result.stderr


def test_start_interrupted_stops_what_it_started(standin):
    standin.tells = {"ledger_MUTE": "1"}
    with subprocess.Popen([TREE / "scripts" / "start-all.sh"],
                          env=standin.environment(),
                          stderr=subprocess.PIPE) as start:
        wait_for(lambda: standin.pid("ledger"))
        start.send_signal(signal.SIGTERM)
        assert start.wait(30) == 111
    assert standin.pid("supervisor") is None
    assert standin.running() == []


def test_relative_home_is_the_callers(standin, tmp_path):
    environment = {**standin.environment(), "SAGAPIPE_HOME": "here"}
    standin.home = tmp_path / "here"
    result = subprocess.run([TREE / "scripts" / "start-all.sh"],
                            cwd=tmp_path, env=environment, timeout=60,
                            capture_output=True, text=True)
    assert result.returncode == 0, result
    assert standin.running() == list(START_ORDER)


def test_home_of_the_tree_is_told_with_its_real_path(standin, tmp_path):
    """Who starts it from elsewhere has no ./var of his own."""
    shutil.copytree(TREE / "scripts", tmp_path / "tree" / "scripts")
    environment = standin.environment()
    del environment["SAGAPIPE_HOME"]
    standin.home = tmp_path / "tree" / "var"

    def script(name):
        return subprocess.run(
            [tmp_path / "tree" / "scripts" / name], cwd=tmp_path, timeout=60,
            env=environment, capture_output=True, text=True)
    assert f"nothing runs for {standin.home}\n" in script("stop-all.sh").stdout
    try:
        result = script("start-all.sh")
        assert result.returncode == 0, result
        assert f"logs: {standin.home}/log " in result.stdout
        assert f"for {standin.home} (supervisor pid " in \
            script("start-all.sh").stderr
    finally:
        assert script("stop-all.sh").returncode == 0


def test_home_is_private_unless_its_mode_says_otherwise(standin):
    standin.start()
    modes = {path.name: path.stat().st_mode & 0o777
             for path in [standin.home, *standin.home.iterdir()]}
    assert modes == {"var": 0o700, "run": 0o700, "log": 0o700, "data": 0o700}


def test_foreground_stays_logs_and_drains(standin):
    standin.tells = {"payment_USR1": "111"}
    with subprocess.Popen(
            [TREE / "scripts" / "start-all.sh", "--foreground"],
            env=standin.environment(), stderr=subprocess.PIPE,
            text=True) as supervisor:
        for line in supervisor.stderr:
            if "event=pipeline_ready" in line:
                break
        assert standin.pid("supervisor") == supervisor.pid
        supervisor.send_signal(signal.SIGTERM)
        rest = supervisor.stderr.read()
        assert supervisor.wait(30) == 0
    assert "event=died name=broker" in rest
    assert standin.running() == []
    assert "event=pipeline_ready" in standin.log("supervisor")


def test_foreground_passes_the_processes_logs_on(standin):
    standin.tells = {"ledger_EXIT": "120"}
    result = standin.script("start-all.sh", "--foreground")
    assert result.returncode == 120
    assert "ledger: cannot go on" in result.stderr
    assert "ledger: cannot go on" in standin.log("ledger")


def test_big_log_is_rotated_at_start(standin):
    (standin.home / "log").mkdir(parents=True)
    log = standin.home / "log" / "payment.log"
    log.write_bytes(b"x" * (11 << 20))
    standin.start()
    assert (standin.home / "log" / "payment.log.old").stat().st_size == 11 << 20
    assert log.stat().st_size < 10000


# --- supervision -------------------------------------------------------------

def test_killed_process_is_restarted_with_growing_back_off(standin):
    standin.start()
    for _ in range(3):
        standin.restarted("payment", standin.kill("payment"))
    obituaries = standin.obituaries("payment")
    assert [(it["signal"], it["next"], it["after_ms"])
            for it in obituaries] == [("KILL", "restart", "100"),
                                      ("KILL", "restart", "200"),
                                      ("KILL", "restart", "400")]
    assert all(int(it["lived_ms"]) >= 0 for it in obituaries)


@pytest.mark.parametrize("code", ["0", "1", "111"])
def test_other_exit_codes_are_restarted(standin, code):
    standin.tells = {"ledger_USR1": code}
    standin.start()
    standin.restarted("ledger", standin.kill("ledger", signal.SIGUSR1))
    assert standin.obituaries("ledger")[0]["exit"] == code


@pytest.mark.parametrize("code", ["100", "120"])
def test_final_exit_codes_are_not_restarted(standin, code):
    standin.tells = {"ledger_USR1": code}
    standin.start()
    standin.kill("ledger", signal.SIGUSR1)
    obituary = wait_for(lambda: standin.obituaries("ledger"))[0]
    assert obituary["exit"] == code and obituary["next"] == "none"
    assert obituary["level"] == "error"
    standin.restarted("payment", standin.kill("payment"))
    assert "ledger" not in standin.running()


def test_supervisor_ends_when_nothing_is_left_to_watch(standin):
    standin.tells = {f"{name}_USR1": "120" for name in START_ORDER}
    standin.start()
    for name in START_ORDER:
        standin.kill(name, signal.SIGUSR1)
    wait_for(lambda: "event=stopped exit=120" in standin.log("supervisor"))


def test_process_that_does_not_stop_is_killed(standin):
    standin.knobs["drain"] = "0s"
    standin.tells = {"payment_DEAF": "1"}
    standin.start()
    standin.stop()
    assert standin.running() == []
    assert standin.obituaries("payment")[0]["signal"] == "KILL"
    assert "event=kill name=payment" in standin.log("supervisor")


def test_second_stop_reaches_the_one_that_is_waited_for(standin):
    """It is passed on: the real processes then end at once."""
    standin.tells = {"gateway_DEAF": "1", "gateway_USR1": "0"}
    standin.start()
    supervisor = standin.pid("supervisor")
    os.kill(supervisor, signal.SIGTERM)
    wait_for(lambda: "event=stopping" in standin.log("supervisor"))
    os.kill(supervisor, signal.SIGTERM)
    standin.kill("gateway", signal.SIGUSR1)
    wait_for(lambda: not alive(supervisor))
    assert standin.log("supervisor").count("event=stopping") == 1


def test_down_file_keeps_a_process_down_until_told(standin):
    standin.start()
    down = standin.home / "run" / "broker.down"
    down.touch()
    old = standin.kill("broker", signal.SIGTERM)
    obituary = wait_for(lambda: standin.obituaries("broker"))[0]
    assert obituary["why"] == "down_file"
    down.unlink()
    standin.kill("supervisor", signal.SIGHUP)
    standin.restarted("broker", old)


def test_007_started_under_nohup_hears_sighup(standin):
    """Regress: a shell can't trap a signal that was ignored when it began."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        test_down_file_keeps_a_process_down_until_told(standin)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_stop_during_back_off_does_not_wait(standin):
    standin.start()
    for _ in range(3):
        standin.restarted("broker", standin.kill("broker"))
    standin.kill("broker")
    standin.stop()
    assert standin.running() == []


# --- orphans -----------------------------------------------------------------

def test_start_stops_orphans_of_a_killed_supervisor(standin):
    standin.start()
    orphans = {name: standin.pid(name) for name in START_ORDER}
    standin.kill("supervisor")
    result = standin.script("start-all.sh")
    assert result.returncode == 0, result
    assert "left behind" in result.stdout
    assert not any(alive(pid) for pid in orphans.values())
    assert standin.running() == list(START_ORDER)


def test_stop_stops_orphans_of_a_killed_supervisor(standin):
    standin.start()
    standin.kill("supervisor")
    assert standin.script("stop-all.sh").returncode == 0
    assert standin.running() == []


def test_pid_file_of_another_program_is_not_believed(standin):
    """A pid in an old file may be anybody's by now."""
    standin.start()
    standin.stop()
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as somebody:
        for directory in ("run/payment.pid", "data/payment/lock",
                          "run/supervisor.pid"):
            (standin.home / directory).write_text(f"{somebody.pid}\n")
        standin.start()
        assert somebody.poll() is None
        standin.stop()
        assert somebody.poll() is None
        somebody.stdin.close()


def test_108_processes_of_a_supervisor_that_has_just_begun(standin, tmp_path):
    """Regress: a start that had looked for a supervisor before there was one
    took the processes of a second start for orphans, and stopped them."""
    standin.start()
    standin.stop()
    os.mkfifo(tmp_path / "goes_on")
    flock = tmp_path / "flock"
    flock.write_text('#!/bin/bash\n[[ "$*" != *gateway/lock* ]] || '
                     '{ touch "$0.reached" && '
                     f"read -r <{tmp_path}/goes_on; }}\n"
                     f'exec {shutil.which("flock")} "$@"\n')
    flock.chmod(0o755)
    with subprocess.Popen(
            [TREE / "scripts" / "start-all.sh"], text=True,
            env={**standin.environment(),
                 "PATH": f"{tmp_path}:{os.environ['PATH']}"},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE) as first:
        wait_for((tmp_path / "flock.reached").exists)
        standin.start()
        flock.unlink()
        (tmp_path / "goes_on").write_text("\n")
        stdout, stderr = first.communicate(timeout=60)
    assert (first.returncode, stdout) == (100, "")
    assert "is held by another process" in stderr
    assert standin.running() == list(START_ORDER)
    assert "event=died" not in standin.log("supervisor").rsplit(
        "event=starting", 1)[1]


def test_040_watcher_that_is_killed_before_the_pid_is_told(standin):
    """Regress: another was started beside it, met its lock, and was given up."""
    standin.start()
    supervisor, old = standin.pid("supervisor"), standin.pid("payment")
    others = children(supervisor)
    log = standin.home / "log" / "payment.log"
    log.unlink()
    os.mkfifo(log)  # who begins waits for its reader
    try:
        standin.kill("payment")

        def lost():
            for child in children(supervisor):
                if child not in others and children(child):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(child, signal.SIGKILL)
            return "event=lost name=payment pid=none" in \
                standin.log("supervisor")
        wait_for(lost)
        with open(os.open(log, os.O_RDONLY | os.O_NONBLOCK), "rb"):
            standin.restarted("payment", old)
            standin.stop()
    finally:
        log.unlink()
    assert standin.running() == []
    assert "why=exit_code" not in standin.log("supervisor")


def test_106_stop_waits_for_the_pid_of_one_that_begins(standin, tmp_path):
    """Regress: the supervisor has its lock before it has written its pid, and
    the file of one that was killed may name anybody by now.  stop-all.sh ended
    that one, and not the pipeline."""
    os.mkfifo(tmp_path / "goes_on")
    for name, then in (
            ("flock", '[[ ${!#} != 8 ]] || { touch "$0.held" && '
                      f"read -r <{tmp_path}/goes_on; }}"),
            ("cat", '[[ $1 != *supervisor.pid ]] || touch "$0.read"')):
        (tmp_path / name).write_text(
            f'#!/bin/bash\n{shutil.which(name)} "$@" || exit\n{then}\n')
        (tmp_path / name).chmod(0o755)
    environment = {**standin.environment(),
                   "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    (standin.home / "run").mkdir(parents=True)
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as somebody:
        (standin.home / "run" / "supervisor.pid").write_text(
            f"{somebody.pid}\n")
        with subprocess.Popen([TREE / "scripts" / "start-all.sh"],
                              env=environment) as start:
            wait_for((tmp_path / "flock.held").exists)
            with subprocess.Popen([TREE / "scripts" / "stop-all.sh"],
                                  env=environment, text=True,
                                  stdout=subprocess.PIPE) as stop:
                wait_for((tmp_path / "cat.read").exists)
                (tmp_path / "goes_on").write_text("\n")
                assert stop.communicate(timeout=60)[0] == "stop-all: stopped\n"
        assert somebody.poll() is None
        somebody.stdin.close()
    assert standin.running() == []


# --- setup, unit tests, tidy -------------------------------------------------

def test_setup_with_nothing_missing_is_silent():
    result = subprocess.run([TREE / "scripts" / "setup.sh", "--with-tests"],
                            capture_output=True, text=True, timeout=60)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_setup_elsewhere_lists_what_it_needs(tmp_path):
    for tool in ("bash", "dirname", "basename", "awk", "sed", "sort", "env"):
        (tmp_path / tool).symlink_to(shutil.which(tool))
    result = subprocess.run(
        [TREE / "scripts" / "setup.sh"], capture_output=True, text=True,
        env=clean_environment(PATH=str(tmp_path)), timeout=60)
    assert result.returncode == 100
    assert "libzmq3-dev" in result.stderr
    assert "no Debian" in result.stderr


@pytest.mark.parametrize("user, sudo", [("0", ""), ("1000", "sudo ")])
def test_setup_installs_only_what_is_missing(tmp_path, user, sudo):
    """With tools that only write down what they are asked to do."""
    calls = tmp_path / "calls"
    tools = {
        "dpkg-query": 'for word; do case $word in -*|libczmq-dev) ;; '
                      '*) echo "installed $word";; esac; done',
        "apt-get": f'echo "apt-get $*" >>{calls}',
        "sudo": f'printf "sudo " >>{calls}; "$@"',
        "id": f"echo {user}",
    }
    for name, body in tools.items():
        (tmp_path / name).write_text(f"#!/bin/bash\n{body}\n")
        (tmp_path / name).chmod(0o755)
    result = subprocess.run(
        [TREE / "scripts" / "setup.sh"], capture_output=True, text=True,
        env=clean_environment(PATH=f"{tmp_path}:{os.environ['PATH']}"),
        timeout=60)
    assert result.returncode == 0, result
    assert "libczmq-dev" in result.stdout
    assert calls.read_text().splitlines() == [
        f"{sudo}apt-get update -q -q",
        f"{sudo}apt-get install -q -q -y --no-install-recommends libczmq-dev"]


def test_setup_with_docs_installs_what_the_lock_file_names(tmp_path):
    """npm is asked once, and again when the lock file has changed."""
    shutil.copytree(TREE / "scripts", tmp_path / "scripts")
    swagger = tmp_path / "docs" / "swagger"
    swagger.mkdir(parents=True)
    lock = swagger / "package-lock.json"
    shutil.copy(TREE / "docs" / "swagger" / "package-lock.json", lock)
    (tmp_path / "bin").mkdir()
    tools = {
        "dpkg-query": 'for word; do echo "installed $word"; done',
        "npm": 'echo "npm $*" >>calls; mkdir -p "$2/node_modules"; '
               'echo added; [[ -z ${NPM_EXIT-} ]] || echo why >&2; '
               'exit "${NPM_EXIT:-0}"',
    }
    for name, body in tools.items():
        (tmp_path / "bin" / name).write_text(f"#!/bin/bash\n{body}\n")
        (tmp_path / "bin" / name).chmod(0o755)

    def setup(**variables):
        return subprocess.run(
            [tmp_path / "scripts" / "setup.sh", "--with-docs"],
            capture_output=True, text=True, timeout=60, env=clean_environment(
                PATH=f"{tmp_path}/bin:{os.environ['PATH']}", **variables))
    result = setup(NPM_EXIT="1")
    assert result.returncode == 100
    assert "why\nsetup: npm could not" in result.stderr
    assert "added" not in result.stdout
    result = setup()
    assert (result.returncode, result.stderr) == (0, "")
    assert "docs/swagger/package.json" in result.stdout
    result = setup()
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    lock.write_text(lock.read_text() + "\n")
    assert setup().returncode == 0
    assert (tmp_path / "calls").read_text().splitlines() == 3 * [
        "npm --prefix docs/swagger ci --ignore-scripts --no-audit --no-fund "
        "--loglevel=error"]


def test_unit_runner_counts_and_shows_failures(tmp_path):
    failing = tmp_path / "test_bad"
    failing.write_text("#!/bin/sh\necho it broke\nexit 3\n")
    failing.chmod(0o755)
    runner = TREE / "scripts" / "run-unit-tests.sh"
    result = subprocess.run([runner, "/bin/true", failing],
                            capture_output=True, text=True, timeout=60)
    assert result.returncode == 1
    assert result.stdout.splitlines() == [
        "FAILED test_bad", "it broke", "exit code 3",
        "unit: 1 passed, 1 failed"]
    assert subprocess.run([runner], capture_output=True,
                          timeout=60).returncode == 1


PLANTED = [
    ("src/saga/money.c", "#include <stdio.h>", "core files are pure"),
    ("src/saga/money.h", '#include "saga/store.h"', "core files are pure"),
    ("src/saga/outbox.c", "#include <db.h>", "only store_db.h includes"),
    ("src/payment/payment.c", "#include <microhttpd.h>", "microhttpd"),
    ("src/payment/payment.c", '#include "ledger/ledger.h"',
     "processes do not include each other"),
    ("src/saga/outbox.c", '#include "payment/payment.h"',
     "src/saga never includes headers of a process"),
    ("src/saga/outbox.c", "static int i(char *s) { return atoi(s); }",
     "banned call"),
    ("src/saga/outbox.c", "static double share;", "no floating point"),
    ("src/saga/outbox.c", "/* TO" + "DO: all of it */", "leftover"),
    ("tests/unit/test_money.c", "static void z(void) { usle" + "ep(1); }",
     "nothing sleeps"),
    ("src/saga/outbox.c", "/* " + "x" * 80 + " */", "80 columns"),
    ("src/saga/outbox.c", "\tint tab;", "no tabs"),
    ("src/saga/outbox.c", "int blank; ", "no trailing blanks"),
    ("src/saga/outbox.c", "static void long_one(void)\n{\n" + ";\n" * 70 +
     "}", "a function has at most"),
    ("src/saga/topic.c", "\n" * 500, "a file has at most"),
]


@pytest.fixture(scope="module")
def planted_tree(tmp_path_factory):
    """A copy of the tree with every violation at once, and tidy's output."""
    tree = tmp_path_factory.mktemp("tidy")
    for name in ("src", "tests", "bench", "scripts"):
        shutil.copytree(TREE / name, tree / name,
                        ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(TREE / "Makefile", tree)
    for path, text, _ in PLANTED:
        with open(tree / path, "a", encoding="utf-8") as file:
            file.write(text + "\n")
    result = subprocess.run(["make", "tidy"], cwd=tree, text=True,
                            capture_output=True, timeout=60)
    assert result.returncode != 0
    return result.stdout


@pytest.mark.parametrize("path, text, rule", PLANTED,
                         ids=[rule.replace(" ", "_")
                              for _, _, rule in PLANTED])
def test_tidy_finds(planted_tree, path, text, rule):
    assert re.search(rf"^{re.escape(path)}:\d+: .*{re.escape(rule)}",
                     planted_tree, re.MULTILINE), planted_tree


# What building and testing leaves behind; setup.sh's, and a pipeline's home.
MADE = ["bin/broker", "build/src/x.o", "build-asan/bin/broker",
        "build-fuzz/fuzz_codec", "build-fault/x.o", "build-gcov/x.gcno",
        "build-tsan/x.o", ".pytest_cache/x", "bench/__pycache__/x.pyc",
        "scripts/__pycache__/x.pyc", "tests/support/__pycache__/x.pyc"]
KEPT = ["docs/swagger/node_modules/x/bin/x", "var/data/ledger/journal",
        "tests/browser/node_modules/x/__pycache__/x.pyc"]


def test_clean_leaves_what_was_cloned(tmp_path):
    (tmp_path / "Makefile").write_text((TREE / "Makefile").read_text())
    for name in ["src/saga/money.c", "tests/sim/bugs.sh", *MADE, *KEPT]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    subprocess.run(["make", "-s", "clean"], cwd=tmp_path, check=True,
                   timeout=60)
    assert {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")
            if path.is_file()} == {
        "Makefile", "src/saga/money.c", "tests/sim/bugs.sh", *KEPT}
