"""The main table agrees with the committed records."""

import numpy as np
import pytest

from figures.records import COMMITTED, load
from figures.statistics.intervals import estimate
from figures.statistics.pick import budget_of, method_of
from figures.tables.main import tables
from figures.tables.table import format_signed


def means_of(values, n=4000):
    """Return the means of n resamples of the values."""
    return np.random.default_rng(1).choice(values, (n, len(values))).mean(1)


def errors(records):
    """Return (budget, method) -> seed -> test error of image runs."""
    table = {}
    for record in records:
        group = table.setdefault((budget_of(record), method_of(record)), {})
        group[record.seed] = record.metrics["test_error"]
    return table


@pytest.mark.slow
def test_the_main_table_says_what_the_records_say():
    names = ("theory/methods", "empirical/noisy-digits", "empirical/digits")
    records = {name: load(name, (COMMITTED,)) for name in names}
    theory, noisy, contrasts, digits, _ = tables(records)
    originals = [
        r.metrics["test_error"][-1]
        for r in records["theory/methods"]
        if r.config["label"] == "original"
    ]
    assert theory.rows[0][0] == "Original"
    band = estimate(100 * np.array(originals))
    assert theory.rows[0][1] == f"{band.mean:.2f} ± {band.half:.2f}"
    values = errors(records["empirical/noisy-digits"])
    apart = [
        100 * (values["epochs", "tada-5"][s] - values["steps", "original"][s])
        for s in values["steps", "original"]
    ]
    (row,) = (row for row in noisy.rows if row[0] == "TADA(5), equal epochs, SGD")
    assert row[2] == format_signed(np.mean(apart), float(estimate(np.array(apart)).half), 2)
    assert row[-1] == str(len(apart))
    assert len(noisy.rows) == len(digits.rows) == len(values)
    apart = [
        100 * (values["sam", "tada-5"][s] - values["sam", "useful-5"][s])
        for s in values["steps", "original"]
    ]
    (row,) = (row for row in contrasts.rows if row[0] == "TADA(5) − USEFUL(5), equal steps, SAM")
    assert float(row[3].split(" to ")[0].replace("−", "-")) == pytest.approx(
        np.percentile(means_of(apart), 2.5), abs=0.04
    )
    assert row[2] == format_signed(np.mean(apart), float(estimate(np.array(apart)).half), 2)
    for row in contrasts.rows:
        mean, half = (float(part) for part in row[2].replace("−", "-").split(" ± "))
        if abs(abs(mean) - half) < 0.011:  # rounding may hide which is larger
            continue
        clear = "lower" if mean < 0 else "higher"
        assert row[4] == ("no clear difference" if abs(mean) < half else clear)
