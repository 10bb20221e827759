"""Keep plans: which runs belong to an experiment, and which command makes them."""

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

    runs: file names of the records, in the order of the experiment. command: makes the records.
    metric: a key of every record's metrics, the number in which two machines should agree.
    tolerance: the largest absolute difference in ``metric`` that counts as agreement.
    records: the folder of the records, such as ``empirical/reduced``, which several experiments
    may share; None: a folder named as the experiment.
    """

    experiment: str
    runs: tuple[str, ...]
    command: str
    metric: str
    tolerance: float
    records: str | None = None

    @property
    def folder(self) -> str:
        """The folder of the records, below the root of records."""
        return self.records or self.experiment


def write_plan(root: Path, plan: Plan) -> None:
    """Write a plan, unless the plan below ``root`` already holds all its runs.

    So a later call with fewer seeds does not shrink the plan.
    """
    known = read_plan(root, plan.experiment)
    if known is None or not set(plan.runs) <= set(known.runs):
        write_json(root / plan.experiment / "plan.json", plan)


def read_plan(root: Path, experiment: str) -> Plan | None:
    """Return the plan of an experiment below ``root``; None if it was never begun there.

    Raises RecordError if the plan is damaged.
    """
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


def require_plan(root: Path, experiment: str) -> Plan:
    """Return the plan of an experiment below ``root``.

    Raises RecordError, which names the command to use, if the experiment was never begun there.
    """
    plan = read_plan(root, experiment)
    if plan is None:
        raise _never_begun(experiment)
    return plan


def _never_begun(experiment: str) -> RecordError:
    """Return the error for an experiment without a plan."""
    half, _, name = experiment.partition("/")
    return RecordError(f'no record "{experiment}"; make it with: python -m {half} run {name}')


def begun(experiment: str, roots: Iterable[Path] = (FRESH, COMMITTED)) -> bool:
    """Return whether any of ``roots`` has a plan of the experiment."""
    return any(read_plan(root, experiment) is not None for root in roots)


def load(experiment: str, roots: Iterable[Path] = (FRESH, COMMITTED)) -> list[Record]:
    """Return the records of an experiment, each from the first of ``roots`` where it is valid.

    The runs are those of the first plan among ``roots``, or of the longest plan that contains it:
    after a few seeds were recomputed, the records of the others are the committed ones. Raises
    RecordError, which names the command to use, if a record is missing.
    """
    return _load(experiment, tuple(roots), complete=True)


def load_some(experiment: str, roots: Iterable[Path] = (FRESH, COMMITTED)) -> list[Record]:
    """Return the records of an experiment that exist; [] if it was never begun.

    Like ``load``, but missing records are no error.
    """
    roots = tuple(roots)
    return _load(experiment, roots, complete=False) if begun(experiment, roots) else []


def _load(experiment: str, roots: tuple[Path, ...], complete: bool) -> list[Record]:
    """Return the records; with ``complete``, a missing one raises RecordError."""
    plans = [plan for root in roots if (plan := read_plan(root, experiment)) is not None]
    if not plans:
        raise _never_begun(experiment)
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
