"""Print text in columns that fit the terminal."""

from __future__ import annotations

import io
import shutil
import textwrap
from collections.abc import Collection, Sequence

NARROW = 20  # characters of a line of text, at least
WIDTH = 80  # characters of a line in a file or pipe


def terminal_width() -> int:
    """Return the width of the terminal, or of the environment variable COLUMNS, in characters."""
    return shutil.get_terminal_size((WIDTH, 24)).columns


def print_row(word: str, text: str, column: int, width: int | None = None) -> None:
    """Print a word, and its text from a column on; later lines are indented like the first.

    column: where the text begins, in characters. width: of a line; None: that of the terminal.
    """
    width = width or terminal_width()
    lines = textwrap.wrap(text, max(NARROW, width - column), break_on_hyphens=False) or [""]
    for i, line in enumerate(lines):
        print(f"{word if i == 0 else '':{column}}{line}".rstrip(), flush=True)


def grid(
    header: Sequence[str],
    rows: Collection[Sequence[str]],
    right: Collection[int] = (),
    width: int | None = None,
) -> str:
    """Return a table as text; cells that are too long for the width go on in the next line.

    right: columns that are aligned to the right. width: of a line, in characters; None: that of the
    terminal.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="")
    for i, title in enumerate(header):
        table.add_column(title, justify="right" if i in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*row)
    file = io.StringIO()
    console = Console(
        file=file, width=width or terminal_width(), no_color=True, highlight=False, markup=False
    )
    console.print(table)
    return "\n".join(line.rstrip() for line in file.getvalue().rstrip("\n").splitlines())
