"""059: a directory at a door's path, or at gateway.url, was an I/O error (111),
so that its process was started again and again; and a fifo at NAME.life,
NAME.pid.tmp or gateway.url.new was waited for, before any signal was heard.
"""

import os

import pytest


@pytest.mark.parametrize("name, process", [
    ("payment.ctl", "payment"), ("broker.ctl", "broker"),
    ("gateway.url", "gateway")])
def test_059_directory_ends_with_100(make_pipeline, name, process):
    pipeline = make_pipeline()
    (pipeline.home / "run" / name).mkdir(parents=True)
    result = pipeline.script("start-all.sh")
    assert result.returncode == 100, result
    assert f"run/{name}" in result.stderr and "Is a directory" in result.stderr
    assert f"{process} did not start (exit code 100)" in result.stderr


def test_059_fifo_is_not_waited_for(make_pipeline):
    pipeline = make_pipeline()
    run = pipeline.home / "run"
    run.mkdir(parents=True)
    for name in ("payment.life", "gateway.url.new"):
        os.mkfifo(run / name)
    pipeline.start()
    pipeline.ended(pipeline.order(1, 1))
