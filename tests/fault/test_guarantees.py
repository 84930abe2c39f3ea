"""docs/GUARANTEES.md names tests; all of them exist."""

import pathlib
import re

from pipeline import TREE

PAGE = TREE / "docs" / "GUARANTEES.md"
NAMED = re.compile(r"`([a-z_]+/[a-z0-9_./]+)::([a-z0-9_]+)`")
NAMED_MIN = 5


def named_tests(text):
    return set(NAMED.findall(text))


def missing(named):
    return [f"{path}::{name}" for path, name in sorted(named)
            if not exists(TREE / "tests" / path, name)]


def exists(path: pathlib.Path, name):
    return path.exists() and re.search(rf"\b{name}\b", path.read_text())


def test_every_test_named_in_the_page_exists():
    text = PAGE.read_text()
    assert missing(named_tests(text)) == []
    # A half-written name would not be looked for.
    assert text.count("::") == 1 + len(NAMED.findall(text))


def test_every_guarantee_names_tests():
    sections = re.findall(r"^## (G\d).*?(?=^## )", PAGE.read_text(),
                          re.MULTILINE | re.DOTALL)
    assert sections == [f"G{number}" for number in range(1, 8)]
    for section in re.findall(r"^## G\d.*?(?=^## )", PAGE.read_text(),
                              re.MULTILINE | re.DOTALL):
        assert len(named_tests(section)) >= NAMED_MIN, section[:20]
        assert "Not promised:" in section
        number = section[3:5].lower()
        assert re.search(rf"::\w*{number}_", section), \
            f"no test of {number} has its number in its name"


def test_a_name_that_is_not_there_is_found():
    named = {("fault/test_guarantees.py", "test_of_" + "nothing"),
             ("fault/no_such_file.py", "test_x")}
    assert len(missing(named)) == 2
