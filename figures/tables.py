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
    "φ": "phi",
    "σ": "sigma",
    "ξ": "xi",
    "∇": "nabla",
    "≤": "le",
    "±": "pm",
    "×": "times",
}
LATEX = {
    **{sign: rf"\{sign}" for sign in "%&_#"},
    **{sign: rf"$\{name}$" for sign, name in GREEK.items()},
    **{sign: f"${sign}$" for sign in "<>|"},
    **{sign: f"$^{power}$" for sign, power in zip("²³⁴", "234", strict=True)},
    "−": "$-$",
}


@dataclasses.dataclass(frozen=True)
class Table:
    """title: one line; header and rows: text cells; the first column is left-aligned, the others right; note: what a reader must know."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""

    def markdown(self) -> str:
        sides = ["---:" if numeric(column) else "---" for column in list(zip(*self.rows, strict=True))[1:]] or ["---"] * len(
            self.header[1:]
        )
        lines = [self.header, ("---", *sides), *self.rows]
        body = "\n".join("| " + " | ".join(row) + " |" for row in lines)
        return f"**{self.title}**\n\n{body}\n" + (f"\n{self.note}\n" if self.note else "")

    def latex(self) -> str:
        """A ``booktabs`` table for ``\\input``."""
        escape = lambda text: re.sub("|".join(map(re.escape, LATEX)), lambda m: LATEX[m[0]], text)  # noqa: E731
        lines = [" & ".join(map(escape, row)) + r" \\" for row in (self.header, *self.rows)]
        return "\n".join(
            [
                r"\begin{table}\centering\small",
                rf"\caption{{{escape(self.title)}. {escape(self.note)}}}",
                rf"\begin{{tabular}}{{l{'r' * (len(self.header) - 1)}}}\toprule",
                lines[0] + r" \midrule",
                *lines[1:],
                r"\bottomrule\end{tabular}\end{table}",
                "",
            ]
        )

    def text(self) -> str:
        widths = [max(len(row[i]) for row in (self.header, *self.rows)) for i in range(len(self.header))]

        def line(row: tuple[str, ...]) -> str:
            return "  " + "  ".join(cell.rjust(w) if i else cell.ljust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True)))

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
