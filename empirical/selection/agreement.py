"""Measure how much two selections agree, beside the agreement expected by chance.

Inputs are numpy arrays; a measure is None where it is not defined.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

MEASURES = ("jaccard", "jaccard_chance", "overlap", "overlap_chance", "kappa", "spearman")


@dataclasses.dataclass(frozen=True)
class Scores:
    """The losses of n examples, and which of them were selected as slow.

    indices: (n,) distinct integers that name the examples. losses: (n,). slow: (n,) bool. Both as
    in ``selection.rules.select``.
    """

    indices: np.ndarray
    losses: np.ndarray
    slow: np.ndarray


def jaccard(a: np.ndarray, b: np.ndarray) -> float | None:
    """Return |A and B| / |A or B| of two masks (n,) bool, in [0, 1]; None if both are empty."""
    from sklearn.metrics import jaccard_score

    return float(jaccard_score(a, b)) if (a | b).any() else None


def overlap(a: np.ndarray, b: np.ndarray) -> float | None:
    """Return |A and B| / min(|A|, |B|), in [0, 1]; None if a mask is empty.

    This is the overlap (Szymkiewicz-Simpson) coefficient of two masks (n,) bool.
    """
    return _ratio((a & b).sum(), min(a.sum(), b.sum()))


def kappa(a: np.ndarray, b: np.ndarray) -> float | None:
    """Return Cohen's kappa (1960) of two masks (n,) bool, in [-1, 1].

    It is (p - e) / (1 - e), with p the share of examples on which both agree, and e the share
    expected of two independent masks of the same sizes. None if both select all examples or both
    select none.
    """
    from sklearn.metrics import cohen_kappa_score

    one_value = len(np.unique(np.concatenate([a, b]))) < 2
    return None if one_value else float(cohen_kappa_score(a, b))


def chance_jaccard(n: int, a: int, b: int) -> float | None:
    """Return the expected Jaccard index of independent random subsets of a and b of n examples.

    It is E[X / (a + b - X)] with X hypergeometric. None if both subsets are empty.
    """
    from scipy.stats import hypergeom

    if a == 0 and b == 0:
        return None
    x = np.arange(max(0, a + b - n), min(a, b) + 1)
    return float((hypergeom.pmf(x, n, a, b) * x / (a + b - x)).sum())


def chance_overlap(n: int, a: int, b: int) -> float | None:
    """Return the expected overlap coefficient of such subsets; None if one of them is empty.

    It is (a b / n) / min(a, b) = max(a, b) / n.
    """
    return _ratio(max(a, b), n) if min(a, b) else None


def spearman(x: np.ndarray, y: np.ndarray) -> float | None:
    """Return Spearman's rank correlation of two arrays (n,), in [-1, 1].

    Ties have their mean rank. None if all values of one array are equal.
    """
    from scipy.stats import spearmanr

    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return None
    return float(spearmanr(x, y).statistic)


def by_class(slow: np.ndarray, labels: np.ndarray, classes: int) -> list[float | None]:
    """Return the fraction of slow examples in each class 0..classes-1; None for an empty class."""
    counts = np.bincount(labels, minlength=classes)
    selected = np.bincount(labels[slow], minlength=classes)
    return [_ratio(part, total) for part, total in zip(selected, counts, strict=True)]


def compare(first: Scores, second: Scores) -> dict[str, Any]:
    """Return how much two selections agree on their common examples.

    common: number of these examples. slow: how many of them each selects. Then the ``MEASURES``,
    which are None if fewer than two examples are common.
    """
    _, i, j = np.intersect1d(first.indices, second.indices, assume_unique=True, return_indices=True)
    a = first.slow[i]
    b = second.slow[j]
    n = len(i)
    slow = [int(a.sum()), int(b.sum())]
    if n < 2:
        return {"common": n, "slow": slow, **dict.fromkeys(MEASURES)}
    return {
        "common": n,
        "slow": slow,
        "jaccard": jaccard(a, b),
        "jaccard_chance": chance_jaccard(n, *slow),
        "overlap": overlap(a, b),
        "overlap_chance": chance_overlap(n, *slow),
        "kappa": kappa(a, b),
        "spearman": spearman(first.losses[i], second.losses[j]),
    }


def pairwise(scores: Sequence[Scores]) -> list[dict[str, Any]]:
    """Return ``compare`` of every two selections; ``seeds`` holds their positions in ``scores``."""
    return [
        {"seeds": [i, j], **compare(scores[i], scores[j])}
        for i, j in itertools.combinations(range(len(scores)), 2)
    ]


def _ratio(part: float, total: float) -> float | None:
    """Return part / total, or None if total is 0."""
    return float(part / total) if total else None
