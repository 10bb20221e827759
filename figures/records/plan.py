"""Plans: which runs belong to an experiment, and what makes them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from pathlib import Path

from figures.records.files import write_json
from figures.records.paths import COMMITTED, FRESH
from figures.records.record import Record, RecordError, exists, read


@dataclasses.dataclass(frozen=True)
class Plan:
    """The runs of one experiment, such as ``theory/methods``.

    runs: file names, in the order of the experiment. command: what makes them. metric: the number whose agreement
    counts, a key of every record's metrics. tolerance: the largest absolute difference in it that counts as agreement
    between machines. records: the folder of the records, such as ``empirical/reduced``, which several experiments may share; their own,
    named as the experiment, if None.
    """

    experiment: str
    runs: tuple[str, ...]
    command: str
    metric: str
    tolerance: float
    records: str | None = None

    @property
    def folder(self) -> str:
        """Where the records lie, below the root of records."""
        return self.records or self.experiment


def write_plan(root: Path, plan: Plan) -> None:
    """Write a plan; one that is part of the plan that is there already, as when fewer seeds are asked for, changes nothing."""
    there = read_plan(root, plan.experiment)
    if there is None or not set(plan.runs) <= set(there.runs):
        write_json(root / plan.experiment / "plan.json", plan)


def read_plan(root: Path, experiment: str) -> Plan | None:
    """The plan of an experiment below ``root``, or None if it was never begun there."""
    path = root / experiment / "plan.json"
    try:
        body = json.loads(path.read_text())
        return Plan(**{**body, "runs": tuple(body["runs"])})
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise RecordError(
            f"damaged plan {path} ({error}): delete it and run the experiment again"
        ) from None


def begun(experiment: str, roots: Iterable[Path] = (FRESH, COMMITTED)) -> bool:
    """Whether any of ``roots`` has a plan of the experiment."""
    return any(read_plan(root, experiment) is not None for root in roots)


def load(experiment: str, roots: Iterable[Path] = (FRESH, COMMITTED)) -> list[Record]:
    """The records of an experiment, each from the first of ``roots`` that holds it whole.

    The plan of the first root that has one says which runs there are, or the longest plan that contains it: after a few seeds were
    recomputed, the others are the committed ones. Raises RecordError naming the command that makes what is missing.
    """
    return _load(experiment, tuple(roots), complete=True)


def load_some(experiment: str, roots: Iterable[Path] = (FRESH, COMMITTED)) -> list[Record]:
    """As ``load``, but of an unfinished experiment those records that are there, and none of one that was never begun."""
    roots = tuple(roots)
    return _load(experiment, roots, complete=False) if begun(experiment, roots) else []


def _load(experiment: str, roots: tuple[Path, ...], complete: bool) -> list[Record]:
    plans = [plan for root in roots if (plan := read_plan(root, experiment)) is not None]
    if not plans:
        half, _, name = experiment.partition("/")
        raise RecordError(f'no record "{experiment}"; make it with: python -m {half} run {name}')
    plan = max((p for p in plans if set(p.runs) >= set(plans[0].runs)), key=lambda p: len(p.runs))
    found = (_first_valid(plan, run, roots, complete) for run in plan.runs)
    return [record for record in found if record is not None]


def _first_valid(plan: Plan, run: str, roots: tuple[Path, ...], complete: bool) -> Record | None:
    """Return the run's record from the first root that holds it undamaged.

    Without any: None, or with ``complete`` a RecordError that names the command which makes it.
    Raises the error of the first root if the record is damaged in every root that holds it.
    """
    first = None
    for path in (root / plan.folder / run for root in roots):
        if exists(path):
            try:
                return read(path)
            except RecordError as error:
                first = first or error
    if first is not None:
        raise first
    if complete:
        raise RecordError(f'no record "{plan.folder}/{run}"; make it with: {plan.command}')
    return None
