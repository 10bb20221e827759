"""Decide whether variants show what their sources show, before any is written.

The judge is made by ``generation/quality/cross_fit.py``. Variants of images that it recognises
must be recognised as well, more often than by chance.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from empirical.config import Training
from empirical.generation.quality.cross_fit import FOLDS
from empirical.own_images.early import network_recipe

EPOCHS = 60  # of each classifier's training, within the limits below
LEAST_STEPS = 400
MOST_STEPS = 3000  # unless 10 epochs are more
LEAST_EPOCHS = 10
TRIALS = 64  # variants that are made and judged first


def judge_recipe(count: int, network: str | None, on_cpu: bool, flip: bool) -> Training:
    """Return how each classifier is trained. count: training images. network: None: by device."""
    base = network_recipe(network, on_cpu, flip)
    epoch = math.ceil(count * (FOLDS - 1) / FOLDS / base.batch)
    steps = max(LEAST_STEPS, LEAST_EPOCHS * epoch, min(EPOCHS * epoch, MOST_STEPS))
    return dataclasses.replace(
        base,
        steps=steps,
        epochs=None,
        schedule="cosine",
        warmup=0.05,
    )


def draw_trials(recognised: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return up to 64 recognised images, rising, as evenly over the classes as they allow.

    recognised: (n,) bool, images whose judge prefers their label.
    """
    order = rng.permutation(np.flatnonzero(recognised))
    rank = np.empty(len(order), np.int64)  # of each image within its class
    for c in np.unique(labels[order]):
        rows = np.flatnonzero(labels[order] == c)
        rank[rows] = np.arange(len(rows))
    return np.sort(order[np.argsort(rank, kind="stable")][:TRIALS])


@dataclasses.dataclass(frozen=True)
class Verdict:
    """How many variants of recognised images are recognised as well.

    share: in [0, 1], the mean of the classes' shares, so that a judge that answers the same to all
    reaches ``chance`` and no more. None if images of fewer than two classes are recognised.
    chance: 1 / the number of classes that count. bound: half of the way from chance to 1.
    count: number of variants that count.
    """

    share: float | None
    chance: float
    count: int

    @property
    def bound(self) -> float:
        """The least share with which variants are written."""
        return self.chance + (1 - self.chance) / 2

    @property
    def passed(self) -> bool:
        """Whether the share reaches the bound."""
        return self.share is not None and self.share >= self.bound

    def describe(self) -> dict[str, Any]:
        """Return the entry of the manifest."""
        return {
            "recognised_still": self.share,
            "chance": self.chance,
            "bound": self.bound,
            "variants_of_recognised_images": self.count,
            "passed": self.passed,
        }


def judge_variants(
    preferred: np.ndarray, sources: np.ndarray, labels: np.ndarray, recognised: np.ndarray
) -> Verdict:
    """Return the verdict on variants.

    preferred: (m,), the class that the judge prefers for each variant. sources: (m,), their
    images. labels, recognised: (n,), of all images.
    """
    counted = recognised[sources]
    truth = labels[sources][counted]
    right = preferred[counted] == truth
    there = np.unique(truth)
    if len(there) < 2:
        return Verdict(None, 1.0, int(counted.sum()))
    share = float(np.mean([right[truth == c].mean() for c in there]))
    return Verdict(share, 1 / len(there), int(counted.sum()))


def share_of(mask: np.ndarray) -> float | None:
    """Return the share of true entries; None of an empty mask."""
    return float(mask.mean()) if len(mask) else None
