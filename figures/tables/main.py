"""Tabulate all test errors by method, with paired differences and the budget of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from figures.labels import BUDGETS, NETWORKS, method_name, method_style
from figures.records import Record
from figures.statistics.conditions import (
    Conditions,
    data_sets,
    paired_difference,
    percent_by_seed,
    with_method,
)
from figures.statistics.differences import difference_verdict
from figures.statistics.intervals import (
    bootstrap_interval,
    estimate,
    paired_estimate,
    seed_differences,
)
from figures.statistics.pick import by_label, final_values
from figures.tables.table import Table, format_range, format_signed

THEORY = "theory/methods"
RECORDS = (THEORY, "empirical/noisy-digits", "empirical/digits")
OPTIONAL = (
    "empirical/reduced-test-error",
    "empirical/reduced-generator",
    "empirical/paper-test-error",
)
# A method, another one, and the question that their difference answers; under every budget.
CONTRASTS = (
    ("tada-2", "useful-2", "variants or copies? (E2)"),
    ("tada-5", "useful-5", "variants or copies? (E2)"),
    ("tada-2", "syn-rand", "slow or random? (E3)"),
    ("tada-2", "syn-all", "one of the slow or one of all? (E3)"),
    ("tada-5", "syn-all", "four of the slow or one of all?"),
    ("tada-5", "original-longer", "variants or mere length?"),
    ("syn-all", "original-longer", "variants or mere length?"),
)
INTERVAL = (
    "± is half the 95% interval of the mean over seeds, each interval on its own; differences are "
    "paired by seed"
)
BASELINE = "against Original with the same optimiser and the base number of steps"
LEARNED = (
    "A seed's error is near 0 once the slow feature is learned and several points before: the mean "
    "counts the seeds that have not come so far by the last step."
)
BOOTSTRAP = (
    "(Student), which gives the verdict; beside it the percentile bootstrap interval over seeds, "
    "too narrow for few"
)


def tables(records: Mapping[str, Sequence[Record]]) -> list[Table]:
    """Return the tables of all data sets whose records are given.

    One for the theory; for each image data set its methods, the methods against each other, and
    the methods with other generators.
    """
    made = [theory_table(records[THEORY])] if THEORY in records else []
    images = {name: found for name, found in records.items() if name.startswith("empirical/")}
    for conditions in data_sets(images):
        generators = conditions.field_values("trained_on")
        others = [name for name in generators if name != conditions.base.trained_on]
        made += [method_table(conditions), contrast_table(conditions)]
        made += [method_table(conditions, trained_on) for trained_on in others]
    return made


def theory_table(records: Sequence[Record]) -> Table:
    """Return the test errors of the methods in the theory."""
    groups = by_label(records)
    original = final_values(groups["original"], "test_error", 100)
    rows = []
    for label, members in groups.items():
        errors = final_values(members, "test_error", 100)
        slow_errors = final_values(members, "test_error_slow", 100)
        noise = final_values(members, "noise_memorised_slow")
        bands = (estimate(list(values.values())) for values in (errors, slow_errors, noise))
        error, *others = (f"{band.mean:.2f} ± {band.half:.2f}" for band in bands)
        difference = paired_estimate(errors, original)
        change = format_signed(difference.mean, difference.half, 2) if label != "original" else ""
        learned = sum(record.metrics["time_slow"] is not None for record in members)
        name = method_style(label).label
        rows.append((name, error, change, *others, f"{learned} of {len(members)}"))
    steps = records[0].config["optimiser"]["steps"]
    return Table(
        f"Theory: population test error of the two-layer CNN after {steps:,} steps, "
        f"{len(original)} seeds",
        (
            "method",
            "test error, %",
            "minus Original",
            "no fast feature, %",
            "noise memorised",
            "slow feature learned",
        ),
        tuple(rows),
        f"{INTERVAL}; equal gradient steps, SAM takes two gradients a step. {LEARNED}",
    )


def method_table(conditions: Conditions, trained_on: str | None = None) -> Table:
    """Return the test errors of all methods under every budget.

    trained_on: only Original and the methods with this generator; None for the base's generator.
    """
    changes = {} if trained_on is None else {"trained_on": trained_on}
    labels = list(dict.fromkeys(condition.method for condition in conditions.groups))
    generating = {label for label in labels if with_method(conditions.base, label).trained_on}
    rows = []
    for budget in conditions.budgets:
        start = conditions.baseline_values(budget=budget)
        groups = {label: conditions.records(label, budget=budget, **changes) for label in labels}
        if trained_on is not None:
            if not any(groups[label] for label in generating):
                continue
            groups = {
                label: members
                for label, members in groups.items()
                if label == "original" or label in generating
            }
        for label, members in groups.items():
            if members:
                rows.append(method_row(label, BUDGETS[budget], members, start))
    suffix = f", generator: {trained_on}" if trained_on else ""
    seeds = len(conditions.records("original"))
    tests = conditions.first.metrics["test_images"]
    return Table(
        f"{conditions.name}: test error of {describe_setup(conditions)}{suffix}, {seeds} seeds",
        ("method, budget", "test error, % (sd)", "minus Original", "gradients", "generated"),
        tuple(rows),
        f"{INTERVAL}, {BASELINE}; {describe_seeds(conditions)}; last step, {tests:,} test images. "
        f"Gradients are the classifier's. {generator_note(conditions, trained_on)}",
    )


def method_row(
    label: str, budget: str, members: Mapping[int, Record], start: Mapping[int, float]
) -> tuple[str, ...]:
    """Return the cells of a method; ``start``: seed -> test error of Original, in %."""
    errors = percent_by_seed(members, "test_error")
    values = list(errors.values())
    difference = paired_difference(errors, start)
    change = ""
    if label != "original" and difference is not None:
        change = format_signed(difference.mean, difference.half, 2)
    gradients, generated = (
        np.mean([record.metrics[name] for record in members.values()])
        for name in ("gradients", "generated")
    )
    error = f"{np.mean(values):.1f}"
    if len(values) > 1:
        error += f" ± {np.std(values, ddof=1):.1f}"
    name = f"{method_name(label)}, {budget}"
    return name, error, change, f"{gradients:,.0f}", f"{generated:,.0f}"


def describe_setup(conditions: Conditions) -> str:
    """Describe network and data: ``ResNet-8 on 400 training images``."""
    train = conditions.first.config["data"]["train"]
    network = NETWORKS.get(conditions.base.network, conditions.base.network)
    return f"{network} on {f'{train:,}' if train else 'all'} training images"


def describe_seeds(conditions: Conditions) -> str:
    """Describe what changes from seed to seed."""
    if "noisy" in conditions.name:
        return "seeds split and train anew, on the same images with the same pixel noise"
    suffix = "" if conditions.name == "digits" else ", the test images are the same"
    return f"seeds split and train anew{suffix}"


def generator_note(conditions: Conditions, trained_on: str | None = None) -> str:
    """Describe the generator of a table; a table never mixes generators.

    trained_on: ``own`` or ``external``; None for the base's generator.
    """
    if (trained_on or conditions.base.trained_on) != "own":
        return (
            "The generator (external) was trained beforehand on images that no run trains or "
            "tests on."
        )
    configs = (
        r.config["generator"] for group in conditions.groups.values() for r in group.values()
    )
    own = next((config for config in configs if config.get("trained_on", "own") == "own"), None)
    steps = f", took {own['steps']:,} gradients" if own else ""
    return f"The generator, trained on the training split alone{steps}."


def contrast_table(conditions: Conditions) -> Table:
    """Return methods against each other, paired by seed, under every budget that has both."""
    rows = []
    for one, other, question in CONTRASTS:
        for budget in conditions.budgets:
            pair = [conditions.values(label, budget=budget) for label in (one, other)]
            difference = paired_difference(*pair)
            if difference is None:
                continue
            low, high = bootstrap_interval(seed_differences(*pair), np.random.default_rng(0))
            name = f"{method_name(one)} − {method_name(other)}, {BUDGETS[budget]}"
            mean = format_signed(difference.mean, difference.half, 2)
            interval = format_range(low, high)
            rows.append((name, question, mean, interval, difference_verdict(difference)))
    seeds = len(conditions.records("original"))
    return Table(
        f"{conditions.name}: methods against each other, {seeds} seeds",
        ("difference in test error, points", "asks", "mean", "bootstrap", "verdict"),
        tuple(rows),
        f"{INTERVAL} {BOOTSTRAP}; {describe_seeds(conditions)}. {generator_note(conditions)}",
    )
