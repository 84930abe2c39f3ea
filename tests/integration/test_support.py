"""The tests' own help must not hide what it sees."""

import os
import pathlib
import re
import subprocess
import sys
import types

import pytest

from load import Load
from pipeline import Reply


class Answering:
    """A pipeline that answers every order with this status."""

    def __init__(self, status):
        self.status = status

    def client(self):
        return types.SimpleNamespace(
            request=lambda *words: Reply(self.status, {}, '{"id": 1}'),
            close=lambda: None)


def test_load_raises_a_foreign_answer_where_it_is_waited_for():
    with pytest.raises(AssertionError, match="<500 "):
        with Load(Answering(500), [1]) as load:
            load.wait(1)


def test_load_raises_a_foreign_answer_where_nobody_waits():
    with pytest.raises(AssertionError, match="<500 "):
        with Load(Answering(500), [1]) as load:
            load.thread.join()


def test_load_does_not_hide_what_the_test_itself_found():
    with pytest.raises(AssertionError, match="the test's"):
        with Load(Answering(500), [1]) as load:
            load.thread.join()
            raise AssertionError("the test's")


def test_load_says_nothing_of_what_it_may_get():
    with Load(Answering(201), [1]) as load:
        load.wait(3)
    assert set(load.answered) == {1}
    with Load(Answering(503), [1]) as load:
        pass
    assert load.answered == []


INNER = '''
import pytest
from pipeline import Pipeline

def log(pipeline, words):
    (pipeline.home / "log").mkdir(parents=True)
    (pipeline.home / "log" / "broker.log").write_text(words + "\\n")
    print("made", pipeline.directory)

@pytest.fixture(scope="module")
def shared():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Pipeline, "start", lambda self: self)
        with Pipeline() as pipeline:
            log(pipeline, "words=of_the_module")
            yield pipeline

@pytest.fixture
def broken(make_pipeline):
    log(make_pipeline(), "words=of_a_setup")
    raise RuntimeError("the set-up's")

def test_call(shared):
    assert False

def test_setup(broken):
    pass

def test_teardown(make_pipeline):
    for name in "first", "second":
        log(make_pipeline(), f"level=fatal words=of_the_{name}")
'''


def test_whatever_fails_is_shown_with_the_logs_and_leaves_nothing(tmp_path):
    (tmp_path / "test_inner.py").write_text(INNER)
    tests = pathlib.Path(__file__).resolve().parents[1]
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p",
         "conftest", "-s", tmp_path], cwd=tmp_path, capture_output=True,
        text=True, timeout=120, env={
            **os.environ, "PYTHONPATH": f"{tests}:{tests / 'support'}"})
    shown = result.stdout
    assert "1 failed, 1 passed, 2 errors in " in shown, shown
    for words in "module", "first", "second":
        assert f"words=of_the_{words}" in shown, shown
    assert "words=of_a_setup" in shown, shown
    made = re.findall(r"made (/\S+)", shown)
    assert len(made) == 4, shown
    assert not [path for path in made if pathlib.Path(path).exists()]
