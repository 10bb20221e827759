"""How much two selections agree, beside what chance alone would give: numpy arrays in, numbers out. None where a number has no meaning."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np


@dataclasses.dataclass(frozen=True)
class Scores:
    """One selection. indices: (n,) distinct numbers that name the examples; losses and slow: (n,), as ``selection.select`` has them."""

    indices: np.ndarray
    losses: np.ndarray
    slow: np.ndarray


def jaccard(a: np.ndarray, b: np.ndarray) -> float | None:
    """|A and B| / |A or B| of two masks (n,) bool, in [0, 1]; None where both are empty."""
    return _ratio((a & b).sum(), (a | b).sum())


def overlap(a: np.ndarray, b: np.ndarray) -> float | None:
    """|A and B| / min(|A|, |B|), the overlap (Szymkiewicz-Simpson) coefficient, in [0, 1]; None where one is empty."""
    return _ratio((a & b).sum(), min(a.sum(), b.sum()))


def kappa(a: np.ndarray, b: np.ndarray) -> float | None:
    """Cohen's kappa (1960): (p - e) / (1 - e), p the share on which both agree, e what two independent choices of these sizes would
    agree on; in [-1, 1]. None where both take all or both take none.
    """
    p, x, y = (a == b).mean(), a.mean(), b.mean()
    e = x * y + (1 - x) * (1 - y)
    return _ratio(p - e, 1 - e)


def chance_jaccard(n: int, a: int, b: int) -> float | None:
    """Expected Jaccard index of independent random subsets of a and b of n examples: E[X / (a + b - X)], X hypergeometric."""
    from scipy.stats import hypergeom

    if a == 0 and b == 0:
        return None
    x = np.arange(max(0, a + b - n), min(a, b) + 1)
    return float((hypergeom.pmf(x, n, a, b) * x / (a + b - x)).sum())


def chance_overlap(n: int, a: int, b: int) -> float | None:
    """Expected overlap coefficient of the same: (a b / n) / min(a, b) = max(a, b) / n."""
    return _ratio(max(a, b), n) if min(a, b) else None


def spearman(x: np.ndarray, y: np.ndarray) -> float | None:
    """Spearman's rank correlation of two sets of scores (n,), ties at their mean rank, in [-1, 1]; None where one does not vary."""
    from scipy.stats import rankdata

    ranks = np.stack([rankdata(x), rankdata(y)])
    ranks -= ranks.mean(1, keepdims=True)
    return _ratio((ranks[0] * ranks[1]).sum(), np.sqrt((ranks**2).sum(1).prod()))


def by_class(slow: np.ndarray, labels: np.ndarray, classes: int) -> list[float | None]:
    """Fraction of slow examples of each class 0..classes-1; None for a class without examples."""
    counts = np.bincount(labels, minlength=classes)
    return [
        _ratio(s, c)
        for s, c in zip(np.bincount(labels[slow], minlength=classes), counts, strict=True)
    ]


def compare(first: Scores, second: Scores) -> dict[str, Any]:
    """How two selections agree on the examples that both have. Without two of them ``common`` alone says something."""
    _, i, j = np.intersect1d(first.indices, second.indices, assume_unique=True, return_indices=True)
    a, b = first.slow[i], second.slow[j]
    if len(i) < 2:
        names = ("jaccard", "jaccard_chance", "overlap", "overlap_chance", "kappa", "spearman")
        return {"common": len(i), "slow": [int(a.sum()), int(b.sum())], **dict.fromkeys(names)}
    sizes = (len(i), int(a.sum()), int(b.sum()))
    return {
        "common": len(i),
        "slow": list(sizes[1:]),
        "jaccard": jaccard(a, b),
        "jaccard_chance": chance_jaccard(*sizes),
        "overlap": overlap(a, b),
        "overlap_chance": chance_overlap(*sizes),
        "kappa": kappa(a, b),
        "spearman": spearman(first.losses[i], second.losses[j]),
    }


def pairwise(scores: Sequence[Scores]) -> list[dict[str, Any]]:
    """What ``compare`` says of every two of the selections; seeds: the places of the two."""
    return [
        {"seeds": [i, j], **compare(scores[i], scores[j])}
        for i, j in itertools.combinations(range(len(scores)), 2)
    ]


def _ratio(part: float, whole: float) -> float | None:
    return float(part / whole) if whole else None
