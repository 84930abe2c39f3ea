"""The documents are true: every command of the README does what is printed
below it, links lead somewhere, and what its troubleshooting quotes is said."""

import ast
import json
import re
import subprocess

import pytest

from pipeline import BIN, TREE, clean_environment, free_port, wait_for

README = TREE / "README.md"
DOCUMENTS = [README, *sorted((TREE / "docs").glob("*.md"))]
COMMAND_LIMIT_S = 300
# Asked again until it shows what is printed: the balance comes by a topic of
# its own.  All else is true also when the block is pasted as a whole.
LOOKS = re.compile(r"curl -s http\S*/users/")
# The first is done by whoever reads it; the second runs this.
NOT_RUN = {"git clone <this repository> sagapipe && cd sagapipe",
           "./scripts/test-all.sh"}


def sessions(page=README):
    """[(command, what is printed)] of all blocks of a page that begin with a
    command, in order."""
    found = []
    for block in re.findall(r"(?ms)^```\n(\$ .*?)^```$", page.read_text()):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            else:
                assert found, line
                found[-1][1].append(line)
    return found


def shows(printed, output):
    """True if the output is what is printed; "..." is anything within a line,
    and on a line of its own any lines."""
    pattern = "".join(
        r"(?:.*\n)*" if line == "..." else
        ".*".join(map(re.escape, line.split("..."))) + r"\n"
        for line in printed)
    if output and not output.endswith("\n"):
        output += "\n"
    return re.fullmatch(pattern, output) is not None


class Reader:
    """Who follows the README: in a directory, with ports of his own."""

    def __init__(self, directory, tree, home, programs):
        self.tree = tree
        self.places = {"127.0.0.1:9192": f"127.0.0.1:{free_port()}",
                       "127.0.0.1:9193": f"127.0.0.1:{free_port()}",
                       "/tmp/second": str(directory / "second"),
                       " var/": f" {home}/"}
        self.environment = clean_environment(
            SAGAPIPE_HOME=str(home),
            SAGAPIPE_HTTP=self.places["127.0.0.1:9192"])
        self.environment.pop("SAGA_BIN", None)
        if programs:
            self.environment["SAGA_BIN"] = str(programs)
            self.places["bin/sagactl"] = str(programs / "sagactl")

    def translate(self, text):
        for written, here in self.places.items():
            text = text.replace(written, here)
        return text

    def run(self, command):
        return subprocess.run(
            ["bash", "-c", self.translate(command)], cwd=self.tree,
            env=self.environment, stdin=subprocess.DEVNULL, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            timeout=COMMAND_LIMIT_S).stdout

    def follow(self, command, printed):
        printed = [self.translate(line) for line in printed]
        output = self.run(command)
        if LOOKS.match(command) and not shows(printed, output):
            wait_for(lambda: shows(printed, self.run(command)),
                     what=f"{command}\n{output}\nas {printed}")
        elif not shows(printed, output):
            pytest.fail(f"$ {command}\n{output}\nis not\n" +
                        "\n".join(printed))

    def follow_all(self):
        try:
            for command, printed in sessions():
                if command not in NOT_RUN:
                    self.follow(command, printed)
        finally:
            for home in ({}, {"SAGAPIPE_HOME": self.places["/tmp/second"]}):
                subprocess.run(
                    [TREE / "scripts" / "stop-all.sh"], cwd=self.tree,
                    env={**self.environment, **home}, timeout=120,
                    stdin=subprocess.DEVNULL, capture_output=True)


def test_every_command_of_the_readme_does_what_it_says(tmp_path):
    home = tmp_path / "var"
    Reader(tmp_path, TREE, home, BIN).follow_all()
    assert (home / "data" / "gateway").is_dir()


