"""All numbers: test error by method, in the theory and on images, with paired differences and the budget of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from figures.labels import NETWORKS, TITLES, look, name_of
from figures.records import Record
from figures.statistics.conditions import Runs, apart, data_sets, used
from figures.statistics.differences import verdict
from figures.statistics.intervals import bootstrap, estimate, paired, paired_samples
from figures.statistics.pick import by_label
from figures.tables.table import Table, signed, span

RECORDS = ("theory/methods", "empirical/noisy-digits", "empirical/digits")
OPTIONAL = (
    "empirical/reduced-test-error",
    "empirical/reduced-generator",
    "empirical/paper-test-error",
)
CONTRASTS = (  # a method, another, what their difference asks; given under every budget that has both
    ("tada-2", "useful-2", "variants or copies? (E2)"),
    ("tada-5", "useful-5", "variants or copies? (E2)"),
    ("tada-2", "syn-rand", "slow or random? (E3)"),
    ("tada-2", "syn-all", "one of the slow or one of all? (E3)"),
    ("tada-5", "syn-all", "four of the slow or one of all?"),
    ("tada-5", "original-longer", "variants or mere length?"),
    ("syn-all", "original-longer", "variants or mere length?"),
)
INTERVAL = "± is half the 95% interval of the mean over seeds, each interval on its own; differences are paired by seed"


def tables(records: Mapping[str, Sequence[Record]]) -> list[Table]:
    """One table for the theory; for each image data set that is given all methods, the methods against each other, and other generators."""
    made = [theory(records["theory/methods"])] if "theory/methods" in records else []
    for runs in data_sets(
        {name: members for name, members in records.items() if name.startswith("empirical/")}
    ):
        others = [seen for seen in runs.having("seen") if seen != runs.base.seen]
        made += [images(runs), contrasts(runs), *(images(runs, seen) for seen in others)]
    return made


def theory(records: Sequence[Record]) -> Table:
    groups = by_label(records)

    def final(label: str, metric: str) -> dict[int, float]:
        return {record.seed: 100 * record.metrics[metric][-1] for record in groups[label]}

    rows = []
    for label, members in groups.items():
        error, slow = (
            estimate(list(final(label, metric).values()))
            for metric in ("test_error", "test_error_slow")
        )
        difference = paired(final(label, "test_error"), final("original", "test_error"))
        noise = estimate([record.metrics["noise_memorised_slow"][-1] for record in members])
        learned = sum(record.metrics["time_slow"] is not None for record in members)
        cells = (f"{value.mean:.2f} ± {value.half:.2f}" for value in (error, slow, noise))
        change = "" if label == "original" else signed(difference.mean, difference.half, 2)
        rows.append(
            (look(label).label, next(cells), change, *cells, f"{learned} of {len(members)}")
        )
    first = next(iter(groups.values()))[0].config["optimiser"]
    return Table(
        f"Theory: population test error of the two-layer CNN after {first['steps']:,} steps, {len(groups['original'])} seeds",
        (
            "method",
            "test error, %",
            "minus Original",
            "no fast feature, %",
            "noise memorised",
            "slow feature learned",
        ),
        tuple(rows),
        f"{INTERVAL}; equal gradient steps, SAM takes two gradients a step. A seed's error is near 0 once the slow feature is "
        "learned and several points before: the mean counts the seeds that have not come so far by the last step.",
    )


def images(runs: Runs, seen: str | None = None) -> Table:
    """All methods under every budget; ``seen``: those of another generator than the base's alone, beside Original."""
    changes = {} if seen is None else {"seen": seen}
    labels = list(dict.fromkeys(kind.method for kind in runs.groups))
    rows = []
    for budget in runs.budgets:
        start = runs.baseline(budget=budget)
        groups = {label: runs.runs(label, budget=budget, **changes) for label in labels}
        if seen is not None and not any(
            used(label, runs.base).seen and groups[label] for label in labels
        ):
            continue
        for label, members in groups.items():
            if members and (seen is None or label == "original" or used(label, runs.base).seen):
                rows.append(image_row(label, TITLES[budget], members, start))
    return Table(
        f"{runs.name}: test error of {described(runs)}{', generator: ' + seen if seen else ''}, {len(runs.runs('original'))} seeds",
        ("method, budget", "test error, % (sd)", "minus Original", "gradients", "generated"),
        tuple(rows),
        f"{INTERVAL}, against Original with the same optimiser and the base number of steps; {resplits(runs)}; last step, "
        f"{runs.first.metrics['test_images']:,} test images. Gradients are the classifier's. {generator_note(runs, seen)}",
    )


def image_row(
    label: str, title: str, members: Mapping[int, Record], start: Mapping[int, float]
) -> tuple[str, ...]:
    errors = {seed: 100 * record.metrics["test_error"] for seed, record in members.items()}
    difference, values = apart(errors, start), list(errors.values())
    change = (
        ""
        if label == "original" or difference is None
        else signed(float(difference.mean), float(difference.half), 2)
    )
    means = [
        np.mean([record.metrics[m] for record in members.values()])
        for m in ("gradients", "generated")
    ]
    spread = (
        f"{np.mean(values):.1f} ± {np.std(values, ddof=1):.1f}"
        if len(values) > 1
        else f"{values[0]:.1f}"
    )
    return f"{name_of(label)}, {title}", spread, change, f"{means[0]:,.0f}", f"{means[1]:,.0f}"


def described(runs: Runs) -> str:
    """``ResNet-8 on 400 training images``."""
    train = runs.first.config["data"]["train"]
    return f"{NETWORKS.get(runs.base.network, runs.base.network)} on {f'{train:,}' if train else 'all'} training images"


def resplits(runs: Runs) -> str:
    if "noisy" in runs.name:
        return "seeds split and train anew, on the same images with the same pixel noise"
    return "seeds split and train anew" + (
        "" if runs.name == "digits" else ", the test images are the same"
    )


def generator_note(runs: Runs, seen: str | None = None) -> str:
    """What the generator of a table has seen: tables never mix the two."""
    if (seen or runs.base.seen) == "own":
        trained = next(
            (
                r
                for g in runs.groups.values()
                for r in g.values()
                if r.config["generator"].get("trained_on", "own") == "own"
            ),
            None,
        )
        steps = f", took {trained.config['generator']['steps']:,} gradients" if trained else ""
        return f"The generator, trained on the training split alone{steps}."
    return (
        "The generator (external) was trained beforehand on images that no run trains or tests on."
    )


def contrasts(runs: Runs) -> Table:
    """Methods against each other, paired by seed, under every budget that has both."""
    rows = []
    for one, other, question in CONTRASTS:
        for budget in runs.budgets:
            pair = [runs.values(label, budget=budget) for label in (one, other)]
            difference = apart(*pair)
            if difference is None:
                continue
            low, high = bootstrap(paired_samples(*pair), np.random.default_rng(0))
            name = f"{name_of(one)} − {name_of(other)}, {TITLES[budget]}"
            mean = signed(float(difference.mean), float(difference.half), 2)
            rows.append((name, question, mean, span(low, high), verdict(difference)))
    return Table(
        f"{runs.name}: methods against each other, {len(runs.runs('original'))} seeds",
        ("difference in test error, points", "asks", "mean", "bootstrap", "verdict"),
        tuple(rows),
        f"{INTERVAL} (Student), which gives the verdict; beside it the percentile bootstrap interval over seeds, too narrow for few; "
        f"{resplits(runs)}. {generator_note(runs)}",
    )
