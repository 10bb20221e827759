"""Make the table of deciding contrasts with ideal variants, corrected for their number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from figures.records import Record
from figures.statistics.arms import Arms, arm_name
from figures.statistics.conditions import percent_by_seed
from figures.statistics.holm import holm_intervals
from figures.statistics.intervals import Estimate, seed_differences
from figures.tables.table import Table, format_signed

RECORDS = ("empirical/ideal",)
OPTIONAL = ("empirical/ideal-plain",)
MIN_SEEDS = 8  # with fewer seeds no verdict is given
NOTE = (
    "Differences of test error in points, paired by seed, at equal epochs, last epoch, on noisy "
    "digits with ideal variants; with a pattern (learned fast) above 80% of the images: all test "
    "images, and those without it; and without any pattern. Intervals are corrected by Holm's "
    "method over all contrasts of a column, so that with probability 95% no verdict in it is "
    "wrong; lower and higher: the corrected interval excludes 0. Fewer than 8 seeds give no "
    "verdict."
)
CONTRASTS = (
    ("useful-2", "original"),
    ("useful-5", "original"),
    ("tada-2", "original"),
    ("tada-5", "original"),
    ("tada-8", "original"),
    ("tada-5", "original-longer"),
    ("tada-2", "useful-2"),
    ("tada-5", "useful-5"),
    ("tada-2", "random-2"),
    ("tada-5", "random-5"),
    ("tada-2", "syn-all"),
    ("tada-5", "syn-all"),
    ("tada-8", "tada-5"),
)


def tables(records: Mapping[str, Sequence[Record]]) -> list[Table]:
    """Return one table, a row for each contrast."""
    arms = Arms(record for part in records.values() for record in part)
    columns = [
        ("all test images", "test_error", 0.8),
        ("those without pattern", "test_error_uncued", 0.8),
    ]
    if arms.records("original", share=0.0):
        columns.append(("no pattern in the data", "test_error", 0.0))
    found = [contrast_column(arms, metric, share) for _, metric, share in columns]
    header = ("contrast", "n", *(title for title, *_ in columns))
    rows = []
    for i, (one, other) in enumerate(CONTRASTS):
        cells = [format_contrast(column[i]) for column in found]
        name = f"{arm_name(one)} − {arm_name(other)}"
        rows.append((name, str(found[0][i].n), *cells))
    return [Table("Ideal variants: deciding contrasts", header, tuple(rows), NOTE)]


def contrast_column(arms: Arms, metric: str, share: float) -> list[Estimate]:
    """Return the corrected estimate of every contrast, in points."""
    samples = []
    for one, other in CONTRASTS:
        values = percent_by_seed(arms.records(one, share=share), metric)
        baseline = percent_by_seed(arms.records(other, share=share), metric)
        samples.append(np.asarray(seed_differences(values, baseline), float))
    return holm_intervals(samples)


def format_contrast(change: Estimate) -> str:
    """Return a contrast with its corrected half width and its verdict."""
    if change.n < 2:
        return "not run"
    numbers = format_signed(change.mean, change.half, 2)
    if change.n < MIN_SEEDS:
        return f"{numbers}: too few seeds"
    if not change.excludes_zero:
        return f"{numbers}: no clear difference"
    return f"{numbers}: {'lower' if change.mean < 0 else 'higher'}"
