"""Test ``tada``, the one name of all commands."""

import subprocess
import sys

import pytest

from figures.records.command_line import tada

RUN = "import sys; from figures.records.command_line.tada import main; sys.exit(main())"


def run(*words):
    command = [sys.executable, "-c", RUN, *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_alone_it_lists_the_commands_and_fails_and_with_help_it_does_not():
    shown, asked = run(), run("--help")
    assert shown.stdout == asked.stdout == tada.HELP + "\n"
    assert (shown.returncode, asked.returncode) == (2, 0)
    assert max(map(len, tada.HELP.splitlines())) <= 80


@pytest.mark.parametrize(
    ("words", "prog"),
    [
        (("theory", "claims", "--help"), "usage: tada theory claims"),
        (("figures", "--help"), "usage: tada figures"),
        (("doctor", "--help"), "usage: tada doctor"),
    ],
)
def test_help_names_the_command_as_it_was_called(words, prog):
    found = run(*words)
    assert found.returncode == 0
    assert found.stdout.startswith(prog)


def test_a_mistake_is_one_line_that_says_where_help_is():
    found = run("augmnt", "pets")
    assert found.returncode == 2
    assert found.stdout == ""
    (line,) = found.stderr.splitlines()
    assert "augmnt" in line
    assert "augment" in line
    assert line.endswith("(see tada --help)")


def test_figures_list_is_that_of_the_package():
    module = [sys.executable, "-m", "figures", "list"]
    expected = subprocess.run(module, capture_output=True, text=True, check=True)
    assert run("figures", "list").stdout == expected.stdout != ""
