"""docs/EXTENDING.md as its reader follows it: every command, in its order and
in one shell, does what is printed below it; and the code that it shows is that
of the examples."""

import os
import re
import select
import subprocess

from pipeline import BIN, TREE
from test_readme import COMMAND_LIMIT_S, Reader, sessions

PAGE = TREE / "docs" / "EXTENDING.md"
EXAMPLES = {"sh": "large-payments.sh", "python": "decline-streaks.py",
            "c": "large_payments.c"}
END = b"that was it\n"


class Shell(Reader):
    """One bash with jobs, as in a terminal."""

    def __init__(self, *place):
        super().__init__(*place)
        home = self.environment["SAGAPIPE_HOME"]
        self.places["2>>var/"] = f"2>>{home}/"
        self.bash = subprocess.Popen(
            ["bash", "-m"], cwd=self.tree, env=self.environment, bufsize=0,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)

    def run(self, command):
        self.bash.stdin.write(self.translate(command).encode() +
                              b"\necho " + END)
        output = b""
        while not output.endswith(END):
            ready, _, _ = select.select([self.bash.stdout], [], [],
                                        COMMAND_LIMIT_S)
            more = os.read(self.bash.stdout.fileno(), 65536) if ready else b""
            assert more, f"{command}\n{output.decode()}\nhas no end"
            output += more
        return output.removesuffix(END).decode()

    def close(self):
        self.run("kill $(jobs -p) 2>/dev/null; wait; scripts/stop-all.sh")
        self.bash.stdin.close()
        self.bash.wait(COMMAND_LIMIT_S)
        self.bash.stdout.close()


def test_every_command_does_what_it_says(tmp_path):
    commands = sessions(PAGE)
    for name in (EXAMPLES["sh"], EXAMPLES["python"], "large_payments"):
        assert any(f"examples/{name}" in command for command, _ in commands)
    shell = Shell(tmp_path, TREE, tmp_path / "var", BIN)
    try:
        for command, printed in commands:
            shell.follow(command, printed)
    finally:
        shell.close()


def test_code_that_is_shown_is_that_of_the_examples():
    shown = re.findall(r"(?ms)^```(\w+)\n(.*?)^```$", PAGE.read_text())
    assert {language for language, _ in shown} == set(EXAMPLES)
    for language, code in shown:
        assert code in (TREE / "examples" / EXAMPLES[language]).read_text()
