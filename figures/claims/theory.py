"""Read the verdicts on the claims of the theory from its records, and format them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from string import ascii_lowercase

from figures.records import Record, RecordError

RECORD = "theory/claims"
COMMAND = "python -m theory claims"
NOT_SHOWN = "not shown"
KINDS = ("prediction", "illustration")


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

    A bound that the interval contains, such as 0 of "< 0", is ``not shown``.
    """
    predicted = verdict["predicted"]
    if verdict["holds"]:
        return "holds"
    if isinstance(predicted, str) and predicted[0] in "<>":
        bound = float(predicted[1:])
        return NOT_SHOWN if verdict["low"] <= bound <= verdict["high"] else "does not hold"
    return "does not hold"


def cases_by_claim(verdicts: Sequence[Mapping]) -> dict[str, list[Mapping]]:
    """Return the cases of each claim, T1, T2 and so on, in their order."""
    claims: dict[str, list[Mapping]] = {}
    for verdict in verdicts:
        claims.setdefault(verdict["id"].rstrip(ascii_lowercase), []).append(verdict)
    return claims


def count_by_kind(verdicts: Sequence[Mapping]) -> dict[str, tuple[int, int]]:
    """Return, for predictions and illustrations, how many cases hold, and of how many."""
    counts = {}
    for kind in KINDS:
        held = [verdict["holds"] for verdict in verdicts if verdict["kind"] == kind]
        counts[kind] = (sum(held), len(held))
    return counts


def format_number(value: float) -> str:
    """Format a number to 3 significant digits, with a minus sign; 0 below 1e-12 in size."""
    return "0" if abs(value) < 1e-12 else f"{value:.3g}".replace("-", "−")
