"""Select the slow-learnable examples from any model's outputs early in training.

Numpy arrays in, a mask out; torch is not needed::

    # (n, classes): your model's softmax outputs on its training set, early in training
    probabilities = ...
    losses = -np.log(probabilities[np.arange(n), labels])
    # the paper's rule
    slow = select(probabilities, losses, labels)
    # the same on the values before the softmax
    slow = select(logits, losses, labels, Selection(features="logits"))
    slow = select(probabilities, losses, labels, Selection("high-loss", fraction=0.3))

Early means while the training error falls quickly and is neither near chance nor near 0
(``knee.py``). Later the outputs on all examples are alike.
"""

from __future__ import annotations

import warnings

import numpy as np

from empirical.config import Selection, require
from empirical.runtime.seeding import stream

PAPER = Selection()


def select(
    outputs: np.ndarray,
    losses: np.ndarray,
    labels: np.ndarray,
    selection: Selection = PAPER,
    seed: int = 0,
) -> np.ndarray:
    """Return the examples that ``selection`` takes for slow: (n,) bool.

    outputs: (n, classes); if ``selection.features`` is ``softmax``, rows that sum to 1, else
    logits. Column c belongs to class c. losses: (n,), of any kind that is greater for examples
    learned less. labels: (n,) integers in 0..classes-1. seed: for the first centres of the clusters
    and for random choices; the same seed gives the same mask. Of examples with equal losses the
    first are taken. Raises ValueError for shapes that do not fit, values that are not finite,
    outputs that are not probabilities where these are needed, and the rule ``truth``.
    """
    outputs, losses, labels = np.asarray(outputs), np.asarray(losses), np.asarray(labels)
    known = selection.rule != "truth"
    require(known, "selection.rule", selection.rule, "rules that go by outputs; truth needs a cue")
    check(outputs, losses, labels, selection)
    if selection.rule == "all":
        return np.ones(len(labels), dtype=bool)
    if selection.rule == "misclassified":
        return outputs.argmax(1) != labels
    clustered = cluster(outputs, losses, labels, seed) if selection.clusters else None
    if selection.rule == "cluster":
        assert clustered is not None
        return clustered
    slow = np.zeros(len(labels), dtype=bool)
    everyone = np.arange(len(labels))
    for number, members in enumerate(groups(labels) if selection.per_class else [everyone]):
        if clustered is not None:
            count = int(clustered[members].sum())
        else:
            assert selection.fraction is not None
            count = round(selection.fraction * len(members))
        if selection.rule == "high-loss":
            order = np.argsort(-losses[members].astype(np.float64), kind="stable")
            chosen = members[order[:count]]
        else:
            name = int(labels[members[0]]) if selection.per_class else number
            rng = stream(seed, "random selection", name)
            chosen = rng.choice(members, count, replace=False)
        slow[chosen] = True
    return slow


def cluster(outputs: np.ndarray, losses: np.ndarray, labels: np.ndarray, seed: int) -> np.ndarray:
    """Cluster the outputs of each class in two by k-means; the cluster of higher mean loss is slow.

    Returns (n,) bool. A class of one example, or whose outputs are all equal, has no slow example.
    Ten starts by k-means++, computed exactly: 50,000 x 10 outputs take under a second on one core,
    100,000 x 200 about three. Source: Nguyen et al., arXiv 2505.21574, and USEFUL, arXiv
    2404.17768.
    """
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    slow = np.zeros(len(labels), dtype=bool)
    # one thread gives the same bits on any number of cores
    with threadpool_limits(1), warnings.catch_warnings():
        # about fewer distinct points than clusters: one cluster is then empty, see below
        warnings.simplefilter("ignore", ConvergenceWarning)
        for members in groups(labels):
            if len(members) < 2:
                continue
            state = int(stream(seed, "clusters", int(labels[members[0]])).integers(2**31))
            means = KMeans(2, n_init=10, random_state=state)
            found = means.fit_predict(outputs[members].astype(np.float64))
            clusters = [members[found == c] for c in (0, 1)]
            if all(len(each) for each in clusters):
                mean_losses = [losses[each].mean() for each in clusters]
                slow[clusters[np.argmax(mean_losses)]] = True
    return slow


def groups(labels: np.ndarray) -> list[np.ndarray]:
    """Return the indices of each class that occurs, in the order of the classes."""
    order = np.argsort(labels, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(labels[order])) + 1) if len(labels) else []


def check(
    outputs: np.ndarray, losses: np.ndarray, labels: np.ndarray, selection: Selection
) -> None:
    """Raise ValueError, one line, for arrays that ``select`` cannot use."""
    shapes = (outputs.shape, losses.shape, labels.shape)
    has_classes = outputs.ndim == 2 and outputs.shape[1] > 0
    fit = has_classes and losses.shape == labels.shape == outputs.shape[:1]
    require(fit, "shapes of outputs, losses, labels", shapes, "(n, classes), (n,), (n,)")
    _check_numbers("outputs", outputs)
    _check_numbers("losses", losses)
    whole = np.issubdtype(labels.dtype, np.integer)
    require(whole, "kind of labels", str(labels.dtype), "integers")
    if not len(labels):
        return
    ends = (int(labels.min()), int(labels.max()))
    allowed = f"0..{outputs.shape[1] - 1}"
    inside = ends[0] >= 0 and ends[1] < outputs.shape[1]
    require(inside, "smallest and largest label", ends, allowed)
    if selection.clusters and selection.features == "softmax":
        off = float(np.abs(outputs.sum(1, dtype=np.float64) - 1).max())
        right = bool(outputs.min() >= -1e-6 and off < 0.01)
        require(
            right,
            "smallest output, largest distance of a row's sum from 1",
            (float(outputs.min()), off),
            "probabilities, at least 0 and with rows that sum to 1; "
            "for others set selection.features to logits",
        )


def _check_numbers(name: str, values: np.ndarray) -> None:
    """Raise ValueError unless all values are finite numbers."""
    number = np.issubdtype(values.dtype, np.number)
    require(number, f"kind of {name}", str(values.dtype), "numbers")
    broken = int((~np.isfinite(values)).sum())
    if broken:
        raise ValueError(
            f"{broken} of {values.size} {name} are NaN or infinite; allowed: finite numbers"
        )
