"""Tabulate the values that the paper reports beside ours, with scale and budget."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from figures.claims.cases import main_budgets
from figures.claims.images import EXPERIMENTS, IDEAL, SMALL
from figures.claims.paper_values import REPORTED_ERRORS, Reported
from figures.labels import DATA_SETS, METHODS, NETWORKS, method_name
from figures.records import Record
from figures.statistics.conditions import (
    Conditions,
    data_sets,
    mean_over_seeds,
    paired_difference,
)
from figures.tables.table import Table, format_signed

RECORDS = SMALL[:1]
OPTIONAL = tuple(name for name in EXPERIMENTS if name not in (*SMALL, *IDEAL))
ABSENT = "not run at this scale"
NOTE = (
    "Paper: arXiv 2505.21574, as reported there; test error in %, mean ± standard deviation over "
    "its seeds, 200 epochs for every method (equal epochs). Ours: mean ± standard deviation over n "
    "seeds, under the same budget. What was run at other scales stands in the next table: other "
    "tasks, on which the sign of a difference may be compared and not its size."
)
STATEMENTS_NOTE = (
    "± is half the 95% interval (Student) of a mean over n seeds; differences are paired by seed. "
    "Digits: generators trained on the training images alone; reduced: on others; all with small "
    "networks at equal gradient steps. Paper scale: equal epochs. The settings have a table of "
    "their own."
)
Value = tuple[str, str]  # a value and its number of seeds, as text


def tables(records: Mapping[str, Sequence[Record]]) -> list[Table]:
    """Return the paper's test errors beside ours, and its statements in numbers beside ours."""
    sets = {conditions.name: conditions for conditions in data_sets(records)}
    errors = Table(
        "Test errors that the paper reports, and ours at its scale",
        ("data set, network, method", "paper", "ours, paper scale", "n"),
        tuple(reported_row(value, sets) for value in REPORTED_ERRORS),
        NOTE,
    )
    return [errors, statement_table(sets)]


def reported_row(value: Reported, sets: Mapping[str, Conditions]) -> tuple[str, ...]:
    """Return the cells of one reported error; ``sets``: name -> conditions."""
    data = DATA_SETS.get(value.data, value.data)
    network = NETWORKS.get(value.network, value.network)
    name = value.method.partition("-")[0]
    method = METHODS[name].label if name in METHODS else value.method
    paper = f"{value.mean:.2f}" + (f" ± {value.sd:.2f}" if value.sd is not None else "")
    ours = our_error(sets.get(f"{data} (paper scale)"), value)
    return (f"{data}, {network}, {method}", paper, *ours)


def our_error(conditions: Conditions | None, value: Reported) -> Value:
    """Return our mean and standard deviation of a reported error, and the number of seeds.

    For TADA it is the one with the largest k that was run.
    """
    if conditions is None or value.network not in conditions.field_values("network"):
        return ABSENT, ""
    is_tada = value.method == "tada"
    factors = reversed(conditions.factors)
    labels = [f"tada-{k}" for k in factors] if is_tada else [value.method]
    settings = conditions.settings_with("network", value.network)
    for label in labels:
        if errors := conditions.values(label, **settings):
            suffix = f" ({method_name(label)})" if is_tada else ""
            return f"{format_spread(errors)}{suffix}", str(len(errors))
    return ABSENT, ""


def format_spread(errors: Mapping[int, float]) -> str:
    """Format mean and standard deviation over seeds: ``16.10 ± 0.19``; one seed has no spread."""
    values = list(errors.values())
    spread = f" ± {np.std(values, ddof=1):.2f}" if len(values) > 1 else ""
    return f"{np.mean(values):.2f}{spread}"


def statement_table(sets: Mapping[str, Conditions]) -> Table:
    """Return what the paper says in numbers, beside the same on each of our data sets."""
    rows = []
    for statement, paper, measure in STATEMENTS:
        found = [
            (f"{statement}: {name}", paper, *value)
            for name, conditions in sets.items()
            if (value := measure(conditions))
        ]
        if not any("paper scale" in row[0] for row in found):
            found.append((f"{statement}: paper scale", paper, ABSENT, ""))
        rows += found
    return Table(
        "What the paper says in numbers, and ours",
        ("statement: data set", "paper", "ours", "n"),
        tuple(rows),
        STATEMENTS_NOTE,
    )


def measured_gain(conditions: Conditions, budget: str) -> Value | None:
    """Return TADA(2) minus Original under a budget; None if no seed has both."""
    change = paired_difference(
        conditions.values("tada-2", budget=budget), conditions.baseline_values(budget=budget)
    )
    if change is None:
        return None
    return format_signed(change.mean, change.half, 2), str(change.n)


def measured_best_factor(conditions: Conditions, method: str) -> Value | None:
    """Return the k of the lowest mean error, and all means; None if fewer than two k were run."""
    by_factor = {
        k: errors for k in conditions.factors if (errors := conditions.values(f"{method}-{k}"))
    }
    if len(by_factor) < 2:
        return None
    means = {k: mean_over_seeds(errors) for k, errors in by_factor.items()}
    listed = ", ".join(f"k = {k}: {mean:.1f}%" for k, mean in means.items())
    return f"k = {min(means, key=lambda k: means[k])} ({listed})", str(
        min(map(len, by_factor.values()))
    )


def measured_generation(conditions: Conditions) -> Value | None:
    """Return the images that TADA(2) generates as a share of those of Syn-all; None if not run."""
    targeted, full = conditions.records("tada-2"), conditions.records("syn-all")
    if not (targeted and full):
        return None
    few, many = (
        np.mean([record.metrics["generated"] for record in group.values()])
        for group in (targeted, full)
    )
    return f"{few / many:.0%}", str(len(targeted))


# Statement, the paper's value, and the function that measures ours.
STATEMENTS: tuple[tuple[str, str, Callable[[Conditions], Value | None]], ...] = (
    (
        "TADA(2) minus Original, SGD",
        "up to −2.8 in some setting",
        lambda conditions: measured_gain(conditions, main_budgets(conditions)[0]),
    ),
    (
        "TADA(2) minus Original, SAM",
        "up to −2.8 in some setting",
        lambda conditions: measured_gain(conditions, main_budgets(conditions)[1]),
    ),
    (
        "images generated, TADA(2) over Syn-all",
        "30-40% (3.6 h of 12 h on CIFAR-10)",
        measured_generation,
    ),
    ("best k of USEFUL", "2", lambda conditions: measured_best_factor(conditions, "useful")),
    ("best k of TADA", "5 (TinyImageNet: 4)", lambda c: measured_best_factor(c, "tada")),
)
