"""Write the figures, tables, captions and numbers of the report into one folder for LaTeX."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from figures.draw import LATER, NAMES, Drawing, load_drawer
from figures.records import RecordError
from figures.report.keys import report_drawings, report_keys
from figures.report.numbers import numbers
from figures.tables.table import escape_latex

OPTIONAL = (  # drawings that the report can do without, as their records take hours
    "factor",
    "strength",
    "selection",
    "stacking",
    "architectures",
    "cost",
    "learning_curves",
    "reproduction",
    "costs",
    *LATER,
)


def build_report(out: Path, roots: Iterable[Path]) -> list[str]:
    """Draw what the report names into ``out``/drawn, and write numbers.tex and drawings.tex.

    Return a line for each drawing. A drawing whose records are missing is left out; its place in
    the report says why, unless it is one of OPTIONAL.
    """
    drawing = Drawing(out / "drawn", roots, again=False)
    lines = []
    values: dict[str, str] = {}
    for kind, name in report_drawings():
        try:
            if name not in (*NAMES, *LATER):
                raise RecordError(f"no {kind} {name} yet")
            lines.append(drawing(name))
            values[f"drawn.{name}"] = "1"
            values |= figure_values(name) if kind == "figure" else {}
        except RecordError as error:
            lines.append(f"{name}: left out: {error}")
            values |= {} if name in OPTIONAL else {f"missing.{name}": escape_latex(str(error))}
    write_if_changed(out / "drawings.tex", format_values(values))
    write_if_changed(out / "numbers.tex", format_values(numbers(drawing.read, report_keys())))
    return lines


def figure_values(name: str) -> dict[str, str]:
    """Return the width of a figure, in widths of the text, and its caption, as its module has."""
    drawer = load_drawer(name)
    return {
        f"width.{name}": f"{drawer.SIZE[0]:g}",
        f"caption.{name}": format_caption(drawer.CAPTION),
    }


def format_caption(text: str) -> str:
    """Return a caption as LaTeX; text between dollar signs is mathematics and stays as it is."""
    parts = text.split("$")
    return "$".join(part if i % 2 else escape_latex(part) for i, part in enumerate(parts))


def format_values(values: Mapping[str, str]) -> str:
    r"""Return the LaTeX file that defines every key with ``\defval``, sorted by key."""
    return "".join(f"\\defval{{{key}}}{{{text}}}\n" for key, text in sorted(values.items()))


def write_if_changed(path: Path, text: str) -> None:
    """Write a file unless it has this text already, so that LaTeX has nothing to do."""
    if not path.exists() or path.read_text() != text:
        path.write_text(text)
