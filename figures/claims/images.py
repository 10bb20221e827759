"""Judge the paper's findings on images, E1 to E11, from whatever records exist."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from figures.claims.cases import (
    FAILS,
    HOLDS,
    LARGEST_TRAINING_ERROR,
    LEAST,
    LEAST_SEEDS,
    NOT_RUN,
    UNCLEAR,
    UNDER_FIT,
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
from figures.statistics.holm import holm_intervals

RULE = (
    "A claim is judged on each data set by the cases marked *: those of the paper's comparison, "
    "with the paper's best k. They are at equal epochs, as in the paper; on noisy-digits and "
    "digits at equal gradient steps. Each case is a mean over seeds, differences paired by seed. "
    "Its interval is Student's at 95%, made wider by Holm's method for the number of cases marked "
    "* of the same claim on the same data set, so that with probability 95% none of these is "
    "called wrongly; other claims and data sets are not counted. Both directions are treated "
    "alike: a case holds if the whole interval lies on the claimed side, and fails if all of it "
    "lies on the other. Not enough data: the interval reaches both sides, or there are fewer than "
    f"{LEAST} seeds ({LEAST_SEEDS['paper']} at the paper's scale and with crop and flip), or a "
    "setting was chosen by this very number. Under-fit: the training error on the original "
    f"images ends above {LARGEST_TRAINING_ERROR:g}% in one of the two arms (mean over seeds); this "
    "is not failing. A claim fails if one of its cases fails, and holds if all hold. The rule was "
    "fixed before the runs at reduced scale, and after the results on digits and with ideal "
    "variants were known; there it is therefore no test made beforehand."
)
SMALL = ("empirical/noisy-digits", "empirical/digits")  # experiments that every machine can run
LARGER = (  # experiments at the reduced scale and at the paper's
    "test-error",
    "controls",
    "architectures",
    "stacking",
    "factor",
    "strength",
    "selection",
    "learning-speed",
)
REDUCED_ONLY = ("crop-flip", "generator")  # and at the reduced scale alone
IDEAL = (  # known noise
    "empirical/ideal",
    "empirical/ideal-plain",
    "empirical/ideal-sam",
    "empirical/ideal-cifar",
)
EXPERIMENTS = (
    *SMALL,
    *IDEAL,
    *(f"empirical/reduced-{name}" for name in (*LARGER, *REDUCED_ONLY)),
    *(f"empirical/paper-{name}" for name in LARGER),
)
MAIN = ("E1", "E2", "E3", "E4")
PLANNED = {  # data sets, or scales, on which claims are to be judged: name -> their claims
    "CIFAR-10 (reduced)": tuple(f"E{i}" for i in range(1, 12)),
    "CIFAR-10 (reduced, crop and flip)": MAIN,
    "paper scale": tuple(f"E{i}" for i in range(1, 12)),
}
UNJUDGED = ("reduced-scaling",)  # scales whose runs are shown, and decide no claim


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
        "TADA beats USEFUL, each at its best k and at equal k: variants are better than copies",
        "TADA beats USEFUL",
        "test-error",
        e2,
    ),
    Claim(
        "E3",
        "TADA(2) beats Syn-all, with far fewer images, and Syn-rand; TADA(5) beats as many random "
        "variants",
        "targeted beats all, and random",
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

    ``fails`` if one fails, ``holds`` if all hold; ``under-fit`` or ``not run`` if that is all that
    keeps it from holding or from being known; else ``not enough data``.
    """
    found = set(verdicts)
    if FAILS in found:
        return FAILS
    if found == {HOLDS}:
        return HOLDS
    if found == {NOT_RUN}:
        return NOT_RUN
    return UNDER_FIT if UNDER_FIT in found and found <= {HOLDS, UNDER_FIT} else UNCLEAR


def claim_verdict(cases: Sequence[Case]) -> str:
    """Return the verdict on a claim on one data set."""
    return combine_verdicts(case.verdict for case in cases if case.decides)


def correct(cases: Sequence[Case]) -> list[Case]:
    """Return the cases of one claim on one data set, the deciding ones with Holm's intervals."""
    deciding = [case for case in cases if case.decides]
    bands = iter(holm_intervals([case.samples for case in deciding]))
    return [
        dataclasses.replace(case, corrected=next(bands)) if case.decides else case for case in cases
    ]


def judge_claims(
    records: Mapping[str, Iterable[Record]],
) -> list[tuple[Claim, dict[str, list[Case]]]]:
    """Return every claim with its cases by data set, from records by experiment.

    Data sets for which no deciding case has samples are left out, so the mapping may be empty.
    """
    sets = [one for one in data_sets(records) if one.scale not in UNJUDGED]
    judged = []
    for claim in CLAIMS:
        cases = {one.name: correct(list(claim.cases(one))) for one in sets}
        judged.append((claim, {name: found for name, found in cases.items() if has_samples(found)}))
    return judged


def not_run(claim: Claim, by_data: Iterable[str]) -> list[str]:
    """Return the planned data sets, or scales, of a claim that are not among ``by_data``."""
    names = [*by_data]
    return [
        planned
        for planned, claims in PLANNED.items()
        if claim.id in claims and not any(planned in name for name in names)
    ]


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
        "corrected": [finite_or_none(case.deciding.low), finite_or_none(case.deciding.high)],
        "bootstrap": [finite_or_none(value) for value in case.bootstrap_interval()],
        "n": band.n,
        "training_error": None if case.trained is None else finite_or_none(case.trained),
        "decides": case.decides,
        "verdict": case.verdict,
    }


def finite_or_none(value: float) -> float | None:
    """Return the number, or None for NaN and infinity, which JSON does not have."""
    return float(value) if math.isfinite(value) else None
