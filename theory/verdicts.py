"""Verdicts on the claims: judged, written as a record, shown as a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from string import ascii_lowercase
from typing import Any

from figures.records import Record, file_name, provenance, read_plan, write, write_plan
from theory.claims import CLAIMS
from theory.evidence import Evidence


@dataclass(frozen=True)
class Verdict:
    """One case of a claim. predicted: a number, or the bound that the whole interval [low, high] must respect, such as "< 0"."""

    id: str
    statement: str
    case: str
    predicted: float | str
    measured: float
    low: float
    high: float
    holds: bool


def judge(evidence: Evidence) -> list[Verdict]:
    """Every case of every claim, in order: T1, T1b, T1c, ..."""
    return [
        Verdict(
            name + (ascii_lowercase[i] if i else ""), statement, case, predicted, *measured, holds
        )
        for name, (statement, cases) in CLAIMS.items()
        for i, (case, predicted, measured, holds) in enumerate(cases(evidence))
    ]


def text(verdicts: list[Verdict]) -> str:
    """One line a case below the statement of its claim."""
    table = [
        ("id", "case", "predicted", "measured", "95% interval", "verdict"),
        *map(_cells, verdicts),
    ]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    heading, *lines = ("  " + "  ".join(map(str.ljust, row, widths)).rstrip() for row in table)
    output, statements = [heading], [None, *(verdict.statement for verdict in verdicts)]
    for verdict, before, line in zip(verdicts, statements, lines, strict=False):
        output += (
            [line]
            if verdict.statement == before
            else ["", f"{verdict.id}  {verdict.statement}", line]
        )
    return "\n".join(
        [*output, "", f"{sum(verdict.holds for verdict in verdicts)} of {len(verdicts)} cases hold"]
    )


def _cells(verdict: Verdict) -> tuple[str, ...]:
    measured, low, high = (
        f"{value:.4g}" if abs(value) > 1e-12 else "0"
        for value in (verdict.measured, verdict.low, verdict.high)
    )
    predicted = (
        verdict.predicted if isinstance(verdict.predicted, str) else f"{verdict.predicted:.4g}"
    )
    return (
        verdict.id,
        verdict.case,
        predicted,
        measured,
        f"[{low}, {high}]",
        "holds" if verdict.holds else "does not hold",
    )


def rows(verdicts: list[Verdict]) -> list[dict[str, Any]]:
    """As plain objects, the case made part of the statement."""
    joined = [
        replace(verdict, statement=f"{verdict.statement}; {verdict.case}") for verdict in verdicts
    ]
    return [
        {name: value for name, value in asdict(verdict).items() if name != "case"}
        for verdict in joined
    ]


def record(verdicts: list[Verdict], seeds: Mapping[str, int], root: Path) -> None:
    """Write them as one more record of theory/claims, below ``root``, and into its plan; seeds: experiment -> how many they rest on."""
    config = {"experiment": "claims", "label": "verdicts", "seeds": seeds}
    name, plan = file_name("verdicts", config, 0), read_plan(root, "theory/claims")
    metrics = {
        "verdicts": [asdict(verdict) for verdict in verdicts],
        "value": [verdict.measured for verdict in verdicts],
    }
    write(root / plan.experiment / name, Record(config, 0, metrics, provenance("numpy", "scipy")))
    write_plan(root, replace(plan, runs=tuple(dict.fromkeys((*plan.runs, name)))))
