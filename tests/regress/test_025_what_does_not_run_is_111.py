"""025: what does not run had two exit codes.

At a home whose pipeline was stopped `topics` and `tail` ended with 111, and
`verify`, `backup`, `parked`, and all that ask the gateway with 100.  The rule:
100 is a home that is no pipeline's, 111 a process that does not run there or
does not answer.
"""

import subprocess

import pytest

from pipeline import BIN, Pipeline, clean_environment

ASK_GATEWAY = ["order list", "order place 1 1", "order watch", "order show 1",
               "user list", "product list", "bench --seconds 1"]
ASK_OTHERS = ["topics", "tail orders", "verify", "backup {tmp}/copy",
              "parked list", "parked list ledger", "parked show payment 1",
              "parked redrive gateway all", "parked list my-filter"]


@pytest.fixture(scope="module", name="stopped")
def _stopped():
    with Pipeline() as pipeline:
        pipeline.stop()
        yield pipeline.home


def sagactl(home, command, tmp, **variables):
    result = subprocess.run(
        [BIN / "sagactl", "--home", home, *command.format(tmp=tmp).split()],
        capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL,
        env=clean_environment(**variables))
    assert result.stdout == "" and result.stderr.startswith("sagactl: ")
    assert list(tmp.iterdir()) == []
    return result


@pytest.mark.parametrize("command", ASK_GATEWAY + ASK_OTHERS)
def test_025_stopped_pipeline_is_111(stopped, tmp_path, command):
    result = sagactl(stopped, command, tmp_path)
    assert result.returncode == 111, result
    # A list of all tells of each.
    assert result.stderr.count("\n") == (3 if command == "parked list" else 1)


@pytest.mark.parametrize("command", ASK_GATEWAY + ASK_OTHERS +
                         ["status", "top"])
@pytest.mark.parametrize("home", ["/nowhere", "/etc"])
def test_025_home_of_no_pipeline_is_100(tmp_path, home, command):
    result = sagactl(home, command, tmp_path)
    assert result.returncode == 100, result
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith(f"sagactl: {home} is no pipeline's home: ")


def test_025_named_broker_and_gateway_need_no_home(tmp_path):
    for command, variables in (
            ("topics", {"SAGAPIPE_BUS": "ipc:///nowhere/broker.ipc"}),
            ("order list", {"SAGAPIPE_URL": "http://127.0.0.1:1"})):
        result = sagactl("/nowhere", command, tmp_path, **variables)
        assert result.returncode == 111, result
