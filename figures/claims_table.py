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
    """One table for each claim; RecordError if there are no verdicts."""
    claims: dict[str, list[Mapping]] = {}
    for verdict in verdicts_of(records[RECORDS[0]]):
        claims.setdefault(verdict["statement"], []).append(verdict)
    header = ("case", "predicted", "measured", "95% interval", "verdict")
    return [
        Table(f"{cases[0]['id']}: {statement}", header, tuple(map(cells, cases)), NOTE if i == 0 else "")
        for i, (statement, cases) in enumerate(claims.items())
    ]


def summary(records: Sequence[Record]) -> str:
    """How many cases hold, and a list of those that do not, in Markdown."""
    verdicts = verdicts_of(records)
    failing = [verdict for verdict in verdicts if not verdict["holds"]]
    lines = [
        f"**Theory: {len(verdicts) - len(failing)} of {len(verdicts)} cases of the claims T1 to T8 hold.** "
        "Those that do not (where s⁴ > k+1 the closed form itself says so):",
        "",
    ]
    lines += [f"- {v['id']}, {v['case']}: predicted {cells(v)[1]}, measured {cells(v)[2]} ({cells(v)[3]})" for v in failing]
    return "\n".join([*lines, ""])


def verdicts_of(records: Sequence[Record]) -> list[Mapping]:
    """The verdicts that rest on the most seeds; RecordError if there are none."""
    made = [record for record in records if record.config["label"] == "verdicts"]
    if not made:
        raise RecordError(f'no verdicts among the records of "{RECORDS[0]}"; make them with: {COMMAND}')
    return max(made, key=lambda record: sum(record.config["seeds"].values())).metrics["verdicts"]


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
