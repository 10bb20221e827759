"""What TADA and Syn-all cost and bring: images generated, gradients, time, test error (E3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from figures.labels import TITLES, name_of
from figures.plots.cost import OPTIONAL, RECORDS, average, spent
from figures.records import Record
from figures.statistics.conditions import Runs, apart, data_sets
from figures.tables.main import generator_note
from figures.tables.table import Table, signed

__all__ = ["OPTIONAL", "RECORDS", "tables"]
NOTE = (
    "Means over seeds of one run, SGD; in brackets against Syn-all under the same budget. Gradients are the classifier's. Time as "
    "recorded on the device of the run (a GPU, or one core), training and measures alone (early training, variants and generators "
    "come on top): it depends on what else the machine did, as gradients and images do not. ± is half the 95% interval (Student)."
)


def tables(records: Mapping[str, Sequence[Record]]) -> list[Table]:
    """One for each data set."""
    return [table(runs) for runs in data_sets(records)]


def table(runs: Runs) -> Table:
    rows = []
    for label, budget, members in [
        ("original", runs.base.budget, runs.runs("original")),
        *spent(runs),
    ]:
        full = runs.runs("syn-all", budget=budget)
        cells = [
            share(average(members, name), average(full, name) if full else 0)
            for name in ("generated", "gradients", "seconds")
        ]
        change = apart(runs.values(label, budget=budget), runs.baseline(budget=budget))
        told = (
            ""
            if label == "original" or change is None
            else signed(float(change.mean), float(change.half), 2)
        )
        rows.append((f"{name_of(label)}, {TITLES[budget]}", *cells, told))
    return Table(
        f"{runs.name}: cost of a run, {len(runs.runs('original'))} seeds",
        ("method, budget", "images generated", "gradients", "seconds", "error minus Original"),
        tuple(rows),
        f"{NOTE} {generator_note(runs)}",
    )


def share(value: float, full: float) -> str:
    """``768 (38%)``."""
    return f"{value:,.0f}" + (f" ({value / full:.0%})" if full and value else "")
