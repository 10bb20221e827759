"""Every claim's verdict: prediction, measurement with its interval, and whether it holds (T1-T8, E1-E11)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from figures.claims import images as image_claims
from figures.claims.cases import Case
from figures.claims.images import EXPERIMENTS, RULE, judged, standing
from figures.claims.theory import cells, verdicts_of
from figures.records import Record
from figures.tables.table import Table, signed, span

RECORDS = ("theory/claims", *EXPERIMENTS[:2])
OPTIONAL = EXPERIMENTS[2:]
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
