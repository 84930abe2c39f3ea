"""023: a script did its work whatever it was given.

install.sh looked at no argument: `install.sh --help` installed.  Each script
that a person runs tells what it is for --help and -h, and refuses what it does
not know before it does anything; those that only our own call refuse, too.
Here they can do no harm: what they would write goes below tmp_path.
"""

import re
import subprocess

import pytest

from pipeline import BIN, TREE, clean_environment

SCRIPTS = TREE / "scripts"
USAGE = {
    "start-all.sh": "[--foreground]",
    "stop-all.sh": "",
    "setup.sh": "[--with-tests] [--with-bench] [--with-docs]",
    "install.sh": "",
    "make-token.sh": "customer|operator NAME FILE",
    "test-all.sh": "[--long]",
    "fuzz.sh": "[--keep] SECONDS [TARGET...]",
    "check-sanitizer.sh": "tsan|valgrind",
}
INTERNAL = {
    "../tests/model/run.sh": ["--help"],
    "../tests/sim/run.sh": ["--help"],
    "../tests/sim/bugs.sh": ["--help"],
    "embed-web.sh": ["--help"],
    "run-unit-tests.sh": ["--help"],
    "tidy.sh": ["--help"],
    "refusal-coverage.py": ["--help"],
    "supervise.sh": ["--help", "a", "b"],
}


def run(tmp_path, name, *arguments):
    return subprocess.run(
        [SCRIPTS / name, *arguments], cwd=tmp_path, capture_output=True,
        text=True, timeout=60, stdin=subprocess.DEVNULL,
        env=clean_environment(SAGAPIPE_HOME=str(tmp_path / "home"),
                              SAGA_BIN=str(BIN), BIN=str(BIN), CORE="none",
                              DESTDIR=str(tmp_path / "root")))


@pytest.mark.parametrize("flag", ["--help", "-h"])
@pytest.mark.parametrize("name", USAGE)
def test_023_help_tells_and_does_nothing(tmp_path, name, flag):
    result = run(tmp_path, name, flag)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith(f"{name} {USAGE[name]}".strip() + " - ")
    assert "#" not in result.stdout and "set -" not in result.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", USAGE)
def test_023_unknown_argument_is_refused(tmp_path, name):
    result = run(tmp_path, name, "--quickly")
    assert (result.returncode, result.stdout) == (100, "")
    usage = f"usage: {name} {USAGE[name]}".strip()
    assert result.stderr == f"{name.removesuffix('.sh')}: {usage}\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", INTERNAL)
def test_023_internal_script_refuses_what_it_does_not_know(tmp_path, name):
    result = run(tmp_path, name, *INTERNAL[name])
    assert (result.returncode, result.stdout) == (100, "")
    assert re.search("usage: |use start-all.sh", result.stderr)
    assert len(result.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []
    assert not (TREE / "--help").exists()
