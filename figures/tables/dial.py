"""Make the table of real generators on the ideal generator's dial: predicted and seen gains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from figures.records import Record
from figures.statistics.dial import PlacedGenerator, place_generators
from figures.tables.table import Table

RECORDS = ("empirical/dial", "empirical/dose")
CAPTION = "Real generators on the dial"
NOTE = (
    "kappa: share of the source's noise that a variant keeps; s: size of its fresh noise, in which "
    "all that is wrong in a variant counts; phi: fidelity of its features; label: share of the "
    "variants that a judge gives their label. Change of test error of TADA(5) against Original, in "
    "points, on noisy digits with a planted pattern: seen, and as ideal variants of equal kappa, "
    "s and phi would bring it (the effects of the three are added)."
)


def tables(records: Mapping[str, Sequence[Record]]) -> list[Table]:
    """Return one table, a row for each generator."""
    header = ("generator", "n", "kappa", "s", "phi", "label", "predicted", "seen", "95% interval")
    rows = tuple(map(table_row, place_generators(records)))
    return [Table(CAPTION, header, rows, NOTE)]


def table_row(generator: PlacedGenerator) -> tuple[str, ...]:
    """Return the cells of one generator."""
    dials, seen = generator.dials, generator.seen
    return (
        generator.name,
        str(seen.n),
        f"{dials['kappa']:.2f}",
        f"{dials['fresh_noise']:.2f}",
        f"{dials['fidelity']:.2f}",
        f"{100 * generator.agreement:.0f}%",
        "-" if generator.predicted is None else f"{generator.predicted:+.1f}",
        f"{seen.mean:+.1f}",
        f"{seen.low:+.1f} to {seen.high:+.1f}",
    )
