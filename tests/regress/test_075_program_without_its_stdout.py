"""075: a filter whose program closed its stdout and lived on waited for its
end for a whole --timeout, up to an hour, and looked neither after SIGTERM nor
after bus and watchdog; its own end waited as long for a program that hangs.
"""

import re

import pytest

from filters import comes, filtered, python
from pipeline import wait_for

HOUR = ["--timeout", "3600"]
CLOSES = """
def answer(event, data):
    os.close(1)
    print("closed", file=sys.stderr, flush=True)
    signal.pause()
"""
# The first one does so while nothing is asked.
CLOSES_ONCE = """
marked = os.environ["MARK"]
def answer(event, data):
    if os.path.exists(marked):
        return ['{"type":"t.one"}'] if data.get("orderId") == 2 else []
    open(marked, "x").close()
    print("closed", file=sys.stderr, flush=True)
    os.write(1, b"\\n")
    os.close(1)
    signal.pause()
"""


@pytest.fixture
def pipeline(make_pipeline):
    made = make_pipeline(supervised=False, topics="reviews").start()
    made.ended(made.order(5, 1))
    return made


def waits_for(running, words):
    wait_for(lambda: re.search(words, running.log()), what=words)


@pytest.mark.parametrize("options", [[], ["--per-event"]])
def test_075_filter_stops_while_its_program_lives_without_stdout(pipeline,
                                                                 options):
    with filtered(pipeline, "shut", *python(CLOSES),
                  options=[*options, *HOUR]) as running:
        waits_for(running, "closed")
        assert running.stop() == 0


def test_075_filter_stops_while_its_program_hangs(pipeline):
    with filtered(pipeline, "hangs", *python("""
def answer(event, data):
    print("asked", file=sys.stderr, flush=True)
    signal.pause()
"""), options=HOUR) as running:
        waits_for(running, "asked")
        assert running.stop() == 0


def test_075_program_without_stdout_has_failed(pipeline):
    with filtered(pipeline, "shut", *python(CLOSES),
                  options=HOUR) as running:
        waits_for(running, "event=event_parked")
        assert running.log().count("why=lives_on_without_its_stdout") == 3
        assert running.stop() == 0


def test_075_the_next_one_has_its_own_time(pipeline, tmp_path, monkeypatch):
    monkeypatch.setenv("MARK", str(tmp_path / "mark"))
    with filtered(pipeline, "once", *python(CLOSES_ONCE),
                  options=["--timeout", "5"]) as running:
        waits_for(running, "closed")
        pipeline.ended(pipeline.order(5, 1))
        comes(pipeline, "once", 1)
        assert running.log().count("event=filter_killed") == 1
        assert running.stop() == 0
