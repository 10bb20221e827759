"""The claims T1-T8 as checks of records: statement, case, prediction, measurement with its interval, and whether it holds.

Three criteria, fixed beforehand. A closed form *agrees* if, paired by seed and relative to the closed form of the very same
sample, the measured mean is within 10% of it and the mean's 95% interval reaches no further than 10% from the mean. A
difference is *below* (*above*) a bound if its whole interval is. Something is *negligible* if its whole interval is nearer to 0
than a stated size. A claim fails where its criterion is not met, be it for want of an effect or of seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import inf

from theory.evidence import BySeed, Evidence, cross_fitted, difference, interval, paired

AGREEMENT = 0.1  # relative
LEARNED_ERROR = 0.05  # the test error which T5 waits for; 0.1 is that of a network which knows the fast feature alone
NEEDED = (
    "methods",
    "strength",
    "homogeneity",
    "minibatch",
    "claims",
)  # whose records are asked, long runs first


Case = tuple[
    str, float | str, tuple[float, float, float], bool
]  # case, predicted, measured with its interval, holds


def agrees(case: str, measured: BySeed, predicted: BySeed, bound: float = inf) -> Case:
    """Measured and closed form agree, and what was measured is below ``bound``."""
    ratio, low, high = interval(paired(lambda a, b: a / b, measured, predicted))
    mean = interval(measured)
    close = abs(ratio - 1) <= AGREEMENT and (high - low) / 2 <= AGREEMENT
    return case, interval(predicted)[0], mean, close and mean[2] < bound


def below(case: str, values: BySeed, bound: float = 0.0) -> Case:
    measured = interval(values)
    return case, f"< {bound:g}", measured, measured[2] < bound


def above(case: str, values: BySeed, bound: float = 0.0) -> Case:
    measured = interval(values)
    return case, f"> {bound:g}", measured, measured[1] > bound


def negligible(case: str, values: BySeed, size: float) -> Case:
    measured = interval(values)
    return case, f"0 ± {size:g}", measured, -size < measured[1] and measured[2] < size


def homogeneous(evidence: Evidence) -> Iterable[Case]:
    for k in (2, 5, 8):
        for name, kind in (("useful", "copies"), ("tada", "variants")):
            speeds = (
                evidence.number("homogeneity", f"{name}-{k}", metric)
                for metric in ("speed_ratio", "speed_ratio_predicted")
            )
            yield agrees(f"R, {kind}, k = {k}", *speeds)
    speeds = (
        evidence.number("claims", "speed-useful-28", metric) for metric in ("value", "predicted")
    )
    yield agrees("R, copies, k = k* = 28; R = 1 but for the slow fractions drawn", *speeds)


def sharpness(evidence: Evidence) -> Iterable[Case]:
    def shrinking(part: str) -> BySeed:
        return paired(lambda factor: 1 - factor, evidence.number("claims", "sam", part))

    for part in ("fast", "slow", "noise"):
        yield agrees(
            f"1 - factor at initialisation, {part}", shrinking(part), shrinking(f"{part}_predicted")
        )
    yield agrees(
        "1 - factor once the fast feature is learned, noise",
        shrinking("noise_later"),
        shrinking("noise_predicted_later"),
    )
    for metric, case in (
        ("noise_memorised_slow", "noise memorised, slow examples, SAM - GD"),
        ("speed_ratio", "R, SAM - GD"),
    ):
        yield below(
            case,
            difference(
                *(evidence.number("methods", label, metric) for label in ("sam", "original"))
            ),
        )


def noise_alignment(evidence: Evidence) -> Iterable[Case]:
    for k, scales in ((2, (1.0, 1.25, 1.5)), (5, (1.0, 1.5, 1.75)), (8, (1.0, 1.5, 2.0))):
        for s in scales:
            side = "<" if s**4 < k + 1 else ">"
            ratios = (
                evidence.number("claims", f"noise-{k}-{s:g}", metric)
                for metric in ("value", "predicted")
            )
            yield agrees(f"ratio, k = {k}, s = {s:g}: s⁴ {side} k+1", *ratios, bound=1.0)


def variance(evidence: Evidence) -> Iterable[Case]:
    for k, batch in ((2, 20), (5, 20), (8, 20), (5, 100)):
        full, one, form = (
            evidence.number("claims", f"variance-{k}", metric)
            for metric in ("value", "one", "predicted")
        )
        measured = paired(lambda a, b, B=batch: (1 - 1 / B) * a + b / B, full, one)
        yield agrees(
            f"(Var_U - Var_G)/V, k = {k}, B/n = {batch / 100:g}",
            measured,
            paired(lambda a, B=batch: (1 - 1 / B) * a, form),
        )


def convergence(evidence: Evidence) -> Iterable[Case]:
    sgd, gd = (
        difference(
            *(
                evidence.steps_to(experiment, f"{name}-5", LEARNED_ERROR)
                for name in ("tada", "useful")
            )
        )
        for experiment in ("minibatch", "methods")
    )
    yield below(
        "steps to 5% test error (2000 where not reached), SGD, B = 10, k = 5, variants - copies",
        sgd,
    )
    yield below(
        "the same, beyond what full-batch GD gains: due to the variance of mini-batches",
        difference(sgd, gd),
    )


def generalisation(evidence: Evidence) -> Iterable[Case]:
    def gap(one: str, other: str, metric: str) -> BySeed:
        return difference(
            *(evidence.number("methods", label, metric, 100) for label in (one, other))
        )

    yield below("test error, points, TADA(5) - USEFUL(5)", gap("tada-5", "useful-5", "test_error"))
    yield below(
        "test error, points, USEFUL(5) - Original", gap("useful-5", "original", "test_error")
    )
    yield below(
        "without the fast feature, points, TADA(5) - USEFUL(5)",
        gap("tada-5", "useful-5", "test_error_slow"),
    )
    yield negligible(
        "with the fast feature, points, TADA(5) - USEFUL(5)",
        gap("tada-5", "useful-5", "test_error_fast"),
        0.1,
    )


def factor(evidence: Evidence) -> Iterable[Case]:
    def gain(name: str, start: int, end: int) -> BySeed:
        return difference(
            *(evidence.number("methods", f"{name}-{k}", "test_error", 100) for k in (end, start))
        )

    yield negligible("test error, points, copies: k = 8 - k = 2", gain("useful", 2, 8), 0.5)
    yield below("test error, points, variants: k = 8 - k = 2", gain("tada", 2, 8))
    yield below("test error, points, variants: k = 8 - k = 5", gain("tada", 5, 8))


def strength(evidence: Evidence) -> Iterable[Case]:
    tenths = {
        t: evidence.number("strength", f"strength-0.{t}", "test_error", 100) for t in range(1, 10)
    }
    best, original = (
        cross_fitted(tenths.values()),
        evidence.number("methods", "original", "test_error", 100),
    )
    yield below(
        "test error, points, best strength (chosen on the other half of the seeds) - 0.1",
        difference(best, tenths[1]),
    )
    yield below("test error, points, best strength (likewise) - 0.9", difference(best, tenths[9]))
    yield below(
        "test error, points, best strength (likewise) - Original", difference(best, original)
    )
    yield below("test error, points, strength 0.5 - 0.1", difference(tenths[5], tenths[1]))
    yield above("test error, points, strength 0.9 - Original", difference(tenths[9], original))


CLAIMS: dict[str, tuple[str, Callable[[Evidence], Iterable[Case]]]] = {
    "T1": (
        "amplifying slow examples evens out feature learning: R(k) = α/(α + k(1-α)) (β_e/β_d)³",
        homogeneous,
    ),
    "T2": (
        "SAM shrinks the gradient, by the factor (1 - ρ growth rate/|grad|)², memorises less noise, learns more evenly",
        sharpness,
    ),
    "T3": (
        "variants align less with noise than copies, by (α + (1-α)(1 + (k-1)s⁴))/(α + (1-α)k²), where s⁴ < k+1",
        noise_alignment,
    ),
    "T4": (
        "mini-batch gradients vary less on variants: Var_U - Var_G = (1 - 1/B) k(k-1)(1-α)/((α + k(1-α))² n) V",
        variance,
    ),
    "T5": ("so SGD converges in fewer steps on variants", convergence),
    "T6": (
        "test error: TADA < USEFUL < Original, the gap on examples without the fast feature",
        generalisation,
    ),
    "T7": ("copies stop helping at small k, variants go on helping", factor),
    "T8": ("an intermediate strength is best", strength),
}
