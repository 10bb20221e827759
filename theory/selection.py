"""Which examples are slow, seen from a network's outputs early in training: the paper's selection, where the truth is known.

Per class, the examples are clustered in two by their softmax outputs, and the cluster of higher mean loss is called slow. With
two classes an output is one number, and the best two clusters of numbers are found exactly.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from theory.config import Selection
from theory.data import Array, draw
from theory.dynamics import stack, train
from theory.measures import recording_steps

EARLY = 0.04  # of the run: the paper's 8 of 200 epochs

Mask = NDArray[np.bool_]


def two_means(values: Array) -> Mask:
    """Which of the values (n,) lie in the upper of the two clusters of least squared distance to their means; none if all are equal.

    Exact: the clusters of numbers are intervals, so that every cut of the sorted values is tried.
    """
    ordered = np.sort(values)
    n, sums = len(values), np.cumsum(ordered)
    if n < 2 or ordered[0] == ordered[-1]:
        return np.zeros(n, bool)
    below = np.arange(1, n)  # (n-1,) sizes of the lower cluster
    between = sums[:-1] ** 2 / below + (sums[-1] - sums[:-1]) ** 2 / (
        n - below
    )  # what is greatest where the distances are least
    between[ordered[1:] == ordered[:-1]] = -np.inf  # equal values stay together
    return values > ordered[between.argmax()]


def select(labels: Array, logits: Array) -> Mask:
    """Which examples (n,) are called slow; labels ±1, logits f (n,).

    The cluster of the lower probability of the right class is that of the higher loss.
    """
    slow = np.zeros(len(labels), bool)
    for label in (-1.0, 1.0):
        members = np.flatnonzero(labels == label)
        upper = two_means(expit(labels[members] * logits[members]))
        slow[members] = ~upper & upper.any()
    return slow


def selection(run: Selection, seed: int) -> dict[str, Any]:
    """Curves over ``steps``: accuracy of the selection, the fractions of slow and of fast examples that are called slow, training error.

    And, at ``EARLY`` of the run, the probabilities of the right class: ``outputs_slow``, ``outputs_fast``.
    """
    sample = draw(run, seed)
    problem, steps = (
        stack([sample], run.network),
        recording_steps(run.optimiser.steps, run.moments // 2),
    )
    n, recorded, rows, early_step = (
        len(sample.slow),
        set(steps),
        [],
        round(EARLY * run.optimiser.steps),
    )
    for state in train(problem, run.optimiser):
        logits = state.logits[0, :n]
        if state.step == early_step:
            outputs = expit(sample.labels * logits)
        if state.step in recorded:
            chosen, wrong = select(sample.labels, logits), (sample.labels * logits <= 0)
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
