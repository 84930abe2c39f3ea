"""093: `sagactl order watch` ended with 111 when the gateway was killed.

A restart is waited for; but the first stream, when it broke off, as after a
kill -9, was taken for a first question that nobody answers.
"""

import json
import subprocess

from pipeline import BIN, WAIT_LIMIT_S, Pipeline, free_port


def test_093_watch_goes_on_behind_a_kill():
    http = f"127.0.0.1:{free_port()}"  # it comes back where it was
    with Pipeline(supervised=False, http=http) as pipeline:
        pipeline.stop_process("payment")
        order = pipeline.order(5, 1)
        with subprocess.Popen(
                [BIN / "sagactl", "order", "watch", str(order), "--json"],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                env=pipeline.environment()) as watch:
            lines = [watch.stdout.readline()]
            pipeline.kill("gateway")
            pipeline.start_process("gateway")
            pipeline.start_process("payment")
            rest, errors = watch.communicate(timeout=WAIT_LIMIT_S)
        lines += rest.splitlines()
        assert (watch.returncode, errors) == (0, b"")
        # A stream of one order begins with how it stands: that may be heard
        # twice, as it may not have ended when the stream is there again.
        told = [json.loads(line)["status"] for line in lines]
        assert list(dict.fromkeys(told)) == ["ORDER_CREATED",
                                             "ORDER_COMPLETED"], told
        assert told[-1] == "ORDER_COMPLETED"
