"""005: a redrive or drop that a participant did not answer named nobody.

The participant's name was copied onto itself, which emptied it: " does not
answer at its door, HOME/run/.ctl".
"""

import pytest


@pytest.mark.parametrize("what", ["redrive", "drop"])
def test_005_silent_participant_is_named(make_pipeline, what):
    pipeline = make_pipeline(supervised=False)
    pipeline.start_process("gateway")
    reply = pipeline.request("POST", f"/parked/ledger/1/{what}")
    assert reply.status == 503, reply
    assert reply.json["detail"].startswith("ledger does not answer"), reply
