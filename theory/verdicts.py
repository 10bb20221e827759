"""Judge the claims; write the verdicts as a record and show them as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from string import ascii_lowercase
from typing import Any

from figures.records import Record, file_name, provenance, read_plan, write, write_plan
from theory.claims import CLAIMS, Case
from theory.evidence import ALPHA, Evidence, holm_levels, interval


@dataclass(frozen=True)
class Verdict:
    """One case of a claim, judged.

    predicted: a number, or the bound that the whole interval [low, high] must respect, such as
    "< 0". [low, high]: the 95% interval, widened by Holm's method where several bounds decide a
    claim.
    """

    id: str
    statement: str
    kind: str
    regime: str
    case: str
    predicted: float | str
    measured: float
    low: float
    high: float
    holds: bool


def judge(evidence: Evidence) -> list[Verdict]:
    """Judge every case of every claim, in order; their ids are T1, T1b, T1c, ..."""
    verdicts = []
    for name, claim in CLAIMS.items():
        cases = list(claim.cases(evidence))
        for i, (case, level) in enumerate(zip(cases, levels(cases), strict=True)):
            measured = interval(case.sample, level)
            verdicts.append(
                Verdict(
                    name + (ascii_lowercase[i] if i else ""),
                    claim.statement,
                    claim.kind,
                    case.regime,
                    case.text,
                    case.predicted,
                    *measured,
                    case.rule(measured),
                )
            )
    return verdicts


def levels(cases: Sequence[Case]) -> list[float]:
    """Return the level of each case's interval: Holm's for cases with a bound, else ``ALPHA``."""
    bounded = [(case.sample, case.bound) for case in cases if case.bound is not None]
    corrected = iter(
        holm_levels([sample for sample, _ in bounded], [bound for _, bound in bounded])
    )
    return [ALPHA if case.bound is None else next(corrected) for case in cases]


def text(verdicts: list[Verdict]) -> str:
    """Format the verdicts as a table: below the statement of each claim, one line per case.

    The cases of a claim stand under their regimes.
    """
    heading = ("id", "case", "predicted", "measured", "interval", "verdict")
    table = [heading, *map(_cells, verdicts)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    output = []
    last = regime = None
    for verdict, row in zip([None, *verdicts], table, strict=True):
        if verdict and verdict.statement != last:
            last, regime = verdict.statement, None
            output += ["", f"{verdict.id}  {verdict.statement} ({verdict.kind})"]
        if verdict and verdict.regime != regime:
            regime = verdict.regime
            output.append(f"  [{regime}]")
        output.append("  " + "  ".join(map(str.ljust, row, widths)).rstrip())
    counts = []
    for kind in ("prediction", "illustration"):
        held = [verdict.holds for verdict in verdicts if verdict.kind == kind]
        counts.append(f"{sum(held)} of {len(held)} cases of {kind}s hold")
    return "\n".join([*output, "", *counts])


def _cells(verdict: Verdict) -> tuple[str, ...]:
    """Return the cells of a verdict's line."""
    numbers = (verdict.measured, verdict.low, verdict.high)
    measured, low, high = (f"{value:.4g}" if abs(value) > 1e-12 else "0" for value in numbers)
    predicted = verdict.predicted
    if not isinstance(predicted, str):
        predicted = f"{predicted:.4g}"
    holds = "holds" if verdict.holds else "does not hold"
    return verdict.id, verdict.case, predicted, measured, f"[{low}, {high}]", holds


def rows(verdicts: list[Verdict]) -> list[dict[str, Any]]:
    """Return the verdicts as plain objects, in which the case is part of the statement.

    Two cases of a claim may differ in their regime alone, which is a field.
    """
    objects = []
    for verdict in verdicts:
        values = asdict(verdict)
        values["statement"] = f"{verdict.statement}; {values.pop('case')}"
        objects.append(values)
    return objects


def record(verdicts: list[Verdict], seeds: Mapping[str, int], root: Path) -> None:
    """Write the verdicts as one more record of theory/claims below ``root``, and into its plan.

    seeds: the number of seeds of each experiment on which they rest.
    """
    config = {"experiment": "claims", "label": "verdicts", "seeds": seeds}
    name = file_name("verdicts", config, 0)
    plan = read_plan(root, "theory/claims")
    assert plan is not None, "the plan of theory/claims is written before its verdicts"
    metrics = {
        "verdicts": [asdict(verdict) for verdict in verdicts],
        "value": [verdict.measured for verdict in verdicts],
    }
    write(root / plan.experiment / name, Record(config, 0, metrics, provenance("numpy", "scipy")))
    write_plan(root, replace(plan, runs=tuple(dict.fromkeys((*plan.runs, name)))))
