"""Format one table as Markdown, as LaTeX, or as text for a terminal."""

from __future__ import annotations

import dataclasses
import re
import textwrap

from figures.records.command_line.rows import grid, terminal_width

GREEK = {
    "α": "alpha",
    "β": "beta",
    "ρ": "rho",
    "κ": "kappa",
    "φ": "varphi",
    "σ": "sigma",
    "θ": "theta",
    "η": "eta",
    "τ": "tau",
    "Σ": "Sigma",
    "ξ": "xi",
    "∇": "nabla",
    "≤": "le",
    "±": "pm",
    "×": "times",
    "≥": "ge",
    "≈": "approx",
    "→": "to",
}
LATEX = {
    **{sign: rf"\{sign}" for sign in "%&_#"},
    **{sign: rf"$\{name}$" for sign, name in GREEK.items()},
    **{sign: f"${sign}$" for sign in "<>|"},
    **{sign: f"$^{power}$" for sign, power in zip("²³⁴⁵", "2345", strict=True)},
    **{f"^{digit}": f"$^{digit}$" for digit in "0123456789"},
    "^": r"\textasciicircum{}",
    "−": "$-$",
    " - ": " $-$ ",
    "…": r"\dots{}",
    "–": "--",
    "⊥": r"$\perp$",
    "’": "'",
}
SIGNS = re.compile(r"(?P<base>[A-Za-zα-ω]+)_(?P<index>\w)(?!\w)|" + "|".join(map(re.escape, LATEX)))

NUMERIC = re.compile(r"[\d.+−<>]")  # first character of a cell that holds a number
LONG = 38  # columns wider than this hold words, whatever their cells begin with; in characters
LINE = 128  # characters that fit a line of the report in small print
PAGE = 100  # characters to which notes are wrapped in Markdown
MIN_WIDTH = 15  # characters of a wrapped column, at least
KEEP = 3  # rows at each end of a table that are not separated by a page break


def escape_latex(text: str) -> str:
    """Return plain text as LaTeX.

    A hyphen between spaces becomes a minus sign, and a single letter after an underscore an index,
    as in β_e and Var_U.
    """

    def replacement(match: re.Match) -> str:
        if match["base"] is None:
            return LATEX[match[0]]
        return f"{LATEX.get(match['base'], match['base'])}$_{match['index']}$"

    return SIGNS.sub(replacement, text)


@dataclasses.dataclass(frozen=True)
class Table:
    """A table of text cells.

    title: one line.
    header, rows: cells; the first column is aligned to the left, numbers to the right.
    note: what a reader must know to understand the numbers.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""

    def markdown(self) -> str:
        """Return the table as Markdown with its title and note."""
        columns = list(zip(*self.rows, strict=True))[1:]
        sides = ["---:" if is_numeric(column) else "---" for column in columns]
        lines = [self.header, ("---", *(sides or ["---"] * len(self.header[1:]))), *self.rows]
        body = "\n".join("| " + " | ".join(row) + " |" for row in lines)
        note = textwrap.fill(self.note, PAGE, break_on_hyphens=False)
        return f"**{self.title}**\n\n{body}\n" + (f"\n{note}\n" if note else "")

    def latex(self, label: str = "") -> str:
        r"""Return the table as a ``longtable`` with the rules of ``booktabs``, for ``\input``.

        It may break between pages, with its note below it. Columns of numbers are aligned to the
        right, those of words to the left. If the table is wider than a line, the widest columns of
        words are wrapped. ``label`` is the name for ``\ref``, if any.
        """
        mark = rf"\label{{{label}}}" if label else ""
        header, *rows = (
            " & ".join(map(escape_latex, row)) + r" \\" for row in (self.header, *self.rows)
        )
        body = [
            row
            + ("*" if i < KEEP or i >= len(rows) - KEEP else "")  # the star forbids a page break
            for i, row in enumerate(rows)
        ]
        lengths = (("tabcolsep", 4), ("LTpre", 10), ("LTpost", 4))
        continued = r"{r@{}}{continued on the next page}"
        return "\n".join(
            [
                r"{\scriptsize"
                + "".join(rf"\setlength{{\{name}}}{{{n}pt}}" for name, n in lengths),
                rf"\begin{{longtable}}{{@{{}}{self._column_types()}@{{}}}}",
                rf"\caption{{{escape_latex(self.title)}.}}{mark}\\ \toprule",
                header + r" \midrule\endfirsthead",
                r"\toprule " + header + r" \midrule\endhead",
                rf"\midrule\multicolumn{{{len(self.header)}}}{continued}\endfoot",
                r"\bottomrule\endlastfoot",
                *body,
                r"\end{longtable}",
                rf"\tablenote{{{escape_latex(self.note)}}}}}" if self.note else "}",
                "",
            ]
        )

    def _column_types(self) -> str:
        """Return the column specification; the widest columns of words get one wrapped width."""
        columns = list(zip(self.header, *self.rows, strict=True))
        widths = [max(map(len, column)) + 2 for column in columns]
        words = [
            i == 0 or widths[i] > LONG or not any(map(NUMERIC.match, column[1:]))
            for i, column in enumerate(columns)
        ]
        room = LINE - sum(width for width, wraps in zip(widths, words, strict=True) if not wraps)

        def fits(cap: int) -> bool:
            wrapping = (width for width, wraps in zip(widths, words, strict=True) if wraps)
            return sum(min(width, cap) for width in wrapping) <= room

        caps = range(max(widths), MIN_WIDTH, -1)
        cap = next((cap for cap in caps if fits(cap)), MIN_WIDTH)
        wrapped = rf">{{\raggedright\arraybackslash\hangindent1em}}p{{{cap / LINE:.2f}\linewidth}}"
        return "".join(
            "r" if not wraps else wrapped if width > cap else "l"
            for width, wraps in zip(widths, words, strict=True)
        )

    def text(self, width: int | None = None) -> str:
        """Return the table as text; width: of a line, in characters; None: the terminal's."""
        columns = list(zip(*self.rows, strict=True))
        right = [i for i, column in enumerate(columns) if i and is_numeric(column)]
        body = grid(self.header, self.rows, right, width)
        words = (self.title, self.note)
        title, note = (textwrap.wrap(text, width or terminal_width()) for text in words)
        return "\n".join([*title, body, *note])


def is_numeric(column: tuple[str, ...]) -> bool:
    """Return whether more than half of the filled cells of a column begin as numbers do."""
    filled = [cell for cell in column if cell]
    return 2 * sum(bool(NUMERIC.match(cell)) for cell in filled) > len(filled)


def format_signed(value: float, half: float, digits: int = 1) -> str:
    """Return value and half of its interval, ``+0.4 ± 0.8``; only the value if ``half`` is NaN."""
    number = f"{value:+.{digits}f}".replace("-", "−")
    return f"{number} ± {half:.{digits}f}" if half == half else number


def format_range(low: float, high: float, digits: int = 2) -> str:
    """Return an interval, ``−0.89 to 0.44``; empty if ``low`` is NaN."""
    return f"{low:.{digits}f} to {high:.{digits}f}".replace("-", "−") if low == low else ""
