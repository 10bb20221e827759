"""Tabulate the test errors of image runs: by method, against each other, and in other settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from figures.claims.cases import training_error
from figures.labels import (
    AUGMENTATIONS_IN_TEXT,
    BUDGETS,
    NETWORKS,
    OPTIMISERS,
    RULES,
    method_name,
)
from figures.records import Record
from figures.statistics.conditions import (
    PURE_NOISE,
    Condition,
    Conditions,
    paired_difference,
    percent_by_seed,
    usual_optimiser,
    with_method,
)
from figures.statistics.differences import difference_verdict
from figures.statistics.intervals import bootstrap_interval, seed_differences
from figures.tables.table import Table, format_range, format_signed

INTERVAL = (
    "± is half the 95% interval of the mean over n seeds, each interval on its own; differences "
    "are paired by seed"
)
BOOTSTRAP = (
    "(Student), which gives the verdict; beside it the percentile bootstrap interval over seeds, "
    "too narrow for few"
)
TRAINED = "Trained to: error on the original training images at the end"
# A method, another one, and the question that their difference answers; under every budget. K is
# the paper's best k of TADA.
CONTRASTS = (
    ("tada-2", "useful-2", "variants or copies? (E2)"),
    ("tada-K", "useful-2", "variants or copies, each at its best k? (E2)"),
    ("tada-K", "useful-K", "variants or copies? (E2)"),
    ("tada-2", "syn-rand", "slow or random? (E3)"),
    ("tada-2", "syn-all", "one of the slow or one of all? (E3)"),
    ("tada-K", "random-K", "slow or random? (E3)"),
    ("tada-K", "syn-all", "several of the slow or one of all?"),
    ("tada-K", "original-longer", "variants or mere length?"),
    ("syn-all", "original-longer", "variants or mere length?"),
)
METHOD_HEADER = (
    "method, budget",
    "test error, % (sd)",
    "minus Original",
    "trained to, %",
    "gradients",
    "generated",
    "n",
)


def image_tables(conditions: Conditions) -> list[Table]:
    """Return the tables of one data set: methods, differences, and other settings if any."""
    made = [method_table(conditions)]
    for table in (contrast_table(conditions), other_table(conditions)):
        made += [table] if table.rows else []
    return made


def method_table(conditions: Conditions) -> Table:
    """Return the test errors of all methods under every budget, in the base's other settings."""
    rows = []
    for budget in conditions.budgets:
        start = conditions.baseline_values(budget=budget)
        for label in conditions.labels:
            if members := conditions.records(label, budget=budget):
                name = f"{method_name(label)}, {BUDGETS[budget]}"
                rows.append(method_row(name, members, start, label == "original"))
    tests = conditions.first.metrics["test_images"]
    agreement = label_agreement(conditions.all_records)
    return Table(
        f"{conditions.name}: test error of {describe_setup(conditions)}",
        METHOD_HEADER,
        tuple(rows),
        f"{INTERVAL}, against Original with the same optimiser and the base length; "
        f"{describe_seeds(conditions)}; at the end of training, {tests:,} test images. {TRAINED}. "
        f"Gradients are the classifier's. {agreement}{generator_note(conditions)}",
    )


def method_row(
    name: str, members: Mapping[int, Record], start: Mapping[int, float], is_original: bool
) -> tuple[str, ...]:
    """Return the cells of a method; ``start``: seed -> test error of Original, in %."""
    errors = percent_by_seed(members, "test_error")
    values = list(errors.values())
    difference = paired_difference(errors, start)
    change = ""
    if not is_original and difference is not None:
        change = format_signed(difference.mean, difference.half, 2)
    gradients, generated = (
        np.mean([record.metrics[name] for record in members.values()])
        for name in ("gradients", "generated")
    )
    error = f"{np.mean(values):.1f}"
    if len(values) > 1:
        error += f" ± {np.std(values, ddof=1):.1f}"
    trained = training_error(members.values())
    cells = (f"{trained:.2f}" if trained == trained else "", f"{gradients:,.0f}")
    return name, error, change, *cells, f"{generated:,.0f}", str(len(values))


def label_agreement(records: Sequence[Record]) -> str:
    """Return in a sentence how many of the very variants used have their label; may be empty."""
    shares = [r.metrics["label_agreement"] for r in records if r.metrics.get("label_agreement")]
    if not shares:
        return ""
    return (
        f"A judge gives {100 * np.mean(shares):.0f}% of the variants used the label of their "
        f"source ({100 * min(shares):.0f} to {100 * max(shares):.0f}% over runs). "
    )


