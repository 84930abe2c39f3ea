"""011: the supervisor heard a signal up to an hour late.

bash looks for signals between two commands.  One that came after that look
and before `read` waited was told only when the read ended, and with nothing
to do the supervisor's read took an hour: stop-all.sh and SIGHUP did nothing.
"""

import signal

from pipeline import Pipeline, alive, wait_for
from powercut_rig import preload_library


class LatePipeline(Pipeline):
    def environment(self):
        return {**super().environment(),
                "LD_PRELOAD": str(preload_library("latesignal")),
                "LATE_SIGNAL": str(self.directory / "late")}


def test_011_signal_before_a_long_wait_is_heard():
    with LatePipeline() as pipeline:
        supervisor = pipeline.pid("supervisor")
        (pipeline.home / "run" / "ledger.down").touch()
        asked = pipeline.directory / "asked"
        asked.write_text(f"{supervisor} {int(signal.SIGTERM)}")
        asked.rename(pipeline.directory / "late")
        # It stays down, and so the supervisor has nothing to wait for.
        pipeline.kill("ledger", signal.SIGTERM)
        wait_for(lambda: not (pipeline.directory / "late").exists(),
                 what="the signal")
        wait_for(lambda: not alive(supervisor), what="the supervisor's end")
