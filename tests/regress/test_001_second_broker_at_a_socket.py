"""001: a broker took the ipc socket of a broker that was alive.

libzmq removes a socket's file before it binds.  So a second broker, on a store
of its own (a restored copy, say) but with the same `bus`, became the one that
participants found when they connected again, while the first went on for those
that were connected.  Now it refuses, as it does for a TCP port.
"""

import subprocess

import pytest

from pipeline import BIN, TREE, clean_environment

EXIT_USAGE = 100


@pytest.mark.parametrize("knob", ["bus", "tap"])
def test_001_second_broker_at_a_socket_refuses(make_pipeline, tmp_path, knob):
    pipeline = make_pipeline(supervised=False)
    pipeline.start_process("broker")
    file = "broker.ipc" if knob == "bus" else "tap.ipc"
    second = subprocess.run(
        [BIN / "broker", "--home", tmp_path / "var", f"--{knob}",
         f"ipc://{pipeline.home}/run/{file}"],
        cwd=TREE, env=clean_environment(), text=True, timeout=30,
        capture_output=True)
    assert second.returncode == EXIT_USAGE, second
    assert f"{knob}: cannot bind" in second.stderr
    assert (pipeline.home / "run" / file).is_socket()
    for name in ("payment", "ledger", "gateway"):
        pipeline.start_process(name)
    assert pipeline.ended(pipeline.order(5, 1))["status"] == "ORDER_COMPLETED"


def test_001_socket_of_a_killed_broker_is_taken_over(make_pipeline):
    pipeline = make_pipeline(supervised=False).start()
    pipeline.kill("broker")
    assert (pipeline.home / "run" / "broker.ipc").is_socket()
    pipeline.start_process("broker")
    assert pipeline.ended(pipeline.order(5, 1))["status"] == "ORDER_COMPLETED"
