#!/usr/bin/python3
"""refusal-coverage.py [BUILD] - every named refusal that no test makes happen

The names: enum rc, the refusals of orders (refusal.h), of events (codec.h), of
the broker (protocol.h) and over HTTP (http_problem.h), out of their headers.
For each there must be both:

  produced  a line of src/ that gives the name away (it is no `case`, no
            comparison and no row of a list) ran while the unit tests ran:
            built with gcov in BUILD (build-gcov).  A line that chooses between
            values counts only if it went every way.
  asserted  a test names it, or its name on the wire, where it says what must
            be: in an assertion, in a table, in what it hands to a function
            that expects or checks.

What lacks one of them is printed, one line each; the exit code is then 1.
"""

import collections
import json
import os
import pathlib
import re
import subprocess
import sys

TREE = pathlib.Path(__file__).resolve().parents[1]
# They look at every name's spelling, not at when it is told.
SPELLING = ("test_http_problem.c", "test_refusal.c")
# Test functions that take what must be.
EXPECTING = re.compile(r"\b(?:assert|expect|check|must|refuse|fail)\w*$|^T$")
STATEMENT_LINES_MAX = 8


# --- the names ---------------------------------------------------------------

def listed(header, macro):
    """X(ENUM, "wire name" ...) of a list macro."""
    text = (TREE / "src" / header).read_text()
    body = re.search(rf"#define {macro}\((\w+)\)((?:.*\\\n)+.*)", text)
    rows = re.findall(rf"\b{body[1]}\((\w+),\s*\"([^\"]*)\"", body[2])
    assert len(rows) > 5, macro
    return rows


def enumerated(header, enum):
    text = re.sub(r"/\*.*?\*/", "", (TREE / "src" / header).read_text(),
                  flags=re.S)
    body = re.search(rf"enum {enum} \{{(.*?)\}};", text, re.S)[1]
    names = re.findall(r"\b([A-Z][A-Z_]+)\b", body)
    assert len(names) > 5, enum
    return [(name, None) for name in names
            if not name.endswith(("_OK", "_COUNT"))]


def all_names():
    return dict(enumerated("saga/base.h", "rc") +
                listed("saga/refusal.h", "REFUSAL_LIST") +
                enumerated("saga/codec.h", "codec_refusal") +
                listed("saga/protocol.h", "BUS_ERROR_LIST") +
                listed("gateway/http_problem.h", "PROBLEM_LIST"))


# --- produced ----------------------------------------------------------------

def code_of(text):
    """C without comments and strings; every line stays on its line."""
    def blank(match):
        return re.sub(r"[^\n]", " ", match[0])
    return re.sub(r'/\*.*?\*/|"(?:\\.|[^"\\\n])*"', blank, text, flags=re.S)


def gives_away(line, name):
    """True if the line holds the name other than to compare with it."""
    line = re.sub(rf"\bcase\s+{name}\b|[!=]=\s*{name}\b|\b{name}\s*[!=]=|"
                  rf"\[{name}\]", "", line)
    return re.search(rf"\b{name}\b", line) is not None


def run_with_gcov(build):
    flags = ["make", "--no-print-directory", "-s", f"-j{os.cpu_count()}",
             f"BUILD={build}", f"BIN={build}/bin", "OPTIMISE=-O0 -g",
             "HARDEN=-fPIE", "WARN=-w",
             "SANITIZE=--coverage -fprofile-update=atomic"]
    for old in pathlib.Path(build).rglob("*.gcda"):
        old.unlink()
    result = subprocess.run([*flags, "check"], capture_output=True, text=True,
                            check=False)
    # A program that gave up its rights can't write its counts, says so, and
    # may fail: whether tests pass is told by make check.
    if "\nunit: " not in "\n" + result.stdout:
        sys.exit(result.stdout + result.stderr)


def lines_run(build):
    """{source: {line: (count, [counts of its branches])}}"""
    runs = collections.defaultdict(dict)
    data = sorted(str(path) for path in
                  (pathlib.Path(build) / "src").rglob("*.gcda"))
    output = subprocess.run(["gcov", "-b", "--json-format", "--stdout", *data],
                            capture_output=True, text=True, check=True).stdout
    for report in output.splitlines():
        for source in json.loads(report)["files"] if report else []:
            for line in source["lines"]:
                runs[source["file"]][line["line_number"]] = (
                    line["count"], [branch["count"]
                                    for branch in line["branches"]])
    return runs


