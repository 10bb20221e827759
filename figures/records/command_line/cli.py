"""One shape for every command line: subcommands from functions, a user's mistake in one line with exit code 2, Ctrl-C with 130."""

from __future__ import annotations

import contextlib
import functools
import io
import os
import re
import sys
from collections.abc import Callable

from figures.records.record import RecordError
from figures.records.workers.pool import Interrupted

TITLE = re.compile(
    r"^(Value error|Unrecognized options|Invalid choice|Missing subcommand|Missing argument) |Error parsing __\S+: "
)


def run_command(commands: dict[str, Callable[..., int]], prog: str, description: str) -> int:
    """Parse ``sys.argv``, call the chosen function and return its exit code.

    ValueError, ArithmeticError (divergence), OSError and RecordError are what a user can mend: their text goes to standard error,
    without a traceback.
    """
    try:
        return _parse(commands, prog, description)()
    except BrokenPipeError:  # the reader of our output, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ValueError, ArithmeticError, OSError, RecordError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except (Interrupted, KeyboardInterrupt):
        print("interrupted; the same command goes on from here", file=sys.stderr)
        return 130


def _parse(
    commands: dict[str, Callable[..., int]], prog: str, description: str
) -> Callable[[], int]:
    """The chosen function with its arguments, not yet called; bad arguments raise SystemExit(2) after one line."""
    import tyro

    deferred = {name: _defer(function) for name, function in commands.items()}
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            return tyro.extras.subcommand_cli_from_dict(
                deferred, prog=prog, description=description
            )
    except SystemExit as end:
        if end.code:
            where = [prog, *(word for word in sys.argv[1:2] if word in commands), "--help"]
            print(f"error: {_one_line(said.getvalue())} (see {' '.join(where)})", file=sys.stderr)
        raise


def _one_line(box: str) -> str:
    """tyro's boxed message as one line, without the box, its title, inner names, help texts and the reminder of where there are more."""
    text = " ".join(re.sub(r"[^\x20-\x7e]+|-{3,}", " ", box).split())
    text = re.split(r" Got errors:| Argument helptext:| For full helptext", text)[0]
    text, _, near = text.partition(" Perhaps you meant: ")
    options = [
        option for option in dict.fromkeys(re.findall(r"--[\w.-]+", near)) if option != "--help"
    ]
    text += f"; did you mean {' or '.join(options)}?" if options else ""
    text = text.replace(" Available subcommands:", "; allowed:")
    return TITLE.sub("", text)


def _defer(function: Callable[..., int]) -> Callable[..., Callable[[], int]]:
    @functools.wraps(function)
    def defer(*arguments, **options):
        return functools.partial(function, *arguments, **options)

    return defer
