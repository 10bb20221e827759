"""All numbers: test error by method, in the theory and on images, with paired differences and the budget of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from figures.records import Record
from figures.select import budget, by_label, errors, method
from figures.statistics import estimate, paired
from figures.style import look
from figures.tables import Table, signed
from figures.test_error import BUDGETS, baseline, name_of

RECORDS = ("theory/methods", "empirical/noisy-digits", "empirical/digits")
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
RESPLITS = "seeds split and train anew, on the same images with the same pixel noise"


def tables(records: Mapping[str, Sequence[Record]]) -> list[Table]:
    """One table for the theory, two for each image data set whose records are given."""
    made = [theory(records["theory/methods"])] if "theory/methods" in records else []
    for name in RECORDS[1:]:
        if name in records:
            made += [images(name.split("/")[1], records[name]), contrasts(name.split("/")[1], records[name])]
    return made


def theory(records: Sequence[Record]) -> Table:
    groups = by_label(records)

    def final(label: str, metric: str) -> dict[int, float]:
        return {record.seed: 100 * record.metrics[metric][-1] for record in groups[label]}

    rows = []
    for label, members in groups.items():
        error, slow = (estimate(list(final(label, metric).values())) for metric in ("test_error", "test_error_slow"))
        difference = paired(final(label, "test_error"), final("original", "test_error"))
        noise = estimate([record.metrics["noise_memorised_slow"][-1] for record in members])
        learned = sum(record.metrics["time_slow"] is not None for record in members)
        cells = (f"{value.mean:.2f} ± {value.half:.2f}" for value in (error, slow, noise))
        change = "" if label == "original" else signed(difference.mean, difference.half, 2)
        rows.append((look(label).label, next(cells), change, *cells, f"{learned} of {len(members)}"))
    first = next(iter(groups.values()))[0].config["optimiser"]
    return Table(
        f"Theory: exact test error of the two-layer CNN after {first['steps']:,} steps, {len(groups['original'])} seeds",
        ("method", "test error, %", "minus Original", "no fast feature, %", "noise memorised", "slow feature learned"),
        tuple(rows),
        f"{INTERVAL}; equal gradient steps, SAM takes two gradients a step. A seed's error is near 0 once the slow feature is "
        "learned and several points before: the mean counts the seeds that have not come so far by the last step.",
    )


def images(name: str, records: Sequence[Record]) -> Table:
    table = errors(records)
    spent: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        spent.setdefault((budget(record), method(record)), []).append(record)
    rows = []
    for kind, title in BUDGETS:
        base = baseline(table, kind)
        for (their_kind, label), values in table.items():
            if their_kind != kind:
                continue
            difference = paired({s: 100 * v for s, v in values.items()}, {s: 100 * v for s, v in base.items()})
            change = "" if label == "original" else signed(difference.mean, difference.half, 2)
            error, cost = [100 * v for v in values.values()], spent[kind, label]
            means = [np.mean([record.metrics[m] for record in cost]) for m in ("gradients", "generated")]
            spread = f"{np.mean(error):.1f} ± {np.std(error, ddof=1):.1f}" if len(error) > 1 else f"{error[0]:.1f}"
            rows.append((f"{name_of(label)}, {title}", spread, change, f"{means[0]:,.0f}", f"{means[1]:,.0f}"))
    config, n = records[0].config, len(base)
    return Table(
        f"{name}: test error of ResNet-8 on {config['data']['train']} training images, {n} seeds",
        ("method, budget", "test error, % (sd)", "minus Original", "gradients", "generated"),
        tuple(rows),
        f"{INTERVAL}, against Original with the same optimiser and the base number of steps; {RESPLITS}; last step, "
        f"{records[0].metrics['test_images']:,} test images. Gradients are the classifier's; the generator, trained on the training split "
        f"alone, took {config['generator']['steps']} more.",
    )


def contrasts(name: str, records: Sequence[Record]) -> Table:
    """Methods against each other, paired by seed, under every budget that has both."""
    table, rows = errors(records), []
    for one, other, question in CONTRASTS:
        for kind, title in BUDGETS:
            if (kind, one) not in table or (kind, other) not in table:
                continue
            difference = paired(*({s: 100 * v for s, v in table[kind, label].items()} for label in (one, other)))
            verdict = "no clear difference" if not difference.clear else "lower" if difference.mean < 0 else "higher"
            rows.append((f"{name_of(one)} − {name_of(other)}, {title}", question, signed(difference.mean, difference.half, 2), verdict))
    header = ("difference in test error, points", "asks", "mean", "verdict")
    return Table(f"{name}: methods against each other, {difference.n} seeds", header, tuple(rows), f"{INTERVAL}; {RESPLITS}.")