def statement_ran(runs, lines, number):
    """The statement that reaches over this line; gcov counts at its first."""
    for at in range(number, max(0, number - STATEMENT_LINES_MAX), -1):
        if at in runs:
            count, branches = runs[at]
            chooses = any("?" in line for line in lines[at - 1:number + 1])
            return count > 0 and (not chooses or all(branches))
        if re.search(r"[;{}]\s*$", lines[at - 2]):
            return False
    return False


def produced(names, runs):
    found = set()
    for path in sorted((TREE / "src").rglob("*.c")):
        source = str(path.relative_to(TREE))
        lines = code_of(path.read_text()).split("\n")
        for number, line in enumerate(lines, 1):
            for name in re.findall(r"\b[A-Z][A-Z_]+\b", line):
                if name in names and name not in found and \
                        gives_away(line, name) and \
                        statement_ran(runs[source], lines, number):
                    found.add(name)
    return found


# --- asserted ----------------------------------------------------------------

def expects(text, place):
    """True if the place is within the arguments of a function that expects,
    or within the braces of a table."""
    depth = 0
    for at in range(place - 1, max(0, place - 20000), -1):
        char = text[at]
        if char in ")}":
            depth += 1
        elif char in "({":
            if depth > 0:
                depth -= 1
            elif char == "(":
                word = re.search(r"(\w*)\s*$", text[max(0, at - 60):at])[1]
                if EXPECTING.search(word):
                    return True
            else:
                before = text[max(0, at - 80):at].rstrip()
                return before.endswith(("=", ",", "{"))
        elif char == ";" and depth == 0:
            return False
    return False


def asserted_in_c(names, text):
    code = code_of(text)
    found = {match[0] for match in re.finditer(r"\b[A-Z][A-Z_]+\b", code)
             if match[0] in names and expects(code, match.start())}
    # By what it is called on the wire: any string in such a place.
    strings = re.sub(r"/\*.*?\*/", lambda m: " " * len(m[0]), text, flags=re.S)
    for name, wire in names.items():
        for match in re.finditer(re.escape(wire), strings) if wire else ():
            if name not in found and expects(code, match.start()):
                found.add(name)
    return found


def asserted_in_python(names, text):
    """The wire name as a string of its own, in an assertion or a table."""
    found = set()
    for name, wire in names.items():
        for match in re.finditer(rf'["/]{re.escape(wire)}"', text) \
                if wire else ():
            line = text.rfind("\n", 0, match.start()) + 1
            start = max(text.rfind("\n\n", 0, line), 0)
            if re.search(r"assert|= \[|= \{|parametrize", text[start:match.end()]):
                found.add(name)
    return found


def asserted(names):
    found = set()
    for path in sorted((TREE / "tests").rglob("*.[cp]*")):
        if path.name in SPELLING:
            continue
        if path.suffix == ".c" and path.name.startswith("test_"):
            found |= asserted_in_c(names, path.read_text())
        elif path.suffix == ".py":
            found |= asserted_in_python(names, path.read_text())
    return found


def main():
    if len(sys.argv) > 2 or sys.argv[1:] and sys.argv[1].startswith("-"):
        print("usage: refusal-coverage.py [BUILD]", file=sys.stderr)
        return 100
    os.chdir(TREE)
    build = sys.argv[1] if len(sys.argv) > 1 else "build-gcov"
    names = all_names()
    run_with_gcov(build)
    proofs = {"produced by no unit test": produced(names, lines_run(build)),
              "asserted by no test": asserted(names)}
    lacking = [f"{name}: {words}" for words, found in proofs.items()
               for name in names if name not in found]
    print("\n".join(lacking + [
        f"refusal-coverage: {len(names)} names, {len(lacking)} lacking"]))
    return 1 if lacking else 0


if __name__ == "__main__":
    sys.exit(main())
