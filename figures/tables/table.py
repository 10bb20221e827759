"""A table once, as Markdown, LaTeX or text for a terminal."""

from __future__ import annotations

import dataclasses
import re
import textwrap

GREEK = {
    "α": "alpha",
    "β": "beta",
    "ρ": "rho",
    "κ": "kappa",
    "φ": "varphi",
    "σ": "sigma",
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
    **{sign: f"$^{power}$" for sign, power in zip("²³⁴", "234", strict=True)},
    "−": "$-$",
    " - ": " $-$ ",
    "…": r"\dots{}",
    "–": "--",
    "⊥": r"$\perp$",
    "’": "'",
}


NUMERIC = r"[\d.+−<>]"  # how a cell of numbers begins
LONG = 38  # characters of a cell, with room, that is no number, however it begins
LINE = 128  # characters that go into a line of the report in small print
SIGNS = re.compile(r"(?P<base>[A-Za-zα-ω]+)_(?P<index>\w)(?!\w)|" + "|".join(map(re.escape, LATEX)))


def escape(text: str) -> str:
    """Plain text as LaTeX: a hyphen between spaces is a minus, one letter after an underscore an index, as in β_e and Var_U."""
    return SIGNS.sub(
        lambda m: (
            LATEX[m[0]]
            if m["base"] is None
            else f"{LATEX.get(m['base'], m['base'])}$_{m['index']}$"
        ),
        text,
    )


@dataclasses.dataclass(frozen=True)
class Table:
    """title: one line; header and rows: text cells; the first column is left-aligned, the others right; note: what a reader must know."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""

    def markdown(self) -> str:
        sides = [
            "---:" if numeric(column) else "---"
            for column in list(zip(*self.rows, strict=True))[1:]
        ] or ["---"] * len(self.header[1:])
        lines = [self.header, ("---", *sides), *self.rows]
        body = "\n".join("| " + " | ".join(row) + " |" for row in lines)
        return f"**{self.title}**\n\n{body}\n" + (f"\n{self.note}\n" if self.note else "")

    def latex(self, label: str = "") -> str:
        """A ``longtable`` in the manner of ``booktabs``, for ``\\input``: it breaks between pages, its note stands below it.

        Columns of numbers are right-aligned, those of words left. Where all is wider than a line, the widest columns of words are wrapped.
        label: what ``\\ref`` finds it by, if anything.
        """
        mark = rf"\label{{{label}}}" if label else ""
        lines = [" & ".join(map(escape, row)) + r" \\" for row in (self.header, *self.rows)]
        return "\n".join(
            [
                r"{\scriptsize\setlength{\tabcolsep}{4pt}\setlength{\LTpre}{10pt}\setlength{\LTpost}{4pt}",
                rf"\begin{{longtable}}{{@{{}}{self._columns()}@{{}}}}",
                rf"\caption{{{escape(self.title)}.}}{mark}\\ \toprule",
                lines[0] + r" \midrule\endfirsthead",
                r"\toprule " + lines[0] + r" \midrule\endhead",
                rf"\midrule\multicolumn{{{len(self.header)}}}{{r@{{}}}}{{continued on the next page}}\endfoot",
                r"\bottomrule\endlastfoot",
                *(
                    line + "*" * (i < 3 or i > len(self.rows) - 4)
                    for i, line in enumerate(lines[1:])
                ),  # no break near either end
                r"\end{longtable}",
                rf"\tablenote{{{escape(self.note)}}}}}" if self.note else "}",
                "",
            ]
        )

    def _columns(self) -> str:
        """Their specification: where all is wider than a line, the widest columns of words are wrapped, to one width."""
        columns = list(zip(self.header, *self.rows, strict=True))
        widths = [max(map(len, column)) + 2 for column in columns]
        words = [
            i == 0 or widths[i] > LONG or not any(re.match(NUMERIC, cell) for cell in column[1:])
            for i, column in enumerate(columns)
        ]
        room = LINE - sum(width for width, wraps in zip(widths, words, strict=True) if not wraps)

        def fits(cap: int) -> bool:
            wrapping = (width for width, wraps in zip(widths, words, strict=True) if wraps)
            return sum(min(width, cap) for width in wrapping) <= room

        cap = next((cap for cap in range(max(widths), 15, -1) if fits(cap)), 15)
        wrapped = rf">{{\raggedright\arraybackslash\hangindent1em}}p{{{cap / LINE:.2f}\linewidth}}"
        return "".join(
            "r" if not wraps else wrapped if width > cap else "l"
            for width, wraps in zip(widths, words, strict=True)
        )

    def text(self) -> str:
        widths = [
            max(len(row[i]) for row in (self.header, *self.rows)) for i in range(len(self.header))
        ]

        def line(row: tuple[str, ...]) -> str:
            return "  " + "  ".join(
                cell.rjust(w) if i else cell.ljust(w)
                for i, (cell, w) in enumerate(zip(row, widths, strict=True))
            )

        note = textwrap.wrap(self.note, 120, initial_indent="  ", subsequent_indent="  ")
        return "\n".join([self.title, line(self.header), *map(line, self.rows), *note])


def numeric(column: tuple[str, ...]) -> bool:
    """Whether most of a column's cells begin as numbers do."""
    filled = [cell for cell in column if cell]
    return 2 * sum(bool(re.match(r"[\d.+−<>]", cell)) for cell in filled) > len(filled)


def signed(value: float, half: float, digits: int = 1) -> str:
    """``+0.4 ± 0.8``, with a proper minus sign; just the value where the interval is not known."""
    number = f"{value:+.{digits}f}".replace("-", "−")
    return f"{number} ± {half:.{digits}f}" if half == half else number


def span(low: float, high: float, digits: int = 2) -> str:
    """``−0.89 to 0.44``; nothing where it is not known."""
    return f"{low:.{digits}f} to {high:.{digits}f}".replace("-", "−") if low == low else ""
