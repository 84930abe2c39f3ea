"""104: a start-all.sh that went before the pipeline was ready took the
supervisor with it.

The supervisor tells its starter that all are ready.  Was that one gone by then
(its terminal was closed, or its caller had waited long enough and killed it),
the word went into a pipe that nobody reads: SIGPIPE ended the supervisor, and
left four processes that nobody starts again.
"""

import signal
import subprocess

from pipeline import TREE, wait_for


def test_104_supervisor_outlives_its_starter(make_pipeline):
    pipeline = make_pipeline(drain="0s")
    with subprocess.Popen([TREE / "scripts" / "start-all.sh"], cwd=TREE,
                          env=pipeline.environment(),
                          stdin=subprocess.DEVNULL) as starter:
        wait_for(lambda: "event=starting" in pipeline.log("supervisor"))
        pipeline.kill("supervisor", signal.SIGSTOP)  # it is not ready yet
        starter.kill()
    pipeline.kill("supervisor", signal.SIGCONT)
    wait_for(lambda: "event=pipeline_ready" in pipeline.log("supervisor"))
    pipeline.restarted("payment", pipeline.kill("payment"))
    pipeline.stop()
    assert "event=stopped exit=0" in pipeline.log("supervisor")
