"""Verdicts of the claims of the theory, and how they are written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from figures.records import Record, RecordError

RECORD = "theory/claims"
COMMAND = "python -m theory claims"
NOT_SHOWN = "not shown"


def verdicts_of(records: Sequence[Record]) -> list[Mapping]:
    """The verdicts that rest on the most seeds; RecordError if there are none."""
    made = [record for record in records if record.config["label"] == "verdicts"]
    if not made:
        raise RecordError(f'no verdicts among the records of "{RECORD}"; make them with: {COMMAND}')
    return max(made, key=lambda record: sum(record.config["seeds"].values())).metrics["verdicts"]


def cells(verdict: Mapping) -> tuple[str, ...]:
    predicted = (
        verdict["predicted"]
        if isinstance(verdict["predicted"], str)
        else number(verdict["predicted"])
    )
    spread = f"{number(verdict['low'])} to {number(verdict['high'])}"
    return (
        f"{verdict['id']}: {verdict['case']}",
        predicted,
        number(verdict["measured"]),
        spread,
        word_of(verdict),
    )


def word_of(verdict: Mapping) -> str:
    """Whether it holds. It is not shown where the interval of a difference that should be on one side of 0 contains 0. Of T3, that a ratio
    is below 1, the closed form itself says where it is above.
    """
    predicted = verdict["predicted"]
    if verdict["holds"]:
        return "holds"
    if isinstance(predicted, str):
        return (
            NOT_SHOWN
            if predicted[0] in "<>" and verdict["low"] <= 0 <= verdict["high"]
            else "does not hold"
        )
    return (
        "does not hold, as predicted"
        if verdict["id"].startswith("T3") and min(predicted, verdict["low"]) > 1
        else "does not hold"
    )


def number(value: float) -> str:
    """Three digits, a proper minus sign, and 0 for what is not seen in double precision."""
    return "0" if abs(value) < 1e-12 else f"{value:.3g}".replace("-", "−")
