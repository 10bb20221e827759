"""Picking numbers out of records."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from figures.records import Record


def by_label(records: Iterable[Record]) -> dict[str, list[Record]]:
    """Theory records by their label (``tada-5``), in the order of the experiment."""
    groups: dict[str, list[Record]] = {}
    for record in records:
        groups.setdefault(record.config["label"], []).append(record)
    return groups


def curves(records: Sequence[Record], metric: str) -> np.ndarray:
    """(seeds, steps) of a curve."""
    return np.array([record.metrics[metric] for record in records], float)


def budget(record: Record) -> str:
    """Under which budget an image run stands: equal ``steps`` or ``epochs``, or ``sam`` and ``sam-epochs``, the same with SAM."""
    training = record.config["training"]
    length = "steps" if training["steps"] else "epochs"
    return (
        {"steps": "sam", "epochs": "sam-epochs"}[length]
        if "sam" in training["optimiser"]
        else length
    )


def method(record: Record) -> str:
    """The label of an image run's method: ``tada-5``; ``original-longer`` if it was given another method's steps."""
    name, k = record.config["method"]["name"], record.config["method"]["k"]
    if record.config["length_of"]:
        return f"{name}-longer"
    return f"{name}-{k}" if name in ("useful", "tada") else name
