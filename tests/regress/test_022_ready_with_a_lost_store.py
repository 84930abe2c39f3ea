"""022: start-all.sh said that a pipeline is ready whose gateway was dead.

A process is ready before its first word with the broker, and a lost store is
found out by that word (`out_of_step`).  With the gateway's store lost it was
ready, died a moment later with 120, and the start closed with an empty URL
and exit code 0.  A pipeline is ready when the broker has let all in.
"""

import shutil

import pytest


@pytest.mark.parametrize("lost", ["gateway", "payment", "ledger"])
def test_022_lost_store_ends_the_start(make_pipeline, lost):
    pipeline = make_pipeline().start()
    pipeline.ended(pipeline.order(1, 1))
    pipeline.stop()
    pipeline.crashes_expected = True
    shutil.rmtree(pipeline.home / "data" / lost)
    result = pipeline.script("start-all.sh")
    assert result.returncode == 120, result
    assert "is ready" not in result.stdout
    assert f"{lost} did not start (exit code 120)" in result.stderr
    assert f"the end of {pipeline.home}/log/{lost}.log" in result.stderr
    assert "event=out_of_step" in result.stderr
    assert "pipeline_ready" not in \
        pipeline.log("supervisor").rsplit("event=starting", 1)[1]
    assert not any(pipeline.pid(name) for name in ("supervisor", "broker"))
