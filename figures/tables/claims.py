"""Every claim's verdict: prediction, measurement with its interval, and whether it holds (T1-T8, E1-E11)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from figures.claims import images as image_claims
from figures.claims.cases import Case
from figures.claims.images import EXPERIMENTS, RULE, judged, standing
from figures.records import Record, RecordError
from figures.tables.table import Table, signed, span

RECORDS = ("theory/claims", *EXPERIMENTS[:2])
OPTIONAL = EXPERIMENTS[2:]
COMMAND = "python -m theory claims"
NOT_SHOWN = "not shown"
NOTE = (
    "Closed forms hold if the measurement is within 10% of them, paired by seed, with an interval of at most ±10%; "
    "bounds hold if the whole 95% interval over seeds respects them, and are not shown if it contains 0. The interval beside a "
    "measurement is its own; the one that decides on a closed form is that of measurement over prediction, paired by seed, and narrower."
)
BOOTSTRAP = (
    "Bootstrap: percentile interval over the n seeds, which cannot leave the range of the samples and is too narrow for few seeds; it "
    "decides nothing. The intervals speak of seeds (which images, first weights, orders), not of other test images, and "
    "each stands on its own: none is widened for how many there are."
)


def tables(records: Mapping[str, Sequence[Record]]) -> list[Table]:
    """One table for each claim of the theory, one for all claims on images, and one for each of these; RecordError without verdicts."""
    claims: dict[str, list[Mapping]] = {}
    for verdict in verdicts_of(records[RECORDS[0]]):
        claims.setdefault(verdict["statement"], []).append(verdict)
    header = ("case", "predicted", "measured", "95% interval", "verdict")
    theory = [
        Table(
            f"{cases[0]['id']}: {statement}",
            header,
            tuple(map(cells, cases)),
            NOTE if i == 0 else "",
        )
        for i, (statement, cases) in enumerate(claims.items())
    ]
    return theory + image_tables(images_of(records))


def listed(records: Mapping[str, Sequence[Record]]) -> list[dict[str, object]]:
    """Every case of every claim as plain values, for JSON."""
    theory = [
        {**verdict, "verdict": cells(verdict)[-1]} for verdict in verdicts_of(records[RECORDS[0]])
    ]
    return [*theory, *image_claims.listed(images_of(records))]


def images_of(records: Mapping[str, Sequence[Record]]) -> dict[str, Sequence[Record]]:
    """The image experiments among the records."""
    return {name: members for name, members in records.items() if name.startswith("empirical/")}


def image_tables(records: Mapping[str, Sequence[Record]]) -> list[Table]:
    """All claims on images, then the cases of each; none without records of runs."""
    found = [(claim, by_data) for claim, by_data in judged(records) if by_data]
    if not found:
        return []
    rows = [
        (
            f"{claim.id}, {data}",
            case.what,
            figure(case),
            str(case.estimate.n),
            case.verdict,
            standing(members) if i == 0 else "",
        )
        for claim, by_data in found
        for data, members in by_data.items()
        for i, case in enumerate(case for case in members if case.decides)
    ]
    header = ("claim, data set", "decided by", "measured", "n", "case", "claim")
    made = [
        Table("Findings on images: what decides, by data set and scale", header, tuple(rows), RULE)
    ]
    header = ("case", "claimed", "measured", "95% interval", "bootstrap", "n", "verdict")
    for i, (claim, by_data) in enumerate(found):
        cases = tuple(image_cells(case) for members in by_data.values() for case in members)
        made.append(
            Table(f"{claim.id}: {claim.statement}", header, cases, BOOTSTRAP if i == 0 else "")
        )
    return made


def deciding(members: Sequence[Case]) -> str:
    """``SGD −0.23 ± 0.67; SAM −0.33 ± 0.39 (n = 20)``: the cases that decide."""
    chosen = [case for case in members if case.decides]
    counts = sorted({case.estimate.n for case in chosen})
    n = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    return "; ".join(f"{case.short} {figure(case)}".strip() for case in chosen) + f" (n = {n})"


def figure(case: Case) -> str:
    """The mean with half its interval."""
    band = case.estimate
    if not band.n:
        return "not run"
    text = signed(float(band.mean), float(band.half), 2)
    return text if case.predicted in ("< 0", "> 0") else text.lstrip("+")


def image_cells(case: Case) -> tuple[str, ...]:
    band, ends = case.estimate, case.bootstrap()
    return (
        f"{'*' if case.decides else ''}{case.data}: {case.what}",
        case.predicted,
        points(band.mean),
        span(band.low, band.high),
        span(*ends),
        str(band.n),
        case.verdict,
    )


def points(value: float) -> str:
    return f"{value:.2f}".replace("-", "−") if value == value else "not run"


def summary(records: Sequence[Record]) -> str:
    """How many cases of the theory hold, and a list of those that do not, in Markdown."""
    verdicts = verdicts_of(records)
    failing = [verdict for verdict in verdicts if not verdict["holds"]]
    lines = [
        f"**Theory: {len(verdicts) - len(failing)} of {len(verdicts)} cases of the claims T1 to T8 hold.** "
        "Those that do not (where s⁴ > k+1 the closed form itself says so):",
        "",
    ]
    lines += [
        f"- {v['id']}, {v['case']}: predicted {cells(v)[1]}, measured {cells(v)[2]} ({cells(v)[3]})"
        for v in failing
    ]
    return "\n".join([*lines, ""])


def verdicts_of(records: Sequence[Record]) -> list[Mapping]:
    """The verdicts that rest on the most seeds; RecordError if there are none."""
    made = [record for record in records if record.config["label"] == "verdicts"]
    if not made:
        raise RecordError(
            f'no verdicts among the records of "{RECORDS[0]}"; make them with: {COMMAND}'
        )
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
