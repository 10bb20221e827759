"""Judge claims of the theory on images whose noise and fast feature are known (T3, T6, T7).

The runs are those with ideal variants and a planted cue, so that what the theory speaks of can be
measured on images: the noise of single images that a network has memorised, and the error on images
without the fast feature.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from figures.claims.cases import ABOVE, BELOW, Case, compare_groups, least_seeds
from figures.claims.images import Claim, correct
from figures.records import Record
from figures.statistics.conditions import Conditions, data_sets
from figures.statistics.intervals import seed_differences

EQUAL = (-0.5, 0.5)  # points within which copies are called neutral, as in the theory's T7
UNCUED = "test_error_uncued"
NOTE = (
    "Real images with a planted fast feature and ideal variants, at equal epochs; these cases were "
    "chosen after the results of the claims E1 to E3 on the same runs were known. Memorised noise: "
    "the network's response to slow training images with their own noise minus that to the same "
    "images with fresh noise, in logits. Intervals are corrected as for the claims on images."
)


def memorised(records: Mapping[int, Record]) -> dict[int, float]:
    """Return seed -> noise memorised on slow training images at the end, in logits."""
    return {
        seed: record.metrics["response_own"][-1] - record.metrics["response_fresh"][-1]
        for seed, record in records.items()
        if "response_own" in record.metrics
    }


def t3(conditions: Conditions) -> Iterator[Case]:
    """Yield the noise memorised with variants minus that with as many copies."""
    for k in (2, 5):
        variants, copies = (conditions.records(f"{name}-{k}") for name in ("tada", "useful"))
        yield Case(
            conditions.name,
            f"noise memorised, logits: TADA({k}) − USEFUL({k})",
            f"k = {k}",
            seed_differences(memorised(variants), memorised(copies)),
            BELOW,
            True,
            (*variants.values(), *copies.values()),
            least=least_seeds(conditions),
        )


def t6(conditions: Conditions) -> Iterator[Case]:
    """Yield errors on images without the cue, and how much more is won there than elsewhere."""
    original, copies, variants = map(conditions.records, ("original", "useful-5", "tada-5"))
    pairs = (("TADA(5) − USEFUL(5)", variants, copies), ("USEFUL(5) − Original", copies, original))
    for i, (what, one, other) in enumerate(pairs):
        yield from compare_groups(
            conditions,
            f"test error without the pattern, points: {what}",
            what,
            one,
            other,
            decides=i == 0,  # copies are neutral at convergence, by the race law
            metric=UNCUED,
        )
    gains = [
        {
            seed: 100 * (variants[seed].metrics[name] - original[seed].metrics[name])
            for seed in variants.keys() & original.keys()
        }
        for name in (UNCUED, "test_error_cued")
    ]
    yield Case(
        conditions.name,
        "TADA(5) − Original, points: without the pattern minus with it",
        "gap",
        seed_differences(*gains),
        BELOW,
        True,
        (*variants.values(), *original.values()),
        least=least_seeds(conditions),
    )


def t7(conditions: Conditions) -> Iterator[Case]:
    """Yield what more copies change, which should be nothing, and what more variants bring."""
    rows = (
        ("useful-5", "useful-2", EQUAL, True),
        ("tada-5", "tada-2", BELOW, True),
        ("tada-8", "tada-5", BELOW, False),
        ("useful-5", "tada-5", ABOVE, False),
    )
    for one, other, claimed, decides in rows:
        names = [f"{name[:-2].upper()}({name[-1]})" for name in (one, other)]
        what = " − ".join(names)
        yield from compare_groups(
            conditions,
            f"test error, points: {what}",
            what,
            conditions.records(one),
            conditions.records(other),
            claimed,
            decides,
        )


CLAIMS = (
    Claim("T3", "variants align less with noise than copies", "less noise", "ideal", t3),
    Claim("T6", "variants help most on images without the fast feature", "gap", "ideal", t6),
    Claim("T7", "more copies change nothing, more variants help", "number", "ideal", t7),
)


def judge_theory_on_images(
    records: Mapping[str, Iterable[Record]],
) -> list[tuple[Claim, str, list[Case]]]:
    """Return each claim with data set and cases; empty without runs that have responses."""
    found = [one for one in data_sets(records) if has_responses(one)]
    return [(claim, one.name, correct(list(claim.cases(one)))) for one in found for claim in CLAIMS]


def has_responses(conditions: Conditions) -> bool:
    """Return whether the responses of Original and of TADA(5) were measured."""
    groups = (conditions.records(name) for name in ("original", "tada-5"))
    return all(memorised(group) for group in groups)
