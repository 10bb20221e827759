"""Every claim's verdict: prediction, measurement with its interval, and whether it holds (T1-T8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from figures.records import Record, RecordError
from figures.tables import Table

RECORDS = ("theory/claims",)
COMMAND = "python -m theory claims"
NOTE = (
    "Closed forms hold if the measurement is within 10% of them, paired by seed, with an interval of at most ±10%; "
    "bounds hold if the whole 95% interval over seeds respects them."
)


def tables(records: Mapping[str, Sequence[Record]]) -> list[Table]:
    """One table for each claim, from the verdicts that rest on the most seeds; RecordError if there are none."""
    made = [record for record in records[RECORDS[0]] if record.config["label"] == "verdicts"]
    if not made:
        raise RecordError(f'no verdicts among the records of "{RECORDS[0]}"; make them with: {COMMAND}')
    claims: dict[str, list[Mapping]] = {}
    most = max(made, key=lambda record: sum(record.config["seeds"].values()))
    for verdict in most.metrics["verdicts"]:
        claims.setdefault(verdict["statement"], []).append(verdict)
    header = ("case", "predicted", "measured", "95% interval", "verdict")
    return [
        Table(f"{cases[0]['id']}: {statement}", header, tuple(map(cells, cases)), NOTE if i == 0 else "")
        for i, (statement, cases) in enumerate(claims.items())
    ]


def cells(verdict: Mapping) -> tuple[str, ...]:
    predicted = verdict["predicted"] if isinstance(verdict["predicted"], str) else number(verdict["predicted"])
    spread = f"{number(verdict['low'])} to {number(verdict['high'])}"
    return (
        f"{verdict['id']}: {verdict['case']}",
        predicted,
        number(verdict["measured"]),
        spread,
        "holds" if verdict["holds"] else "does not hold",
    )


def number(value: float) -> str:
    """Three digits, a proper minus sign, and 0 for what is not seen in double precision."""
    return "0" if abs(value) < 1e-12 else f"{value:.3g}".replace("-", "−")
