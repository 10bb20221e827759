"""The command line that all three packages share: one line for a mistake, exit codes, Ctrl-C."""

import sys

import pytest

from figures.records import Interrupted, RecordError, run_command


def act(what: str = "nothing", times: int = 1) -> int:
    """Return ``times``, or raise the error named ``what``."""
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
    ("words", "named"),
    [
        (["act", "--times", "many"], ["--times", "'many'", "(see prog act --help)"]),
        (["act", "--wrong"], ["--wrong", "(see prog act --help)"]),
        (["act", "--timse", "3"], ["--timse", "mean --times?", "(see prog act --help)"]),
        ([], ["{act, other}", "(see prog --help)"]),
    ],
)
def test_bad_arguments_are_one_line(monkeypatch, capsys, words, named):
    with pytest.raises(SystemExit) as end:
        call(monkeypatch, *words)
    assert end.value.code == 2
    message = capsys.readouterr().err
    assert message.startswith("error: ")
    assert message.index("\n") == len(message) - 1
    assert [text for text in named if text not in message] == []
