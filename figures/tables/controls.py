"""Tabulate what length, count, weight, variants and targeting bring, told apart by controls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from figures.labels import SHORT_DATA_SETS, method_name
from figures.records import Record
from figures.statistics.conditions import Conditions, data_sets, paired_difference
from figures.tables.table import Table, format_signed

RECORDS = ("empirical/ideal",)
OPTIONAL = (
    "empirical/reduced-controls",
    "empirical/reduced-crop-flip",
    "empirical/paper-controls",
)
REDUCED = "CIFAR-10 (reduced)"  # named even if it was not run
NOTE = (
    "Differences of test error in points, paired by seed: mean with half the 95% interval over "
    "seeds (Student), each on its own, and the number of seeds; SGD, equal epochs, at the end of "
    "training. K is the paper's best k of TADA: 5, on TinyImageNet 4. Original (longer) takes as "
    "many steps as TADA(K); random(K): as many variants as TADA(K), of random images; random "
    "copies(2): as many copies as USEFUL(2), of random images. Length, variants and targeting add "
    "up to the last line where all have the same seeds. With a real generator, variants of random "
    "images bring what the generator has learned from its own images, too."
)
ROWS = (  # what is told apart, and the difference that tells it
    ("length", "original-longer", "original"),
    ("count: as many copies, as long", "useful-K", "original-longer"),
    ("weight: the loss of slow images counts twice", "reweighted-2", "original"),
    ("copies of random images", "random-copies-2", "original"),
    ("copies of slow, not of random images", "useful-2", "random-copies-2"),
    ("variants, of random images, as long", "random-K", "original-longer"),
    ("variants instead of copies", "tada-K", "useful-K"),
    ("targeting: slow, not random images", "tada-K", "random-K"),
    ("all together", "tada-K", "original"),
)


def tables(records: Mapping[str, Sequence[Record]]) -> list[Table]:
    """Return one table, with a column for each data set."""
    sets: dict[str, Conditions | None] = {REDUCED: None}
    sets |= {conditions.name: conditions for conditions in data_sets(records)}
    names = [SHORT_DATA_SETS.get(name, name) for name in sets]
    rows = []
    for what, *pair in ROWS:
        one, other = (method_name(label.replace("-K", "-5")).replace("5", "K") for label in pair)
        cells = [format_cell(conditions, *pair) for conditions in sets.values()]
        rows.append((what, f"{one} − {other}", *cells))
    header = ("what", "difference", *names)
    return [Table("What the variants bring, told apart", header, tuple(rows), NOTE)]


def format_cell(conditions: Conditions | None, one: str, other: str) -> str:
    """Return a difference with its interval and n, ``−1.20 ± 0.45 (8)``; ``not run`` without."""
    if conditions is None:
        return "not run"
    labels = [label.replace("-K", f"-{conditions.main_factor}") for label in (one, other)]
    change = paired_difference(*map(conditions.values, labels))
    if change is None:
        return "not run"
    return f"{format_signed(change.mean, change.half, 2)} ({change.n})"
