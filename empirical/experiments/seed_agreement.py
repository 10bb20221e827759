"""Measure how far seeds agree on which images are slow, and selection rules with one another.

It has a record of its own: the masks of all images are too long for the records of runs.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from empirical.config import SelectionAgreement
from empirical.data.context import Context
from empirical.runtime.machine import DEFAULT_MACHINE, Machine
from empirical.selection.agreement import Scores, compare, pairwise
from empirical.selection.stage import selected
from figures.records import Advance, no_progress


def execute(
    asked: SelectionAgreement,
    root: Path,
    advance: Advance = no_progress,
    machine: Machine = DEFAULT_MACHINE,
) -> dict:
    """Return the agreement between seeds and between rules, as ``agreement.compare`` measures it.

    between_seeds: for each rule, every two seeds on the images that both train on. with_first: for
    each rule and seed, the comparison with the first rule on all images of that seed. kappa: for
    each rule, the mean of Cohen's kappa between seeds; None where no pair has one.
    """
    base = [
        Context(asked.by(asked.selections[0]), seed, root, machine) for seed in range(asked.seeds)
    ]
    scores = []
    for rule in asked.selections:
        scores.append([_scores(context.with_run(asked.by(rule))) for context in base])
        advance(1 / len(asked.selections))
    between = [pairwise(each) for each in scores]
    known = [[pair["kappa"] for pair in pairs if pair["kappa"] is not None] for pairs in between]
    return {
        "rules": [rule.label for rule in asked.selections],
        "between_seeds": between,
        "with_first": [
            [compare(*pair) for pair in zip(scores[0], each, strict=True)] for each in scores
        ],
        "kappa": [float(np.mean(values)) if values else None for values in known],
    }


def _scores(context: Context) -> Scores:
    chosen = selected(context)
    return Scores(context.parts.train_indices, chosen.early.losses, chosen.slow)
