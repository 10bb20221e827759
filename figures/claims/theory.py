"""Read the verdicts on the claims of the theory from its records, and format them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from figures.records import Record, RecordError

RECORD = "theory/claims"
COMMAND = "python -m theory claims"
NOT_SHOWN = "not shown"


def theory_verdicts(records: Sequence[Record]) -> list[Mapping]:
    """Return the verdicts that use the most seeds; raise RecordError if there are none."""
    found = [record for record in records if record.config["label"] == "verdicts"]
    if not found:
        raise RecordError(f'no verdicts among the records of "{RECORD}"; make them with: {COMMAND}')
    return max(found, key=lambda record: sum(record.config["seeds"].values())).metrics["verdicts"]


def verdict_cells(verdict: Mapping) -> tuple[str, ...]:
    """Return the cells of a table row: case, predicted, measured, interval, verdict."""
    predicted = verdict["predicted"]
    return (
        f"{verdict['id']}: {verdict['case']}",
        predicted if isinstance(predicted, str) else format_number(predicted),
        format_number(verdict["measured"]),
        f"{format_number(verdict['low'])} to {format_number(verdict['high'])}",
        verdict_word(verdict),
    )


def verdict_word(verdict: Mapping) -> str:
    """Return whether a case holds, in words.

    A bound on a difference is ``not shown`` if the interval contains 0. A case of T3 says that a
    ratio is below 1; where the closed form itself gives a ratio above 1 and the measurement
    agrees, the case ``does not hold, as predicted``.
    """
    predicted = verdict["predicted"]
    if verdict["holds"]:
        return "holds"
    if isinstance(predicted, str):
        contains_zero = verdict["low"] <= 0 <= verdict["high"]
        return NOT_SHOWN if predicted[0] in "<>" and contains_zero else "does not hold"
    if verdict["id"].startswith("T3") and min(predicted, verdict["low"]) > 1:
        return "does not hold, as predicted"
    return "does not hold"


def format_number(value: float) -> str:
    """Format a number to 3 significant digits, with a minus sign; 0 below 1e-12 in size."""
    return "0" if abs(value) < 1e-12 else f"{value:.3g}".replace("-", "−")
