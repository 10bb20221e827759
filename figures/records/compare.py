"""Compare fresh records with committed ones.

They have the same bits, agree within a stated tolerance, or differ.
"""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from figures.records.identity import extends
from figures.records.paths import COMMITTED, FRESH
from figures.records.plan import Plan, read_plan
from figures.records.record import Record, RecordError, exists, read

SAME_BITS = "same bits"
WITHIN = "within tolerance"
DIFFERENT = "different"
NEW = "not committed"
DAMAGED = "damaged"


@dataclasses.dataclass(frozen=True)
class Comparison:
    """A fresh record compared with the committed one, in the metric of the plan.

    distance: the largest absolute difference. shift: fresh minus committed, 0 for a curve.
    """

    run: str
    verdict: str
    distance: float = 0.0
    shift: float = 0.0


def agree(rows: Sequence[Comparison], tolerance: float) -> bool:
    """Return whether an experiment is reproduced.

    It is if no record is damaged, at most one in twenty differs by more than ``tolerance``, and
    the mean shift is at most a fifth of ``tolerance``. Another processor rounds differently, and
    training amplifies this: single runs scatter, their mean does not.
    """
    count = Counter(row.verdict for row in rows)
    shift = sum(row.shift for row in rows) / max(1, len(rows))
    return not count[DAMAGED] and 20 * count[DIFFERENT] <= len(rows) and abs(shift) <= tolerance / 5


def distance(a: Any, b: Any) -> float:
    """Return the largest absolute difference between two numbers or two lists of numbers.

    Infinite if the shapes differ or one value is None; entries that are None in both lists agree.
    """
    if isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        pairs = [(x, y) for x, y in zip(a, b, strict=True) if x is not None or y is not None]
        return max((distance(x, y) for x, y in pairs), default=0.0)
    if isinstance(a, int | float) and isinstance(b, int | float):
        return abs(a - b)
    return 0.0 if a == b and a is not None else math.inf


def compare_records(
    fresh: Record, committed: Record, metric: str, tolerance: float
) -> tuple[str, float, float]:
    """Return (verdict, distance, shift) of two records of the same run, in ``metric``.

    distance: infinite if the records are not of the same run. shift: fresh minus committed; 0 for
    curves. Settings and metrics that only the fresh record holds are not compared: later code
    added them.
    """
    same_run = fresh.seed == committed.seed and extends(fresh.config, committed.config)
    if same_run and extends(fresh.metrics, committed.metrics):
        return SAME_BITS, 0.0, 0.0
    ours: Any = fresh.metrics.get(metric)
    theirs: Any = committed.metrics.get(metric)
    apart = distance(ours, theirs) if same_run else math.inf
    shift = ours - theirs if apart < math.inf and not isinstance(ours, list) else 0.0
    return (WITHIN if apart <= tolerance else DIFFERENT), apart, shift


def compare(experiment: str, fresh: Path = FRESH, committed: Path = COMMITTED) -> list[Comparison]:
    """Return a comparison for every fresh record of the experiment.

    The committed record is that of the same name, and so of the same config and seed.
    """
    plan = read_plan(fresh, experiment)
    if plan is None:
        return []
    rows = []
    for run in plan.runs:
        ours = fresh / plan.folder / run
        if exists(ours):
            theirs = committed / plan.folder / run
            rows.append(Comparison(run, *_verdict(ours, theirs, plan)))
    return rows


def _verdict(ours: Path, theirs: Path, plan: Plan) -> tuple[str, float, float]:
    """Return (verdict, distance, shift) of the records at two paths."""
    try:
        fresh = read(ours)
        if not exists(theirs):
            return NEW, 0.0, 0.0
        return compare_records(fresh, read(theirs), plan.metric, plan.tolerance)
    except RecordError:
        return DAMAGED, math.inf, 0.0