def test_what_start_all_prints_to_try_does_it(make_pipeline):
    pipeline = make_pipeline()
    printed = pipeline.script("start-all.sh").stdout
    place, look = [subprocess.run(
        ["bash", "-c", line], capture_output=True, text=True, check=True,
        timeout=COMMAND_LIMIT_S).stdout
        for line in re.findall(r"(?m)^ +(curl .*)$", printed)]
    assert json.loads(place)["status"] == "ORDER_CREATED"
    assert [row["id"] for row in json.loads(look)] == [1]
    logs, stop = re.search(r"(?m)^logs: (.*?) +stop: (.*)$", printed).groups()
    assert "event=ready" in (TREE / logs / "gateway.log").read_text()
    # Regress 062: it named no home, so a new shell stopped nothing by it.
    subprocess.run(["bash", "-c", stop], cwd=TREE, check=True,
                   capture_output=True, timeout=COMMAND_LIMIT_S,
                   env=clean_environment(SAGA_BIN=str(BIN)))
    assert pipeline.pid("supervisor") is None
    assert stop in pipeline.start().script("start-all.sh").stderr


@pytest.mark.long
def test_the_readme_on_a_fresh_clone(tmp_path):
    """Built from nothing, with all state where it is by default."""
    if not (TREE / ".git").exists():
        pytest.skip("this tree is not of git")
    clone = tmp_path / "sagapipe"
    subprocess.run(["git", "clone", "-q", TREE, clone], check=True)
    reader = Reader(tmp_path, clone, clone / "var", None)
    del reader.environment["SAGAPIPE_HOME"]
    reader.follow_all()
    assert (clone / "var" / "data" / "gateway").is_dir()


def anchors(path):
    """The names that the headings of a page have as links."""
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
            for heading in re.findall(r"(?m)^#+ (.*)$", path.read_text())}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text()):
        if re.match(r"https?:", target):
            continue
        file, _, anchor = target.partition("#")
        there = (path.parent / file).resolve() if file else path
        assert there.exists(), target
        assert not anchor or anchor in anchors(there), target


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_files_that_are_named_are_there(path):
    """But for places of names of one's own: NAME, X, *."""
    named = re.findall(r"(?<![\w/])(?:src|tests|docs|scripts|etc|web|systemd|examples|"
                       r"bench)/[\w./-]+\w", path.read_text())
    for file in named:
        if not re.search(r"NAME|MODULE|_X\b|/out\b|^etc/sagapipe/", file):
            assert list(TREE.glob(file + "*")), file


def symptoms():
    """What the troubleshooting table quotes: one list per row."""
    table = README.read_text().partition("## When something is wrong")[2]
    rows = re.findall(r"(?m)^\| (.*?) \|", table.partition("\n## ")[0])
    return [re.findall(r"`([^`]+)`", row) for row in rows[1:]
            if not row.startswith("-")]


def words_of(directory, *kinds):
    """The texts of a directory's files; strings in pieces are put together."""
    text = "\n".join(path.read_text(errors="replace")
                     for kind in kinds
                     for path in sorted((TREE / directory).rglob(kind)))
    return re.sub(r'"\s*\\?\n\s*"', "", text)


def strings_of_tests():
    """What tests compare with: their strings, and no comment."""
    texts = []
    for path in sorted((TREE / "tests").rglob("*.py")):
        nodes = list(ast.walk(ast.parse(path.read_text())))
        comments = {id(node.value) for node in nodes
                    if isinstance(node, ast.Expr)}
        texts += [node.value for node in nodes
                  if isinstance(node, ast.Constant) and
                  isinstance(node.value, str) and id(node) not in comments]
    code = re.sub(r"(?s)/\*.*?\*/", "", words_of("tests", "*.c"))
    texts += re.findall(r'"((?:[^"\\\n]|\\.)*)"', code)
    return "\n".join(texts)


def test_what_troubleshooting_quotes_is_said_and_seen_in_a_test():
    said = words_of("src", "*.[ch]") + words_of("scripts", "*.sh")
    tested = strings_of_tests()
    assert len(symptoms()) >= 8
    for row in symptoms():
        pieces = [piece.strip() for quoted in row
                  for piece in re.split(r"\.\.\.|\bN\b|\d+", quoted)
                  if len(piece.strip()) > 3]
        for piece in pieces:
            assert piece in said, f"{piece} is said nowhere"
        assert not pieces or any(piece in tested for piece in pieces), row