def contrast_table(conditions: Conditions) -> Table:
    """Return methods against each other, paired by seed, under every budget that has both."""
    rows = []
    for pair, question in ((pair, question) for *pair, question in CONTRASTS):
        one, other = (label.replace("K", str(conditions.main_factor)) for label in pair)
        for budget in conditions.budgets:
            values = [conditions.values(label, budget=budget) for label in (one, other)]
            difference = paired_difference(*values)
            if difference is None:
                continue
            low, high = bootstrap_interval(seed_differences(*values), np.random.default_rng(0))
            name = f"{method_name(one)} − {method_name(other)}, {BUDGETS[budget]}"
            mean = format_signed(difference.mean, difference.half, 2)
            verdict = difference_verdict(difference)
            rows.append((name, question, mean, format_range(low, high), verdict, str(difference.n)))
    return Table(
        f"{conditions.name}: methods against each other",
        ("difference in test error, points", "asks", "mean", "bootstrap", "verdict", "n"),
        tuple(rows),
        f"{INTERVAL} {BOOTSTRAP}; {describe_seeds(conditions)}. {generator_note(conditions)}",
    )


def other_table(conditions: Conditions) -> Table:
    """Return the test errors of runs with another network, augmentation, selection or variants."""
    rows = []
    for condition, members in conditions.groups.items():
        parts = other_settings(conditions, condition)
        if not parts:
            continue
        baseline = conditions.baseline(
            network=condition.network,
            augment=condition.augment,
            optimiser=condition.optimiser,
            budget=condition.budget,
        )
        name = ", ".join([method_name(condition.method), *parts])
        if len(conditions.budgets) > 1 and condition.budget != conditions.base.budget:
            name += f", {BUDGETS[condition.budget]}"
        start = percent_by_seed(baseline, "test_error")
        rows.append(method_row(name, members, start, baseline is members))
    return Table(
        f"{conditions.name}: other networks, augmentation, selection and variants",
        ("method, what differs", *METHOD_HEADER[1:]),
        tuple(rows),
        f"{INTERVAL}, against Original with the same network, augmentation and optimiser, at equal "
        f"epochs. {TRAINED}. Own generator: trained on the training images of the run alone.",
    )


def other_settings(conditions: Conditions, condition: Condition) -> list[str]:
    """Return what a condition differs in from the base, in words; empty if in nothing.

    Images drawn at random instead of selected have a method's name of their own.
    """
    usual = with_method(conditions.base, condition.method)
    parts = []
    if condition.network != usual.network:
        parts.append(NETWORKS.get(condition.network, condition.network))
    if condition.optimiser not in (usual.optimiser, usual_optimiser(condition.network)):
        parts.append(OPTIMISERS[condition.optimiser])
    if condition.augment != usual.augment and condition.network == usual.network:
        parts.append(AUGMENTATIONS_IN_TEXT.get(condition.augment, condition.augment))
    if condition.rule not in (usual.rule, "random"):
        style = RULES.get(str(condition.rule))
        parts.append(style.label if style else f"{condition.rule} selection")
    if condition.strength != usual.strength:
        noise = condition.strength == PURE_NOISE
        parts.append("from pure noise" if noise else f"strength {condition.strength:g}")
    if condition.trained_on != usual.trained_on:
        parts.append(f"{condition.trained_on} generator")
    return parts


def describe_setup(conditions: Conditions) -> str:
    """Describe network and data: ``ResNet-8 on 400 training images``."""
    train = conditions.first.config["data"]["train"]
    network = NETWORKS.get(conditions.base.network, conditions.base.network)
    return f"{network} on {f'{train:,}' if train else 'all'} training images"


def describe_seeds(conditions: Conditions) -> str:
    """Describe what changes from seed to seed."""
    data = conditions.first.config["data"]
    if "noisy" in conditions.name:
        return "seeds split and train anew, on the same images with the same pixel noise"
    if data["train"] is None or data.get("candidate_pool") == data["train"]:
        return "seeds train, select and generate anew, on the same training and test images"
    suffix = "" if conditions.name == "digits" else ", the test images are the same"
    return f"seeds split and train anew{suffix}"


def generator_note(conditions: Conditions) -> str:
    """Describe the generator of a table; a table of methods never mixes generators."""
    if conditions.base.trained_on != "own":
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
