"""092: `sagactl parked show|redrive|drop PROCESS x` was no wrong use.

What is no number was sent to the process, which refused it: exit status 1,
"it is not as it should be", and 111 while the process was down.  And the
message did not say how the command goes.
"""

import subprocess

import pytest

from pipeline import BIN, WAIT_LIMIT_S, clean_environment

COMMANDS = ["show ledger x", "show ledger all", "redrive ledger x",
            "redrive ledger 0", "redrive ledger ALL", "drop ledger all",
            "drop ledger 99999999999999999999"]


@pytest.mark.parametrize("command", COMMANDS)
def test_092_number_that_is_none_is_wrong_use(tmp_path, command):
    (tmp_path / "data").mkdir()
    verb, process, number = command.split()
    result = subprocess.run(
        [BIN / "sagactl", "--home", tmp_path, "parked", verb, process, number],
        capture_output=True, text=True, timeout=WAIT_LIMIT_S,
        env=clean_environment())
    assert (result.returncode, result.stdout) == (100, ""), result
    assert result.stderr.startswith(f"sagactl: usage: sagactl parked {verb} ")
    assert "NUMBER is a number from 1 to " in result.stderr
    assert f"not \"{number}\"" in result.stderr
