r"""Find the numbers and the drawings that the report's LaTeX files ask for.

The macros are defined in ``paper/report.tex``: ``\val{key}`` prints a number, ``\ifval{key}`` asks
whether there is one, ``\contrast{key}`` prints a difference with its verdict, ``\ifholds{T2d}``
asks whether a case of a claim holds, ``\given{key}`` prints a number or the words not run.
"""

from __future__ import annotations

import re
from pathlib import Path

from figures.records.paths import ROOT

TEXT = ROOT / "paper"
COMMENT = re.compile(r"(?<!\\)%.*")
DRAWING = re.compile(r"\\tada(figure|table)(?:\[[^]]*\])?\{([\w-]+)\}")
READ = re.compile(r"\\(val|given|ifval|contrast|ifholds)(?:\[[^]]*\])?\{([^{}#]+)\}")
KEYS = {  # macro -> the keys that it reads
    "val": ("{}",),
    "given": ("{}",),
    "ifval": ("{}",),
    "contrast": ("{}", "{}.verdict"),
    "ifholds": ("claims.{}.holds",),
}
OF_DRAWINGS = ("drawn.", "missing.", "width.", "caption.")  # keys that drawings.tex defines


def report_sources() -> list[Path]:
    """Return the paths of the report's LaTeX files."""
    return [TEXT / "report.tex", *sorted((TEXT / "sections").glob("*.tex"))]


def keys_in(source: str) -> set[str]:
    """Return the keys of numbers that a LaTeX text reads, comments and drawings left out."""
    found = {
        pattern.format(argument)
        for macro, argument in READ.findall(COMMENT.sub("", source))
        for pattern in KEYS[macro]
    }
    return {key for key in found if not key.startswith(OF_DRAWINGS)}


def report_keys() -> set[str]:
    """Return the keys of all numbers that the report reads."""
    return set().union(*(keys_in(path.read_text()) for path in report_sources()))


def report_drawings() -> list[tuple[str, str]]:
    """Return the drawings of the report in order: (``figure`` or ``table``, name)."""
    found = (match for path in report_sources() for match in DRAWING.findall(path.read_text()))
    return list(dict.fromkeys((kind, name) for kind, name in found))
