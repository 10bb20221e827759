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
CONTRASTS = (  # budget, a method, another, what their difference tells
    ("steps", "tada-5", "useful-5", "variants or copies (E2)"),
    ("epochs", "tada-5", "useful-5", "variants or copies (E2)"),
    ("sam", "tada-5", "useful-5", "variants or copies (E2)"),
    ("steps", "tada-2", "syn-rand", "slow or random (E3)"),
    ("epochs", "tada-2", "syn-rand", "slow or random (E3)"),
    ("steps", "tada-2", "syn-all", "some or all (E3)"),
    ("epochs", "tada-5", "syn-all", "some or all (E3)"),
    ("epochs", "tada-5", "original-longer", "variants or mere length (E1)"),
)
INTERVAL = "± is half the 95% interval of the mean over seeds; differences are paired by seed"


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
        error, slow = final(label, "test_error"), final(label, "test_error_slow")
        both = [estimate(list(values.values())) for values in (error, slow)]
        difference = paired(error, final("original", "test_error"))
        noise = np.mean([record.metrics["noise_memorised_slow"][-1] for record in members])
        change = "" if label == "original" else signed(difference.mean, difference.half, 2)
        rows.append((look(label).label, f"{both[0].mean:.2f}", change, f"{both[1].mean:.1f}", f"{noise:.2f}"))
    first = next(iter(groups.values()))[0].config["optimiser"]
    return Table(
        f"Theory: exact test error of the two-layer CNN after {first['steps']:,} steps, {len(groups['original'])} seeds",
        ("method", "test error, %", "minus Original", "no fast feature, %", "noise memorised"),
        tuple(rows),
        f"{INTERVAL}; equal gradient steps, SAM takes two gradients a step.",
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
            change = "" if label == "original" else signed(difference.mean, difference.half)
            error, cost = [100 * v for v in values.values()], spent[kind, label]
            means = [np.mean([record.metrics[m] for record in cost]) for m in ("gradients", "generated")]
            spread = f"{np.mean(error):.1f} ± {np.std(error, ddof=1):.1f}" if len(error) > 1 else f"{error[0]:.1f}"
            rows.append((f"{name_of(label)}, {title}", spread, change, f"{means[0]:,.0f}", f"{means[1]:,.0f}"))
    config, n = records[0].config, len(base)
    return Table(
        f"{name}: test error of ResNet-8 on {config['data']['train']} training images, {n} seeds",
        ("method, budget", "test error, % (sd)", "minus Original", "gradients", "generated"),
        tuple(rows),
        f"{INTERVAL}, Original with the same optimiser and the base number of steps; last step, "
        f"{records[0].metrics['test_images']:,} test images; generator trained on the training split alone.",
    )


def contrasts(name: str, records: Sequence[Record]) -> Table:
    """The paper's comparisons of one method with another, paired by seed."""
    table, rows = errors(records), []
    for budget_name, one, other, question in CONTRASTS:
        pair = [{s: 100 * v for s, v in table[key].items()} for key in ((budget_name, one), (budget_name, other))]
        difference = paired(*pair)
        verdict = "no clear difference" if not difference.clear else "lower" if difference.mean < 0 else "higher"
        title = dict(BUDGETS)[budget_name]
        rows.append((f"{name_of(one)} − {name_of(other)}, {title}", question, signed(difference.mean, difference.half), verdict))
    header = ("difference in test error, points", "asks", "mean", "verdict")
    return Table(f"{name}: methods against each other, {difference.n} seeds", header, tuple(rows), f"{INTERVAL}.")
