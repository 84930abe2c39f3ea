"""The tests' own help must not hide what it sees."""

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
