"""Tabulate every claim's verdict: prediction, measurement with its interval, whether it holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from figures.claims.cases import NOT_RUN, Case
from figures.claims.images import (
    EXPERIMENTS,
    RULE,
    SMALL,
    claim_verdict,
    image_claims_as_json,
    judge_claims,
    not_run,
)
from figures.claims.theory import (
    RECORD,
    cases_by_claim,
    count_by_kind,
    theory_verdicts,
    verdict_cells,
    verdict_word,
)
from figures.claims.theory_on_images import NOTE as ON_IMAGES
from figures.claims.theory_on_images import judge_theory_on_images
from figures.records import Record
from figures.tables.table import Table, format_range, format_signed

RECORDS = (RECORD, *SMALL)
OPTIONAL = tuple(name for name in EXPERIMENTS if name not in SMALL)
NOTE = (
    "Closed forms hold if the measurement is within 10% of them, paired by seed, with an interval "
    "of at most ±10%; bounds hold if the whole interval over seeds respects them, and are not "
    "shown if it contains them. Intervals are 95%, widened by Holm's method where several bounds "
    "of a claim are judged. The one that decides on a closed form is that of measurement over "
    "prediction, paired by seed, and narrower than the one printed."
)
OWN = (
    "95% interval: each on its own. Deciding: the same with Holm's method, for the cases marked *; "
    "the verdict on the others rests on their own interval and decides nothing. Trained to: the "
    "larger training error of the two arms at the end, in %. The intervals speak of seeds (first "
    "weights, orders, selection and variants; on digits which images, too), not of other test "
    "images."
)


def tables(records: Mapping[str, Sequence[Record]]) -> list[Table]:
    """Return the tables of the theory, one for all claims on images, and one for each of these.

    The theory has a table for each claim and regime. Raise RecordError if it has no verdicts.
    """
    header = ("case", "predicted", "measured", "interval", "verdict")
    theory: list[Table] = []
    for name, cases in cases_by_claim(theory_verdicts(records[RECORD])).items():
        regimes = dict.fromkeys(case["regime"] for case in cases)
        for regime in regimes:
            members = [case for case in cases if case["regime"] == regime]
            title = f"{name} ({members[0]['kind']}; {regime}): {members[0]['statement']}"
            note = "" if theory else NOTE
            theory.append(Table(title, header, tuple(map(verdict_cells, members)), note))
    return theory + image_tables(image_records(records))


def claims_as_json(records: Mapping[str, Sequence[Record]]) -> list[dict[str, object]]:
    """Return every case of every claim as plain values for JSON."""
    theory = [
        {**verdict, "verdict": verdict_word(verdict)}
        for verdict in theory_verdicts(records[RECORD])
    ]
    return [*theory, *image_claims_as_json(image_records(records))]


def image_records(records: Mapping[str, Sequence[Record]]) -> dict[str, Sequence[Record]]:
    """Return the records of the experiments on images."""
    return {name: members for name, members in records.items() if name.startswith("empirical/")}


def image_tables(records: Mapping[str, Sequence[Record]]) -> list[Table]:
    """Return a table of all claims on images, then one of the cases of each; empty without runs."""
    judged = judge_claims(records)
    found = [(claim, by_data) for claim, by_data in judged if by_data]
    if not found:
        return []
    rows = []
    for claim, by_data in judged:
        for data, cases in by_data.items():
            for i, case in enumerate(case for case in cases if case.decides):
                verdict = claim_verdict(cases) if i == 0 else ""
                n = str(case.estimate.n)
                name = f"{claim.id}, {data}"
                rows.append((name, case.what, format_measured(case), n, case.verdict, verdict))
        rows += [
            (f"{claim.id}, {data}", "", NOT_RUN, "", "", NOT_RUN)
            for data in not_run(claim, by_data)
        ]
    header = ("claim, data set", "decided by", "measured", "n", "case", "claim")
    title = "Findings on images: what decides, by data set and scale"
    made = [Table(title, header, tuple(rows), RULE)]
    columns = (
        "case",
        "claimed",
        "measured",
        "95% interval",
        "deciding",
        "trained to",
        "n",
        "verdict",
    )
    for i, (claim, by_data) in enumerate(found):
        cells = tuple(case_cells(case) for cases in by_data.values() for case in cases)
        note = OWN if i == 0 else ""
        made.append(Table(f"{claim.id}: {claim.statement}", columns, cells, note))
    return [*made, *theory_on_images(records, columns)]


def theory_on_images(
    records: Mapping[str, Sequence[Record]], header: tuple[str, ...]
) -> list[Table]:
    """Return one table of the theory's claims T3, T6 and T7 on images; none without their runs."""
    judged = judge_theory_on_images(records)
    rows = [
        (f"{claim.id}, {cells[0]}", *cells[1:])
        for claim, _, cases in judged
        for cells in map(case_cells, cases)
    ]
    title = "T3, T6 and T7 on images with known noise and a known fast feature"
    return [Table(title, header, tuple(rows), ON_IMAGES)] if rows else []


def format_deciding(cases: Sequence[Case]) -> str:
    """Format the deciding cases: ``SGD −0.23 ± 0.67; SAM −0.33 ± 0.39 (n = 20)``."""
    deciding = [case for case in cases if case.decides]
    counts = sorted({case.estimate.n for case in deciding} - {0})
    n = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    parts = (f"{case.short} {format_measured(case)}".strip() for case in deciding)
    return f"{'; '.join(parts)} (n = {n})"


def format_measured(case: Case) -> str:
    """Format the mean with half of the interval that decides; ``not run`` without samples."""
    band = case.deciding
    if not band.n:
        return NOT_RUN
    text = format_signed(band.mean, band.half, 2)
    return text if case.predicted in ("< 0", "> 0") else text.lstrip("+")


def case_cells(case: Case) -> tuple[str, ...]:
    """Return the cells of a case on images; deciding cases are marked with a star."""
    band = case.estimate
    return (
        f"{'*' if case.decides else ''}{case.data}: {case.what}",
        case.predicted,
        f"{band.mean:.2f}".replace("-", "−") if band.n else NOT_RUN,
        format_range(band.low, band.high),
        format_range(case.deciding.low, case.deciding.high) if case.decides else "",
        f"{case.trained:.2f}" if case.trained is not None and case.trained == case.trained else "",
        str(band.n),
        case.verdict,
    )


def format_summary(records: Sequence[Record]) -> str:
    """Return in Markdown how many cases of the theory hold, and a list of those that do not."""
    verdicts = theory_verdicts(records)
    failing = [verdict for verdict in verdicts if not verdict["holds"]]
    counts = count_by_kind(verdicts)
    parts = [f"{held} of {of} cases of {kind}s" for kind, (held, of) in counts.items()]
    lines = [f"**Theory: {' and '.join(parts)} hold.** Those that do not:", ""]
    for verdict in failing:
        _, predicted, measured, interval, _ = verdict_cells(verdict)
        case = f"{verdict['id']}, {verdict['case']}"
        lines.append(f"- {case}: predicted {predicted}, measured {measured} ({interval})")
    return "\n".join([*lines, ""])
