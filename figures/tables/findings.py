"""Sum up what came out: a dozen findings, by where they were looked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from figures.claims.cases import FAILS, HOLDS, NOT_RUN, UNCLEAR, UNDER_FIT
from figures.claims.images import EXPERIMENTS, SMALL, claim_verdict, judge_claims
from figures.claims.theory import RECORD, cases_by_claim, theory_verdicts
from figures.claims.theory_on_images import judge_theory_on_images
from figures.records import Record
from figures.tables.table import Table

RECORDS = (RECORD, *SMALL)
OPTIONAL = tuple(name for name in EXPERIMENTS if name not in SMALL)
FINDINGS: tuple[tuple[str, tuple[str, ...]], ...] = (  # in words, and its claims
    ("features are learned at more even speed", ("T1", "E11")),
    ("SAM learns less noise", ("T2",)),
    ("variants align less with noise than copies", ("T3",)),
    ("gradients vary less on variants; SGD is faster", ("T4", "T5")),
    ("TADA lowers the test error", ("T6", "E1")),
    ("variants beat copies, and more of them help", ("T7", "E2", "E7")),
    ("targeted variants beat those of all, of random images", ("E3",)),
    ("SGD with TADA beats SAM", ("E4",)),
    ("it holds with augmentation and other networks", ("E5", "E6")),
    ("half strength is best, pure noise worse than nothing", ("T8", "E8")),
    ("clusters find the slow images, 30-40%", ("E9", "E10")),
    ("the initial weights tell who learns the slow feature", ("T9",)),
)
COLUMNS: dict[str, Callable[[str], bool]] = {  # of images: title -> whether a data set is in it
    "digits": lambda data: data in ("noisy-digits", "digits"),
    "ideal variants": lambda data: data.endswith("ideal generator"),
    "reduced": lambda data: "(reduced" in data,
    "paper scale": lambda data: data.endswith("(paper scale)"),
}
WORDS = {UNCLEAR: "undecided"}
TITLE = "Twelve findings, by where they were looked for"
NOTE = (
    "Theory: cases that hold, of all. Images: verdicts on the claims named, each on every data "
    "set: holds and fails by intervals over seeds, corrected for their number; undecided: they "
    "reach both sides, or there are too few seeds; under-fit: an arm did not learn its images. "
    "A claim may fail because one of its cases does: all cases are in the table of claims."
)


def tables(records: Mapping[str, Sequence[Record]]) -> list[Table]:
    """Return one table, a row for each finding."""
    theory = cases_by_claim(theory_verdicts(records[RECORD]))
    verdicts = image_verdicts(records)
    rows = []
    for words, claims in FINDINGS:
        held = [case["holds"] for claim in claims for case in theory.get(claim, ())]
        of_images = any(claim.startswith("E") for claim in claims)
        found = [
            [v for (claim, data), v in verdicts.items() if claim in claims and belongs(data)]
            for belongs in COLUMNS.values()
        ]
        cells = [summed(part) if part or of_images else "" for part in found]
        shown = f"{sum(held)} of {len(held)}" if held else ""
        rows.append((f"{words} ({', '.join(claims)})", shown, *cells))
    return [Table(TITLE, ("finding", "theory", *COLUMNS), tuple(rows), NOTE)]


def image_verdicts(records: Mapping[str, Sequence[Record]]) -> dict[tuple[str, str], str]:
    """Return (claim, data set) -> verdict, of the claims on images and of the theory's there."""
    found = {name: part for name, part in records.items() if name.startswith("empirical/")}
    judged = {
        (claim.id, data): claim_verdict(cases)
        for claim, by_data in judge_claims(found)
        for data, cases in by_data.items()
    }
    judged |= {
        (claim.id, data): claim_verdict(cases)
        for claim, data, cases in judge_theory_on_images(found)
    }
    return judged


def summed(verdicts: Sequence[str]) -> str:
    """Return verdicts in few words: ``holds``, or ``1 holds, 2 undecided``; ``not run`` of none."""
    if not verdicts:
        return NOT_RUN
    count = Counter(verdicts)
    if len(count) == 1:
        return WORDS.get(verdicts[0], verdicts[0])
    order = (HOLDS, FAILS, UNDER_FIT, UNCLEAR, NOT_RUN)
    return ", ".join(f"{count[v]} {WORDS.get(v, v)}" for v in order if count[v])
