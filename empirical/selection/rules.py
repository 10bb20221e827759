"""Which examples are slow-learnable, by the outputs of any model early in training: numpy arrays in, a mask out; no torch needed.

    probabilities = ...  # (n, classes): your model's softmax outputs on its training set, early in training
    losses = -np.log(probabilities[np.arange(n), labels])
    slow = select(probabilities, losses, labels)                            # the paper's rule
    slow = select(logits, losses, labels, Selection(features="logits"))     # the same, clustering what comes before the softmax
    slow = select(probabilities, losses, labels, Selection("high-loss", fraction=0.3))

Early means while the training error falls quickly and is neither near chance nor near 0 (``knee.py``): later all outputs are alike.
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
    """The examples that ``selection`` takes for slow: (n,) bool.

    outputs: (n, classes), rows that sum to 1 if ``selection.features`` is ``softmax``, else logits; column c belongs to class c.
    losses: (n,), of any kind that grows with how little an example is learned. labels: (n,) integers in 0..classes-1.
    seed: first centres of the clusters, and who is taken at random; the same seed gives the same mask.
    An example of equal loss is taken the earlier it stands. Raises ValueError for shapes that do not fit, values that are not finite, and
    outputs that are no probabilities where these are wanted.
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
        return clustered
    slow = np.zeros(len(labels), dtype=bool)
    for number, members in enumerate(
        groups(labels) if selection.per_class else [np.arange(len(labels))]
    ):
        count = (
            round(selection.fraction * len(members))
            if clustered is None
            else int(clustered[members].sum())
        )
        if selection.rule == "high-loss":
            slow[
                members[np.argsort(-losses[members].astype(np.float64), kind="stable")[:count]]
            ] = True
        else:
            name = int(labels[members[0]]) if selection.per_class else number
            slow[stream(seed, "random selection", name).choice(members, count, replace=False)] = (
                True
            )
    return slow


def cluster(outputs: np.ndarray, losses: np.ndarray, labels: np.ndarray, seed: int) -> np.ndarray:
    """Per class, k-means with two clusters of the outputs; slow is the cluster of higher mean loss: (n,) bool.

    A class of one example, or whose outputs do not differ, has no slow example.
    Ten starts by k-means++, exact: 50,000 x 10 outputs take under a second on one core, 100,000 x 200 about three.
    Source: Nguyen et al., arXiv 2505.21574, and USEFUL (arXiv 2404.17768).
    """
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    slow = np.zeros(len(labels), dtype=bool)
    with (
        threadpool_limits(1),
        warnings.catch_warnings(),
    ):  # one thread: the same bits on any number of cores
        warnings.simplefilter(
            "ignore", ConvergenceWarning
        )  # fewer distinct points than clusters: handled below
        for members in groups(labels):
            if len(members) < 2:
                continue
            state = int(stream(seed, "clusters", int(labels[members[0]])).integers(2**31))
            clusters = KMeans(2, n_init=10, random_state=state).fit_predict(
                outputs[members].astype(np.float64)
            )
            means = [
                losses[members[clusters == c]].mean() if np.any(clusters == c) else -np.inf
                for c in (0, 1)
            ]
            if np.isfinite(means).all():
                slow[members[clusters == np.argmax(means)]] = True
    return slow


def groups(labels: np.ndarray) -> list[np.ndarray]:
    """The indices of each class that there is, in order."""
    order = np.argsort(labels, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(labels[order])) + 1) if len(labels) else []


def check(
    outputs: np.ndarray, losses: np.ndarray, labels: np.ndarray, selection: Selection
) -> None:
    """Raise ValueError in one line for arrays that ``select`` cannot use."""
    shapes = (outputs.shape, losses.shape, labels.shape)
    fit = (
        outputs.ndim == 2
        and outputs.shape[1:] > (0,)
        and losses.shape == labels.shape == outputs.shape[:1]
    )
    require(fit, "shapes of outputs, losses, labels", shapes, "(n, classes), (n,), (n,)")
    for name, values in (("outputs", outputs), ("losses", losses)):
        require(
            np.issubdtype(values.dtype, np.number), f"kind of {name}", str(values.dtype), "numbers"
        )
        broken = int((~np.isfinite(values)).sum())
        if broken:
            raise ValueError(
                f"{broken} of {values.size} {name} are NaN or infinite; allowed: finite numbers"
            )
    require(
        np.issubdtype(labels.dtype, np.integer), "kind of labels", str(labels.dtype), "integers"
    )
    if not len(labels):
        return
    ends = (int(labels.min()), int(labels.max()))
    require(
        ends[0] >= 0 and ends[1] < outputs.shape[1],
        "smallest and largest label",
        ends,
        f"0..{outputs.shape[1] - 1}",
    )
    if selection.clusters and selection.features == "softmax":
        off = float(np.abs(outputs.sum(1, dtype=np.float64) - 1).max())
        right = outputs.min() >= -1e-6 and off < 0.01
        hint = "probabilities, at least 0 and with rows that sum to 1; for others set selection.features to logits"
        require(
            bool(right),
            "smallest output, largest distance of a row's sum from 1",
            (float(outputs.min()), off),
            hint,
        )
