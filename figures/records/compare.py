"""Does a fresh record equal the committed one? Same bits, the same within a stated tolerance, or different."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

from figures.records.store import COMMITTED, FRESH, Plan, Record, RecordError, read, read_plan

SAME_BITS, WITHIN, DIFFERENT, NEW, DAMAGED = "same bits", "within tolerance", "different", "not committed", "damaged"


@dataclasses.dataclass(frozen=True)
class Comparison:
    """One fresh record against the committed one. distance: largest absolute difference in the plan's metric."""

    run: str
    verdict: str
    distance: float = 0.0


def distance(a: Any, b: Any) -> float:
    """Largest absolute difference between two numbers, or lists of numbers of one shape; infinite if the shapes differ."""
    if isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        return max((distance(x, y) for x, y in zip(a, b, strict=True)), default=0.0)
    if isinstance(a, int | float) and isinstance(b, int | float):
        return abs(a - b)
    return 0.0 if a == b else math.inf


def compare_records(fresh: Record, committed: Record, metric: str, tolerance: float) -> tuple[str, float]:
    """The verdict on two records of the same run, and their distance in ``metric``."""
    if fresh.results == committed.results:
        return SAME_BITS, 0.0
    if fresh.config != committed.config or fresh.seed != committed.seed:
        return DIFFERENT, math.inf
    apart = distance(fresh.metrics.get(metric), committed.metrics.get(metric))
    return (WITHIN if apart <= tolerance else DIFFERENT), apart


def compare(experiment: str, fresh: Path = FRESH, committed: Path = COMMITTED) -> list[Comparison]:
    """Every fresh record of the experiment against the committed one of the same name (that is, config and seed)."""
    plan = read_plan(fresh, experiment)
    rows = []
    for run in plan.runs if plan else ():
        ours, theirs = fresh / experiment / run, committed / experiment / run
        if ours.exists():
            rows.append(Comparison(run, *_verdict(ours, theirs, plan)))
    return rows


def _verdict(ours: Path, theirs: Path, plan: Plan) -> tuple[str, float]:
    try:
        fresh = read(ours)
        return compare_records(fresh, read(theirs), plan.metric, plan.tolerance) if theirs.exists() else (NEW, 0.0)
    except RecordError:
        return DAMAGED, math.inf
