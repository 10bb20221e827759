"""Print a word and a text beside it, wrapped to the width of the terminal."""

from __future__ import annotations

import shutil
import textwrap

NARROW = 20  # characters of a line of text, at least


def print_row(word: str, text: str, column: int, width: int | None = None) -> None:
    """Print a word, and its text from a column on; later lines are indented like the first.

    column: where the text begins, in characters. width: of a line; None: that of the terminal, 80
    in a file or pipe.
    """
    width = width or shutil.get_terminal_size().columns
    lines = textwrap.wrap(text, max(NARROW, width - column), break_on_hyphens=False) or [""]
    for i, line in enumerate(lines):
        print(f"{word if i == 0 else '':{column}}{line}".rstrip(), flush=True)
