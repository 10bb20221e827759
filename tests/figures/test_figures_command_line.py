"""The command line that all three packages share: one line for a mistake, exit codes, Ctrl-C."""

import sys

import pytest

from figures.records import Interrupted, RecordError, run_command


def act(what: str = "nothing", times: int = 1) -> int:
    """Do what is said."""
    errors = {
        "value": ValueError("x is 3; allowed: 2"),
        "record": RecordError("no record"),
        "disk": OSError("full"),
        "eta": ArithmeticError("eta"),
    }
    if what in errors:
        raise errors[what]
    if what == "stop":
        raise Interrupted
    if what == "key":
        raise KeyboardInterrupt
    if what == "bug":
        raise TypeError("ours")
    return times


def call(monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["prog", *words])
    return run_command({"act": act, "other": act}, "prog", "A program.")


@pytest.mark.parametrize(
    ("what", "code", "said"),
    [
        ("nothing", 7, ""),
        ("value", 2, "error: x is 3; allowed: 2\n"),
        ("record", 2, "error: no record\n"),
        ("disk", 2, "error: full\n"),
        ("eta", 2, "error: eta\n"),
        ("stop", 130, "interrupted; the same command goes on from here\n"),
        ("key", 130, "interrupted; the same command goes on from here\n"),
    ],
)
def test_exit_codes(monkeypatch, capsys, what, code, said):
    assert call(monkeypatch, "act", "--what", what, "--times", "7") == code
    assert capsys.readouterr().err == said


def test_a_fault_of_ours_keeps_its_traceback(monkeypatch):
    with pytest.raises(TypeError, match="ours"):
        call(monkeypatch, "act", "--what", "bug")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["act", "--times", "many"],
            "error: Error parsing --times: invalid literal for int() with base 10: 'many' (see prog act --help)\n",
        ),
        (["act", "--wrong"], "error: Unrecognized options: --wrong (see prog act --help)\n"),
        (
            ["act", "--timse", "3"],
            "error: Unrecognized options: --timse, 3; did you mean --times? (see prog act --help)\n",
        ),
        ([], "error: Expected one of {act, other}. (see prog --help)\n"),
    ],
)
def test_bad_arguments_are_one_line(monkeypatch, capsys, words, said):
    with pytest.raises(SystemExit) as end:
        call(monkeypatch, *words)
    assert end.value.code == 2
    assert capsys.readouterr().err == said
