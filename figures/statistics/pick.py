"""Read labels, budgets and values out of records."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from figures.labels import SAM_BUDGETS
from figures.records import Record


def by_label(records: Iterable[Record]) -> dict[str, list[Record]]:
    """Return theory records grouped by label (``tada-5``), in the order of the experiment."""
    groups: dict[str, list[Record]] = {}
    for record in records:
        groups.setdefault(record.config["label"], []).append(record)
    return groups


def stack_curves(records: Sequence[Record], metric: str) -> np.ndarray:
    """Return a metric that is a curve, one row for each record: (seeds, steps)."""
    return np.array([record.metrics[metric] for record in records], float)


def final_values(records: Iterable[Record], metric: str, scale: float = 1.0) -> dict[int, float]:
    """Return seed -> ``scale`` times the last value of a curve."""
    return {record.seed: scale * record.metrics[metric][-1] for record in records}


def budget_of(record: Record) -> str:
    """Return the budget of an image run: ``steps``, ``epochs``, ``sam`` or ``sam-epochs``.

    ``steps`` and ``epochs`` say what is equal between methods; the other two are the same with SAM.
    """
    training = record.config["training"]
    length = "steps" if training["steps"] else "epochs"
    return SAM_BUDGETS[length] if "sam" in training["optimiser"] else length


def method_of(record: Record) -> str:
    """Return the label of an image run's method, such as ``tada-5``.

    It is ``original-longer`` for Original with the number of steps of another method.
    """
    name, k = record.config["method"]["name"], record.config["method"]["k"]
    if record.config["length_of"]:
        return f"{name}-longer"
    return f"{name}-{k}" if name in ("useful", "reweighted", "tada") else name
