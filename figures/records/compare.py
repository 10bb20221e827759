"""Does a fresh record equal the committed one? Same bits, the same within a stated tolerance, or different."""

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

SAME_BITS, WITHIN, DIFFERENT, NEW, DAMAGED = (
    "same bits",
    "within tolerance",
    "different",
    "not committed",
    "damaged",
)


@dataclasses.dataclass(frozen=True)
class Comparison:
    """One fresh record against the committed one, in the plan's metric. distance: largest absolute difference; shift: fresh - committed."""

    run: str
    verdict: str
    distance: float = 0.0
    shift: float = 0.0


def agree(rows: Sequence[Comparison], tolerance: float) -> bool:
    """Whether an experiment is reproduced: nothing is damaged, at most one record in twenty differs by more than ``tolerance``,
    and the mean shift is at most a fifth of it.

    Single runs scatter when another processor rounds differently, for training amplifies it; their mean does not.
    """
    count = Counter(row.verdict for row in rows)
    shift = sum(row.shift for row in rows) / max(1, len(rows))
    return not count[DAMAGED] and 20 * count[DIFFERENT] <= len(rows) and abs(shift) <= tolerance / 5


def distance(a: Any, b: Any) -> float:
    """Largest absolute difference between two numbers, or two lists of them; infinite if shapes differ or one is missing.

    Where both lists have a gap they agree.
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
    """The verdict on two records of the same run, their distance in ``metric`` and, if it is a number, fresh minus committed.

    What the fresh record holds beyond the committed one, settings and metrics that later code added, is not compared.
    """
    same_run = fresh.seed == committed.seed and extends(fresh.config, committed.config)
    if same_run and extends(fresh.metrics, committed.metrics):
        return SAME_BITS, 0.0, 0.0
    ours, theirs = fresh.metrics.get(metric), committed.metrics.get(metric)
    apart = distance(ours, theirs) if same_run else math.inf
    shift = ours - theirs if apart < math.inf and not isinstance(ours, list) else 0.0
    return (WITHIN if apart <= tolerance else DIFFERENT), apart, shift


def compare(experiment: str, fresh: Path = FRESH, committed: Path = COMMITTED) -> list[Comparison]:
    """Every fresh record of the experiment against the committed one of the same name (that is, config and seed)."""
    plan = read_plan(fresh, experiment)
    rows = []
    for run in plan.runs if plan else ():
        ours, theirs = fresh / plan.folder / run, committed / plan.folder / run
        if exists(ours):
            rows.append(Comparison(run, *_verdict(ours, theirs, plan)))
    return rows


def _verdict(ours: Path, theirs: Path, plan: Plan) -> tuple[str, float, float]:
    try:
        fresh = read(ours)
        return (
            compare_records(fresh, read(theirs), plan.metric, plan.tolerance)
            if exists(theirs)
            else (NEW, 0.0, 0.0)
        )
    except RecordError:
        return DAMAGED, math.inf, 0.0
