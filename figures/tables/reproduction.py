"""Tabulate the values that the paper reports beside ours, with scale and budget."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from figures.claims.cases import main_budgets
from figures.claims.images import EXPERIMENTS, IDEAL, PLANNED, SMALL, UNJUDGED
from figures.claims.paper_values import REPORTED_ERRORS, Reported
from figures.labels import DATA_SETS, METHODS, NETWORKS, SAM_BUDGETS
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
ABSENT = "not run"
NOTE = (
    "Paper: arXiv 2505.21574, as reported there; test error in %, mean ± standard deviation over "
    "its seeds, 200 epochs for every method (equal epochs). Chart, about: read off a picture. "
    "Ours: mean ± standard deviation over n seeds, by the paper's recipe alone: 200 epochs of "
    "plain SGD or SAM with crop and flip, TADA with the paper's best k; what was trained "
    "otherwise, such as networks with AdamW, fills no row. What was run at other scales stands in "
    "the next table: other tasks, on which the sign of a difference may be compared and not its "
    "size."
)
STATEMENTS_NOTE = (
    "± is half the 95% interval (Student) of a mean over n seeds, each on its own; differences are "
    "paired by seed. Noisy digits: the generator trained on the training images alone, equal "
    "gradient steps. Reduced and paper scale: a generator that has seen other images, equal "
    "epochs. The settings have a table of their own."
)
EPOCHS = 200  # of the paper's recipe
Value = tuple[str, str]  # a value and its number of seeds, as text


def tables(records: Mapping[str, Sequence[Record]]) -> list[Table]:
    """Return the paper's test errors beside ours, and its statements in numbers beside ours."""
    found = data_sets(records)
    sets = {one.name: one for one in found if one.scale not in UNJUDGED}
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
    if value.chart:
        paper = f"chart, about {value.mean:g}"
    ours = our_error(sets.get(f"{data} (paper scale)"), value)
    sam = ", SAM" if value.optimiser == "sam" else ""
    return (f"{data}, {network}{sam}, {method}", paper, *ours)


def our_error(conditions: Conditions | None, value: Reported) -> Value:
    """Return our mean and standard deviation of a reported error, and the number of seeds.

    Only runs by the paper's recipe count, of TADA those with the paper's best k.
    """
    if conditions is None:
        return ABSENT, ""
    label = f"tada-{conditions.main_factor}" if value.method == "tada" else value.method
    settings: dict[str, Any] = {
        "network": value.network,
        "budget": SAM_BUDGETS["epochs"] if value.optimiser == "sam" else "epochs",
    }
    runs = conditions.records(label, **settings)  # plain SGD, or SAM on top of it
    errors = {seed: error_of(record) for seed, record in runs.items() if is_papers(record)}
    return (format_spread(errors), str(len(errors))) if errors else (ABSENT, "")


def error_of(record: Record) -> float:
    """Return the test error of a run, in %."""
    return 100 * record.metrics["test_error"]


def is_papers(record: Record) -> bool:
    """Return whether a run was trained by the paper's recipe."""
    training = record.config["training"]
    settings = (training["epochs"], training["batch"], training["lr"], training["augment"])
    plain = training["optimiser"] in ("sgd", "sam") and training["schedule"] == "step"
    return plain and settings == (EPOCHS, 128, 0.1, "crop-flip")


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
        for planned in PLANNED:
            if not any(planned in row[0] for row in found):
                found.append((f"{statement}: {planned}", paper, ABSENT, ""))
        rows += found
    return Table(
        "What the paper says in numbers, and ours",
        ("statement: data set", "paper", "ours", "n"),
        tuple(rows),
        STATEMENTS_NOTE,
    )


def measured_gain(conditions: Conditions, budget: str) -> Value | None:
    """Return TADA minus Original under a budget, at the best k; None if no seed has both."""
    change = paired_difference(
        conditions.values(f"tada-{conditions.main_factor}", budget=budget),
        conditions.baseline_values(budget=budget),
    )
    if change is None:
        return None
    return format_signed(change.mean, change.half, 2), str(change.n)


def measured_best_factor(conditions: Conditions, method: str) -> Value | None:
    """Return the k of the lowest mean error, and all means; None if fewer than two k were run."""
    by_factor = {
        k: errors
        for k in conditions.factors_of(method)
        if (errors := conditions.values(f"{method}-{k}"))
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
        "TADA(5) minus Original, SGD (TinyImageNet: 4)",
        "chart; less than with SAM on TinyImageNet",
        lambda conditions: measured_gain(conditions, main_budgets(conditions)[0]),
    ),
    (
        "TADA(5) minus Original, SAM (TinyImageNet: 4)",
        "chart; the largest, −2.8, on TinyImageNet",
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
