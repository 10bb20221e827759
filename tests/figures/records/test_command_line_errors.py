"""A user's mistake is one line without colour codes, also on a terminal."""

import os
import pty
import subprocess
import sys

import pytest

PROGRAM = """
import sys
from figures.records import run_command

def act(times: int = 1, folder: str = "here") -> int:
    '''Act.

    Args:
        times: how often.
        folder: where.
    '''
    raise ValueError("times is 3; allowed: 2")

sys.exit(run_command({"act": act, "other": act}, "prog", "Do something."))
"""


def on_terminal(*words, **environment):
    """Return the exit code and what a program prints whose standard streams are a terminal."""
    master, terminal = pty.openpty()
    variables = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *words],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env={**variables, "TERM": "xterm-256color", **environment},
    )
    os.close(terminal)
    printed = b""
    while True:
        try:
            part = os.read(master, 4096)
        except OSError:  # the end, on Linux
            break
        if not part:
            break
        printed += part
    os.close(master)
    return process.wait(30), printed.decode().replace("\r\n", "\n")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("act", "--times", "many"), "Error parsing --times: invalid literal for int"),
        (("act", "--timse", "3"), "Unrecognized options: --timse, 3; did you mean --times?"),
        (("wrong",), "wrong; allowed: act, other"),
        (("act",), "times is 3; allowed: 2"),
    ],
)
def test_a_mistake_is_one_line_without_codes(words, message):
    code, printed = on_terminal(*words)
    assert code == 2
    assert printed.startswith("error: ")
    assert printed.count("\n") == 1
    assert message in printed
    assert all(character.isprintable() for character in printed.rstrip("\n"))


def test_letters_of_every_language_stay():
    assert "Größe" in on_terminal("act", "--Größe", "3")[1]


@pytest.mark.slow
def test_help_has_colours_unless_they_are_not_wanted():
    assert "\x1b[" in on_terminal("--help")[1]
    code, printed = on_terminal("--help", NO_COLOR="1")
    assert code == 0
    assert "usage: prog" in printed
    assert "\x1b" not in printed
