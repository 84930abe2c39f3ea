"""002: the supervisor lost a line when its timer ended in the middle of it.

Whatever happens to a process is a line in one pipe.  `read -t` of bash takes
octet by octet, and when the time is up drops what it has of a line.  Torture
found it: "started broker 5 PID" was lost, so the broker had no pid, and a stop
waited for ever; a lost "died" would have been a process that nobody restarts.

Here the supervisor waits for the end of a gateway that stands still, with 5 s
on its timer.  We say its end ourselves, one half of the line before the timer
ends, one after.
"""

import os
import signal
import subprocess

from pipeline import STOP_LIMIT_S, TREE, wait_for


def parent(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        return int(stat.read().rsplit(")", 1)[1].split()[1])


def test_002_line_in_two_halves_is_one_line(make_pipeline):
    pipeline = make_pipeline(drain="0s").start()
    supervisor, gateway = pipeline.pid("supervisor"), pipeline.pid("gateway")
    watcher = parent(gateway)  # it would tell of the gateway's true end
    os.kill(watcher, signal.SIGSTOP)
    os.kill(gateway, signal.SIGSTOP)
    stop = subprocess.Popen([TREE / "scripts" / "stop-all.sh"], cwd=TREE,
                            env=pipeline.environment(),
                            stdout=subprocess.DEVNULL)
    try:
        wait_for(lambda: "event=stopping" in pipeline.log("supervisor"))
        with open(f"/proc/{supervisor}/fd/9", "wb", buffering=0) as happened:
            happened.write(b"died gate")
            wait_for(lambda: "event=kill name=gateway" in
                     pipeline.log("supervisor"), what="the end of the timer")
            happened.write(b"way 1 137\n")
        wait_for(lambda: "event=died name=gateway" in
                 pipeline.log("supervisor"), what="the line")
        assert stop.wait(STOP_LIMIT_S) == 0
    finally:
        os.kill(watcher, signal.SIGCONT)
        stop.kill()
        stop.wait()
