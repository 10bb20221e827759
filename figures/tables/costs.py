"""Tabulate what methods cost and gain: images, gradients, time and test error (E3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from figures.labels import BUDGETS, method_name
from figures.plots.cost import OPTIONAL, RECORDS, mean_cost, methods_run
from figures.records import Record
from figures.statistics.conditions import Conditions, data_sets, paired_difference
from figures.tables.methods import generator_note
from figures.tables.table import Table, format_signed

__all__ = ["OPTIONAL", "RECORDS", "tables"]

NOTE = (
    "Means over seeds of one run, SGD; in brackets against Syn-all under the same budget. "
    "Gradients are the classifier's. Time as recorded on the device of the run (a GPU, or one "
    "core), training and measures alone (early training, variants and generators come on top): it "
    "depends on what else the machine did, as gradients and images do not. ± is half the 95% "
    "interval (Student)."
)


def tables(records: Mapping[str, Sequence[Record]]) -> list[Table]:
    """Return one table for each data set."""
    sets = data_sets(records)
    return [cost_table(conditions) for conditions in sets if conditions.records("original")]


def cost_table(conditions: Conditions) -> Table:
    """Return the costs of every method with SGD on one data set."""
    original = conditions.records("original")
    base_budget = conditions.base.budget
    rows = []
    for label, budget, members in [("original", base_budget, original), *methods_run(conditions)]:
        full = conditions.records("syn-all", budget=budget)
        costs = [
            format_share(mean_cost(members, name), mean_cost(full, name) if full else 0)
            for name in ("generated", "gradients", "seconds")
        ]
        errors = conditions.values(label, budget=budget)
        change = paired_difference(errors, conditions.baseline_values(budget=budget))
        if label == "original" or change is None:
            text = ""
        else:
            text = format_signed(change.mean, change.half, 2)
        rows.append((f"{method_name(label)}, {BUDGETS[budget]}", *costs, text))
    return Table(
        f"{conditions.name}: cost of a run, {len(original)} seeds",
        ("method, budget", "images generated", "gradients", "seconds", "error minus Original"),
        tuple(rows),
        f"{NOTE} {generator_note(conditions)}",
    )


def format_share(value: float, full: float) -> str:
    """Format a cost and its share of ``full``: ``768 (38%)``; no share if either is 0."""
    return f"{value:,.0f}" + (f" ({value / full:.0%})" if full and value else "")
