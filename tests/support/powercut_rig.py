"""A pipeline over a disk that forgets what was not synced.

The library under each process is build/tests/libpowercut.so (`make preload`),
or SAGA_LIBPOWERCUT; tests/preload/powercut.c says what it models.
"""

import os
import pathlib
import re
import signal
import subprocess

import pytest

from pipeline import BIN, START_ORDER, STOP_LIMIT_S, TREE, Pipeline

# Of 100 starts, in how many one process loses its power on the way.
START_CUTS_PERCENT = 25
START_CHANGES_MAX = 400
CUT_LINE = re.compile(r"^powercut: (\w+) units_lost=(\d+) units_kept=(\d+) "
                      r"ops_lost=(\d+) ops_kept=(\d+)$", re.MULTILINE)


def preload_library(name):
    """The path of lib NAME.so; the test ends here where it can't be used."""
    path = pathlib.Path(os.environ.get(
        f"SAGA_LIB{name.upper()}", TREE / "build" / "tests" / f"lib{name}.so"))
    if not path.exists():
        pytest.fail(f"{path} is not built: make preload")
    if b"libasan.so" in (BIN / "broker").read_bytes():
        pytest.skip("an address sanitizer wants to be the first library")
    return path.resolve()


class PowercutPipeline(Pipeline):
    """Unsupervised; small caches, logs and segments, so that much happens."""

    def __init__(self, chance, **variables):
        super().__init__(supervised=False, cache="1m", checkpoint="1m",
                         checkpoint_time="1s", segment="64k", disk_floor=0)
        self.library = preload_library("powercut")
        self.chance = chance
        self.variables = {name: str(value)
                          for name, value in variables.items()}
        self.cuts = self.start_cuts = 0
        self.graves = self.directory / "graves"
        self.graves.mkdir()

    def environment(self):
        return {**super().environment(), "LD_PRELOAD": str(self.library),
                "POWERCUT_DIR": str(self.home / "data"),
                "POWERCUT_GRAVES": str(self.graves),
                "POWERCUT_SEED": str(self.chance.getrandbits(40)),
                **self.variables}

    def cut(self):
        """The power goes, for all that run."""
        for child in self.children.values():
            child.send_signal(signal.SIGUSR2)
        for name, child in self.children.items():
            code = child.wait(STOP_LIMIT_S)
            assert code == -signal.SIGKILL, f"{name} ended with {code}"
        self.children.clear()
        self.cuts += 1

    def start(self):
        """As ever, but one process may lose its power on the way."""
        unlucky = None
        if self.chance.randrange(100) < START_CUTS_PERCENT:
            unlucky = self.chance.choice(START_ORDER)
        for name in START_ORDER:
            if name == unlucky:
                self.start_and_cut(name)
            self.start_process(name)
        return self

    def start_and_cut(self, name):
        """Small numbers of changes are as likely as big ones."""
        after = int(START_CHANGES_MAX ** self.chance.random())
        self.variables["POWERCUT_AFTER"] = str(after)
        try:
            self.start_process(name)
        except RuntimeError:
            code = self.children.pop(name).wait(STOP_LIMIT_S)
            assert code == -signal.SIGKILL, \
                f"{name} ended with {code}\n{self.log(name)[-2000:]}"
        else:
            child = self.children.pop(name)
            child.send_signal(signal.SIGUSR2)
            assert child.wait(STOP_LIMIT_S) == -signal.SIGKILL
        finally:
            del self.variables["POWERCUT_AFTER"]
        self.start_cuts += 1

    def verify(self):
        """`sagactl verify`, where it is built: it must find nothing."""
        if not (BIN / "sagactl").exists():
            return
        result = subprocess.run(
            [BIN / "sagactl", "verify"], env=super().environment(), cwd=TREE,
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=120)
        assert result.returncode == 0, result.stdout + result.stderr

    def counts(self):
        """What all cuts of all processes lost and kept, summed."""
        sums = [0, 0, 0, 0]
        for name in START_ORDER:
            for line in CUT_LINE.findall(self.log(name)):
                sums = [a + int(b) for a, b in zip(sums, line[1:])]
        return sums
