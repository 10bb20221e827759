"""The paper's findings on images, E1 to E11: a verdict on each from whatever records there are."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from figures.claims import cases as of
from figures.claims.cases import FAILS, HOLDS, UNCLEAR, Case
from figures.records import Record
from figures.statistics.conditions import Runs, data_sets

RULE = (
    "A case holds if the whole 95% interval (Student, over seeds) lies on the claimed side, fails if all of it lies on the other; else, "
    "for one seed, and where a setting was chosen by this very number, there is not enough data. A claim holds on a data set if all of "
    "its deciding cases (marked * below) hold there, and fails if one of them fails: of E1 to E4 those of the paper's main comparison, one "
    "variant or copy of every slow image, at equal gradient steps, at the paper's scale at equal epochs. Fewer than three seeds decide "
    "nothing."
)
EXPERIMENTS = (
    "empirical/noisy-digits",
    "empirical/digits",
    *(
        f"empirical/{scale}-{name}"
        for scale in ("reduced", "paper")
        for name in (
            "test-error",
            "architectures",
            "stacking",
            "factor",
            "strength",
            "selection",
            "learning-speed",
            "generator",
        )
        if (scale, name) != ("paper", "generator")
    ),
)


@dataclasses.dataclass(frozen=True)
class Claim:
    """What the paper found, in a sentence and in a few words, the experiment that bears on it, and what is compared."""

    id: str
    statement: str
    short: str
    experiment: str
    cases: Callable[[Runs], Iterator[Case]]


CLAIMS = (
    Claim(
        "E1",
        "TADA lowers the test error, with SGD and with SAM",
        "TADA lowers test error",
        "test-error",
        of.e1,
    ),
    Claim(
        "E2",
        "TADA beats USEFUL: variants are better than copies",
        "TADA beats USEFUL",
        "test-error",
        of.e2,
    ),
    Claim(
        "E3",
        "TADA(2) beats Syn-all, with far fewer images, and Syn-rand",
        "TADA(2) beats Syn-all, Syn-rand",
        "test-error",
        of.e3,
    ),
    Claim(
        "E4",
        "SGD with TADA beats SAM (in the paper on CIFAR-100 and TinyImageNet)",
        "SGD + TADA beats SAM",
        "test-error",
        of.e4,
    ),
    Claim(
        "E5",
        "TADA helps on top of crop and flip, and of TrivialAugment",
        "stacks with augmentation",
        "stacking",
        of.e5,
    ),
    Claim(
        "E6", "TADA helps with other networks", "holds for other networks", "architectures", of.e6
    ),
    Claim(
        "E7",
        "USEFUL is best at k = 2, TADA at k = 5 (TinyImageNet: 4)",
        "best k: USEFUL 2, TADA 5",
        "factor",
        of.e7,
    ),
    Claim(
        "E8",
        "half strength is best, and pure noise worse than nothing",
        "half strength best, noise worse",
        "strength",
        of.e8,
    ),
    Claim(
        "E9",
        "clusters select better than high loss, high loss better than misclassified",
        "clusters select best",
        "selection",
        of.e9,
    ),
    Claim("E10", "30-40% of the images are slow", "30-40% are slow", "selection", of.e10),
    Claim(
        "E11",
        "the gap between when slow and fast images are learned shrinks",
        "learning gap shrinks",
        "learning-speed",
        of.e11,
    ),
)


def combined(verdicts: Iterable[str]) -> str:
    """Of a claim, from its deciding cases: fails if one fails, holds if all hold."""
    found = list(verdicts)
    if FAILS in found:
        return FAILS
    return HOLDS if found and set(found) == {HOLDS} else UNCLEAR


def standing(members: Sequence[Case]) -> str:
    """The verdict on a claim on one data set."""
    return combined(case.verdict for case in members if case.decides)


def judged(records: Mapping[str, Iterable[Record]]) -> list[tuple[Claim, dict[str, list[Case]]]]:
    """Every claim with its cases by data set; data sets without a deciding one are left out."""
    sets = data_sets(records)
    found = [(claim, {runs.name: list(claim.cases(runs)) for runs in sets}) for claim in CLAIMS]

    def decided(cases: list[Case]) -> bool:
        return any(case.decides and len(case.samples) for case in cases)

    return [
        (claim, {name: cases for name, cases in by_data.items() if decided(cases)})
        for claim, by_data in found
    ]


def listed(records: Mapping[str, Iterable[Record]]) -> list[dict[str, object]]:
    """Every case as plain values, for JSON."""
    return [
        {
            "id": claim.id,
            "statement": claim.statement,
            "data": data,
            **plain_case(case),
            "claim": standing(members),
        }
        for claim, by_data in judged(records)
        for data, members in by_data.items()
        for case in members
    ]


def plain_case(case: Case) -> dict[str, object]:
    """None where a number is not known."""
    band = case.estimate
    numbers = {"measured": band.mean, "low": band.low, "high": band.high}
    return {
        "case": case.what,
        "predicted": case.predicted,
        **{name: known(value) for name, value in numbers.items()},
        "bootstrap": [known(value) for value in case.bootstrap()],
        "n": band.n,
        "decides": case.decides,
        "verdict": case.verdict,
    }


def known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
