"""Run a command line whose subcommands are functions.

A user's mistake is told in one line and gives exit code 2; Ctrl-C gives 130.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import io
import os
import re
import sys
import textwrap
from collections.abc import Callable
from typing import TextIO

from figures.records.command_line.rows import terminal_width
from figures.records.record import RecordError
from figures.records.workers.pool import Interrupted

TITLE = re.compile(
    r"^(Value error|Unrecognized options|Invalid choice|Missing subcommand|Missing argument) "
    r"|Error parsing __\S+: "
)
COLOUR_CODES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")  # ANSI escape sequences of a terminal
BOX = re.compile(r"[\u2500-\u257f]+|-{3,}")  # lines around tyro's messages


def run_command(commands: dict[str, Callable[..., int]], prog: str, description: str) -> int:
    """Parse ``sys.argv``, call the chosen function and return its exit code.

    commands: subcommand -> function. prog: the command's name in help texts.

    ValueError, ArithmeticError (divergence), OSError and RecordError are errors that a user can
    mend: their message goes to standard error, without a traceback.
    """
    try:
        return parse(commands, prog, description)()
    except BrokenPipeError:  # the reader of our output, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ValueError, ArithmeticError, OSError, RecordError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except (Interrupted, KeyboardInterrupt):
        print("interrupted; the same command goes on from here", file=sys.stderr)
        return 130


class _Captured(io.StringIO):
    """Text that would go to a stream, which colours and boxes are still chosen for."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self.stream = stream

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self.stream.encoding

    def isatty(self) -> bool:
        return self.stream.isatty()

    def fileno(self) -> int:
        return self.stream.fileno()


def parse(
    commands: dict[str, Callable[..., int]], prog: str, description: str
) -> Callable[[], int]:
    """Return the chosen function with its arguments, not yet called.

    Bad arguments print one line and raise SystemExit(2).
    """
    import tyro

    if os.environ.get("NO_COLOR"):  # https://no-color.org; tyro itself looks at TERM only
        tyro._experimental_options["ansi_codes"] = False

    deferred = {name: _defer(function) for name, function in commands.items()}
    errors, shown = io.StringIO(), _Captured(sys.stdout)
    try:
        with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(shown):
            return tyro.extras.subcommand_cli_from_dict(
                deferred, prog=prog, description=description
            )
    except SystemExit as end:
        print(wrap_help(shown.getvalue()), end="")
        if end.code:
            help_command = [prog, *(word for word in sys.argv[1:2] if word in commands), "--help"]
            message = f"{_one_line(errors.getvalue())} (see {' '.join(help_command)})"
            print(f"error: {message}", file=sys.stderr)
        raise


def _one_line(box: str) -> str:
    """Return tyro's boxed message as one line.

    Colour codes, the box, its title, internal names, help texts and the pointer to more help are
    removed.
    """
    text = " ".join(BOX.sub(" ", COLOUR_CODES.sub("", box)).split())
    text = re.split(r" Got errors:| Argument helptext:| For full helptext", text)[0]
    text, _, near = text.partition(" Perhaps you meant: ")
    options = [
        option for option in dict.fromkeys(re.findall(r"--[\w.-]+", near)) if option != "--help"
    ]
    text += f"; did you mean {' or '.join(options)}?" if options else ""
    text = text.replace(" Available subcommands:", "; allowed:")
    return TITLE.sub("", text)


def wrap_help(text: str) -> str:
    """Return a help text with its sentences wrapped to the terminal; tyro wraps only its boxes."""
    width = terminal_width()
    lines = []
    for line in text.splitlines():
        too_long = len(COLOUR_CODES.sub("", line)) > width and not BOX.match(line)
        lines += textwrap.wrap(line, width) if too_long else [line]
    return "".join(f"{line}\n" for line in lines)


def _defer(function: Callable[..., int]) -> Callable[..., Callable[[], int]]:
    """Return a function of the same arguments that returns the call, to be made later."""
    function.__doc__ = join_entries(function.__doc__ or "")  # tyro reads it from the original

    @functools.wraps(function)
    def defer(*arguments, **options):
        return functools.partial(function, *arguments, **options)

    return defer


def join_entries(docstring: str) -> str:
    """Return a docstring with every entry of its ``Args:`` in one line.

    tyro would print the line breaks of the source in the help, beside its own.
    """
    head, args, entries = inspect.cleandoc(docstring).partition("\nArgs:\n")
    return head + args + re.sub(r"\n {8,}", " ", entries)
