"""024: `sagactl -h` was no option, and `sagactl order --help` told of all.

-h is --help wherever it stands, and a group of commands tells of its own.
"""

import subprocess

import pytest

from pipeline import BIN, clean_environment


def sagactl(*words):
    return subprocess.run([BIN / "sagactl", *words], capture_output=True,
                          text=True, timeout=60, env=clean_environment())


def good(*words):
    result = sagactl(*words)
    assert (result.returncode, result.stderr) == (0, ""), result
    return result.stdout


@pytest.mark.parametrize("words", [[], ["order"], ["order", "place"], ["topics"],
                                   ["tail", "--from", "-5"]])
def test_024_h_is_help(words):
    assert good(*words, "-h") == good(*words, "--help") == \
        good("-h", *words) != ""


@pytest.mark.parametrize("group", ["order", "user", "product", "parked"])
def test_024_group_tells_of_its_own(group):
    told = good(group, "--help")
    assert told == good("help", group)
    assert all(line.startswith((f"  {group} ", "     "))
               for line in told.splitlines())
    assert good(group, "--help", "--json") == good("help", group, "--json")


def test_024_what_is_no_command_is_refused_with_help_too():
    result = sagactl("nonsense", "-h")
    assert result.returncode == 100
    assert 'no such command: "nonsense"' in result.stderr
    assert sagactl("order", "-x").returncode == 100
