"""What the report takes from the records: its figures, tables, captions and numbers, in one folder for LaTeX."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from figures.draw import NAMES, Drawing, module
from figures.records import RecordError
from figures.report.numbers import numbers, tex
from figures.tables.table import escape

OPTIONAL = (
    "factor",
    "strength",
    "selection",
    "stacking",
    "architectures",
    "cost",
    "learning_curves",
    "reproduction",
    "costs",
)
TEXT = Path(__file__).resolve().parents[2] / "paper"
NAMED = re.compile(r"\\tada(figure|table)(?:\[[^]]*\])?\{([\w-]+)\}")


def build(out: Path, roots: Iterable[Path]) -> list[str]:
    """Draw what the report names into ``out``/drawn, write ``numbers.tex`` and ``drawings.tex``; a line for each drawing.

    A figure or table that cannot be drawn is left out. Its place in the report says why, unless it is one of those that the report can do
    without, as their records take hours.
    """
    drawing, said, values = Drawing(out / "drawn", roots, again=False), [], {}
    for kind, name in named():
        try:
            if name not in NAMES:
                raise RecordError(f"no {kind} {name} yet")
            said.append(drawing(name))
            values |= {f"drawn.{name}": "1"} | (figure(name) if kind == "figure" else {})
        except RecordError as error:
            said.append(f"{name}: left out: {error}")
            values |= {} if name in OPTIONAL else {f"missing.{name}": escape(str(error))}
    write(out / "drawings.tex", tex(values))
    write(out / "numbers.tex", tex(numbers(drawing.records)))
    return said


def sources() -> list[Path]:
    """The report's LaTeX files."""
    return [TEXT / "report.tex", *sorted((TEXT / "sections").glob("*.tex"))]


def named() -> list[tuple[str, str]]:
    """The figures and tables of the report: (``figure`` or ``table``, name)."""
    found = (match for path in sources() for match in NAMED.findall(path.read_text()))
    return list(dict.fromkeys((kind, name) for kind, name in found))


def figure(name: str) -> dict[str, str]:
    """Width, in lines of text, and caption of a figure, as its module states them."""
    drawer = module(name)
    return {f"width.{name}": f"{drawer.SIZE[0]:g}", f"caption.{name}": caption(drawer.CAPTION)}


def caption(text: str) -> str:
    """A caption as LaTeX: what stands between dollar signs is mathematics already."""
    parts = text.split("$")
    return "$".join(part if i % 2 else escape(part) for i, part in enumerate(parts))


def write(path: Path, text: str) -> None:
    """Leave a file that says this already as it is, so that LaTeX has nothing to do."""
    if not path.exists() or path.read_text() != text:
        path.write_text(text)
