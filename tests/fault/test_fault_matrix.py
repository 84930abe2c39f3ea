"""Each process is killed at each named point of its loop, under load.

| process                  | points                                            |
|--------------------------|---------------------------------------------------|
| payment, ledger, gateway | gathered, decided, before_trim, committed,        |
|                          | flushed, answered, published                      |
| broker                   | gathered, committed, flushed, answered            |

What is checked after each: the process died at that point and was restarted,
orders go on being answered.  After all of a process: every answered order is
there once and ended, each user's balance is what his completed orders left, the
ledger wrote each of them once (proof.py), and `sagactl verify` finds nothing.
"""

import os
import pathlib

import pytest

from load import Load
from pipeline import TREE, Pipeline, wait_for
from proof import USERS, assert_all_ended, assert_verified, open_users

FAULT_BIN = pathlib.Path(
    os.environ.get("SAGA_FAULT_BIN", TREE / "build-fault" / "bin")).resolve()
PARTICIPANT_POINTS = ("gathered", "decided", "before_trim", "committed",
                      "flushed", "answered", "published")
POINTS = {
    "payment": PARTICIPANT_POINTS,
    "ledger": PARTICIPANT_POINTS,
    "gateway": PARTICIPANT_POINTS,
    "broker": ("gathered", "committed", "flushed", "answered"),
}


class FaultPipeline(Pipeline):
    """Runs the programs with fault points; arm() sets one off."""

    @property
    def token(self):
        return self.directory / "token"

    def environment(self):
        return {**super().environment(), "SAGA_BIN": str(FAULT_BIN),
                "FAULT_TOKEN": str(self.token)}

    def arm(self, point):
        draft = self.directory / "draft"
        draft.write_text(point)
        draft.rename(self.token)


@pytest.mark.long
@pytest.mark.parametrize("process", POINTS)
def test_killed_at_each_point_loses_nothing(process):
    if not (FAULT_BIN / process).exists():
        pytest.fail(f"{FAULT_BIN}/{process} is not built: make fault")
    with FaultPipeline() as pipeline:
        open_users(pipeline)
        with Load(pipeline, USERS) as load:
            load.wait(20)
            for point in POINTS[process]:
                old = pipeline.pid(process)
                pipeline.arm(f"{process}:{point}")
                wait_for(lambda: not pipeline.token.exists(),
                         what=f"{process} passing {point}")
                pipeline.restarted(process, old)
                load.wait(20)
        for point in POINTS[process]:
            assert (f"event=fault_point name={process}:{point}\n" in
                    pipeline.log(process)), f"{point} was never passed"
        assert_all_ended(pipeline, load.answered)
        assert_verified(pipeline)
