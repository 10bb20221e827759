"""Judge the paper's findings on images, E1 to E11, from whatever records exist."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from figures.claims.cases import (
    FAILS,
    HOLDS,
    UNCLEAR,
    Case,
    e1,
    e2,
    e3,
    e4,
    e5,
    e6,
    e7,
    e8,
    e9,
    e10,
    e11,
)
from figures.records import Record
from figures.statistics.conditions import Conditions, data_sets

RULE = (
    "A case holds if the whole 95% interval (Student, over seeds) lies on the claimed side, fails "
    "if all of it lies on the other; else, for one seed, and where a setting was chosen by this "
    "very number, there is not enough data. A claim holds on a data set if all of its deciding "
    "cases (marked * below) hold there, and fails if one of them fails: of E1 to E4 those of the "
    "paper's main comparison, one variant or copy of every slow image, at equal gradient steps, "
    "at the paper's scale at equal epochs; with the ideal generator four, at equal epochs. Fewer "
    "than three seeds decide nothing."
)
SMALL = ("empirical/noisy-digits", "empirical/digits")  # experiments that every machine can run
LARGER = (  # experiments at the reduced scale and at the paper's
    "test-error",
    "architectures",
    "stacking",
    "factor",
    "strength",
    "selection",
    "learning-speed",
    "generator",
)
IDEAL = ("empirical/ideal", "empirical/ideal-plain", "empirical/ideal-sam")  # known noise
EXPERIMENTS = (
    *SMALL,
    *IDEAL,
    *(
        f"empirical/{scale}-{name}"
        for scale in ("reduced", "paper")
        for name in LARGER
        if (scale, name) != ("paper", "generator")
    ),
)


@dataclasses.dataclass(frozen=True)
class Claim:
    """A finding of the paper on images.

    statement, short: the finding in a sentence and in a few words.
    experiment: name of the experiment that tests it, without its scale.
    cases: function that yields the comparisons on one data set.
    """

    id: str
    statement: str
    short: str
    experiment: str
    cases: Callable[[Conditions], Iterator[Case]]


CLAIMS = (
    Claim(
        "E1",
        "TADA lowers the test error, with SGD and with SAM",
        "TADA lowers test error",
        "test-error",
        e1,
    ),
    Claim(
        "E2",
        "TADA beats USEFUL: variants are better than copies",
        "TADA beats USEFUL",
        "test-error",
        e2,
    ),
    Claim(
        "E3",
        "TADA(2) beats Syn-all, with far fewer images, and Syn-rand",
        "TADA(2) beats Syn-all, Syn-rand",
        "test-error",
        e3,
    ),
    Claim(
        "E4",
        "SGD with TADA beats SAM (in the paper on CIFAR-100 and TinyImageNet)",
        "SGD + TADA beats SAM",
        "test-error",
        e4,
    ),
    Claim(
        "E5",
        "TADA helps on top of crop and flip, and of TrivialAugment",
        "stacks with augmentation",
        "stacking",
        e5,
    ),
    Claim("E6", "TADA helps with other networks", "holds for other networks", "architectures", e6),
    Claim(
        "E7",
        "USEFUL is best at k = 2, TADA at k = 5 (TinyImageNet: 4)",
        "best k: USEFUL 2, TADA 5",
        "factor",
        e7,
    ),
    Claim(
        "E8",
        "half strength is best, and pure noise worse than nothing",
        "half strength best, noise worse",
        "strength",
        e8,
    ),
    Claim(
        "E9",
        "clusters select better than high loss, high loss better than misclassified",
        "clusters select best",
        "selection",
        e9,
    ),
    Claim("E10", "30-40% of the images are slow", "30-40% are slow", "selection", e10),
    Claim(
        "E11",
        "the gap between when slow and fast images are learned shrinks",
        "learning gap shrinks",
        "learning-speed",
        e11,
    ),
)


def combine_verdicts(verdicts: Iterable[str]) -> str:
    """Return the verdict on a claim from those on its deciding cases.

    ``fails`` if one fails, ``holds`` if all hold, else ``not enough data``.
    """
    found = set(verdicts)
    if FAILS in found:
        return FAILS
    return HOLDS if found == {HOLDS} else UNCLEAR


def claim_verdict(cases: Sequence[Case]) -> str:
    """Return the verdict on a claim on one data set."""
    return combine_verdicts(case.verdict for case in cases if case.decides)


def judge_claims(
    records: Mapping[str, Iterable[Record]],
) -> list[tuple[Claim, dict[str, list[Case]]]]:
    """Return every claim with its cases by data set, from records by experiment.

    Data sets for which no deciding case has samples are left out, so the mapping may be empty.
    """
    sets = data_sets(records)
    judged = []
    for claim in CLAIMS:
        cases = {conditions.name: list(claim.cases(conditions)) for conditions in sets}
        judged.append((claim, {name: found for name, found in cases.items() if has_samples(found)}))
    return judged


def has_samples(cases: Iterable[Case]) -> bool:
    """Return whether any deciding case has samples."""
    return any(case.decides and len(case.samples) for case in cases)


def image_claims_as_json(records: Mapping[str, Iterable[Record]]) -> list[dict[str, object]]:
    """Return every case of every claim as plain values for JSON."""
    return [
        {
            "id": claim.id,
            "statement": claim.statement,
            "data": data,
            **case_as_json(case),
            "claim": claim_verdict(cases),
        }
        for claim, by_data in judge_claims(records)
        for data, cases in by_data.items()
        for case in cases
    ]


def case_as_json(case: Case) -> dict[str, object]:
    """Return a case as plain values; numbers that are not known are None."""
    band = case.estimate
    return {
        "case": case.what,
        "predicted": case.predicted,
        "measured": finite_or_none(band.mean),
        "low": finite_or_none(band.low),
        "high": finite_or_none(band.high),
        "bootstrap": [finite_or_none(value) for value in case.bootstrap_interval()],
        "n": band.n,
        "decides": case.decides,
        "verdict": case.verdict,
    }


def finite_or_none(value: float) -> float | None:
    """Return the number, or None for NaN and infinity, which JSON does not have."""
    return float(value) if math.isfinite(value) else None
