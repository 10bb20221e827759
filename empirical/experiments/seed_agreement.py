"""How far seeds agree on which images are slow, and rules with one another: a record of its own, for masks are too long for records."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from empirical.config import Stability
from empirical.data.split import split
from empirical.generation.store.store import ignore
from empirical.runtime.machine import USUAL, Machine
from empirical.selection import stage
from empirical.selection.agreement import Scores, compare, pairwise
from figures.records import Advance


def execute(
    asked: Stability, root: Path, advance: Advance = ignore, machine: Machine = USUAL
) -> dict:
    """What ``stability.compare`` says, by rule: of every two seeds on the images that both train on (``between_seeds``), and of each seed
    against the first rule on all of its images (``with_first``). kappa: the mean between seeds; None where it has no meaning.
    """
    parts, scores = [split(asked.data, seed, root) for seed in range(asked.seeds)], []
    for rule in asked.selections:
        chosen = [
            stage.selected(asked.by(rule), seed, part, root, machine)
            for seed, part in enumerate(parts)
        ]
        scores.append(
            [
                Scores(part.train_indices, one.early.losses, one.slow)
                for part, one in zip(parts, chosen, strict=True)
            ]
        )
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
