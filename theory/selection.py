"""Select slow examples from a network's early outputs, as the paper does, where truth is known.

The examples of each class are clustered in two by their softmax outputs, and the cluster of higher
mean loss is called slow. With two classes an output is one number, and the best two clusters of
numbers are found exactly.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from theory.config import Selection
from theory.data import Array, draw
from theory.dynamics import train
from theory.measures import recording_steps
from theory.problem import stack

EARLY = 0.04  # fraction of the run: the paper's 8 of 200 epochs

Mask = NDArray[np.bool_]


def two_means(values: Array) -> Mask:
    """Return which of the values (n,) lie in the upper of two clusters; none if all are equal.

    The clusters have the least sum of squared distances to their means. They are exact: clusters
    of numbers are intervals, so that every cut of the sorted values is tried.
    """
    n = len(values)
    ordered = np.sort(values)
    sums = np.cumsum(ordered)
    if n < 2 or ordered[0] == ordered[-1]:
        return np.zeros(n, bool)
    below = np.arange(1, n)  # (n-1,) sizes of the lower cluster
    # between the clusters: greatest where the distances within the clusters are least
    between = sums[:-1] ** 2 / below + (sums[-1] - sums[:-1]) ** 2 / (n - below)
    between[ordered[1:] == ordered[:-1]] = -np.inf  # equal values stay together
    return values > ordered[between.argmax()]


def select(labels: Array, logits: Array) -> Mask:
    """Return which examples (n,) are called slow; labels ±1 and logits f (n,).

    The cluster with the lower probability of the right class has the higher loss.
    """
    slow = np.zeros(len(labels), bool)
    for label in (-1.0, 1.0):
        members = np.flatnonzero(labels == label)
        upper = two_means(expit(labels[members] * logits[members]))
        slow[members] = ~upper & upper.any()
    return slow


def selection(run: Selection, seed: int) -> dict[str, Any]:
    """Train a run and return how well slow examples are told from fast ones, as curves and outputs.

    Curves over ``steps``: the accuracy of the selection, the fractions of slow and of fast examples
    that are called slow, and the training error; None for a fraction of no examples. At ``EARLY``
    of the run, ``outputs_slow`` and ``outputs_fast`` are the probabilities of the right class.
    """
    sample = draw(run, seed)
    problem = stack([sample], run.network)
    steps = recording_steps(run.optimiser.steps, run.moments // 2)
    recorded = set(steps)
    early_step = round(EARLY * run.optimiser.steps)
    rows = []
    for state in train(problem, run.optimiser):
        logits = state.logits[0, : len(sample.slow)]  # (n,)
        if state.step == early_step:
            outputs = expit(sample.labels * logits)
        if state.step in recorded:
            chosen = select(sample.labels, logits)
            wrong = sample.labels * logits <= 0
            rows.append((chosen == sample.slow, chosen[sample.slow], chosen[~sample.slow], wrong))
    curves = (
        [float(values.mean()) if len(values) else None for values in column]
        for column in zip(*rows, strict=True)
    )
    names = ("accuracy", "selected_slow", "selected_fast", "train_error")
    return {
        "steps": steps,
        **dict(zip(names, curves, strict=True)),
        "early_step": early_step,
        "outputs_slow": outputs[sample.slow].tolist(),
        "outputs_fast": outputs[~sample.slow].tolist(),
        "slow_fraction": float(sample.slow.mean()),
    }
