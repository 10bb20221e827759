"""Check the claims T1-T8 on records.

A case has a statement, a prediction, a measurement with its interval, and a verdict. Three
criteria were fixed beforehand. A closed form *agrees* if, paired by seed and relative to the
closed form of the same sample, the measured mean is within 10% of it and the 95% interval of the
mean reaches at most 10% from the mean. A difference is *below* (*above*) a bound if its whole
interval is. A value is *negligible* if its whole interval is closer to 0 than a stated size. A
claim fails where its criterion is not met, whether the effect is missing or the seeds are too few.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import inf

from theory.evidence import BySeed, Evidence, cross_fitted, difference, interval, paired

AGREEMENT = 0.1  # largest relative deviation from a closed form
LEARNED_ERROR = 0.05  # test error that T5 waits for; a network that learns only v_e has about 0.1
NEEDED = ("methods", "strength", "homogeneity", "minibatch", "claims")  # experiments, longest first

# case, prediction, measurement (mean, low, high), whether it holds
Case = tuple[str, float | str, tuple[float, float, float], bool]


def agrees(case: str, measured: BySeed, predicted: BySeed, bound: float = inf) -> Case:
    """Check that the measurement agrees with its closed form and is below ``bound``."""
    ratio, low, high = interval(paired(lambda a, b: a / b, measured, predicted))
    mean = interval(measured)
    close = abs(ratio - 1) <= AGREEMENT and (high - low) / 2 <= AGREEMENT
    return case, interval(predicted)[0], mean, close and mean[2] < bound


def below(case: str, values: BySeed, bound: float = 0.0) -> Case:
    """Check that the whole interval of the mean is below ``bound``."""
    measured = interval(values)
    return case, f"< {bound:g}", measured, measured[2] < bound


def above(case: str, values: BySeed, bound: float = 0.0) -> Case:
    """Check that the whole interval of the mean is above ``bound``."""
    measured = interval(values)
    return case, f"> {bound:g}", measured, measured[1] > bound


def negligible(case: str, values: BySeed, size: float) -> Case:
    """Check that the whole interval of the mean lies between -``size`` and ``size``."""
    measured = interval(values)
    return case, f"0 ± {size:g}", measured, -size < measured[1] and measured[2] < size


def homogeneous(evidence: Evidence) -> Iterable[Case]:
    """Yield the cases of T1: the ratio R of learning speeds against its closed form."""
    metrics = ("speed_ratio", "speed_ratio_predicted")
    for k in (2, 5, 8):
        for name, kind in (("useful", "copies"), ("tada", "variants")):
            label = f"{name}-{k}"
            measured, predicted = (
                evidence.number("homogeneity", label, metric) for metric in metrics
            )
            yield agrees(f"R, {kind}, k = {k}", measured, predicted)
    measured = evidence.number("claims", "speed-useful-28", "value")
    predicted = evidence.number("claims", "speed-useful-28", "predicted")
    case = "R, copies, k = k* = 28; R = 1 but for the slow fractions drawn"
    yield agrees(case, measured, predicted)


def sharpness(evidence: Evidence) -> Iterable[Case]:
    """Yield the cases of T2: by which factor SAM shrinks gradients, and what it changes."""

    def shrinking(part: str) -> BySeed:
        return paired(lambda factor: 1 - factor, evidence.number("claims", "sam", part))

    def change(metric: str) -> BySeed:
        labels = ("sam", "original")
        return difference(*(evidence.number("methods", label, metric) for label in labels))

    for part in ("fast", "slow", "noise"):
        case = f"1 - factor at initialisation, {part}"
        yield agrees(case, shrinking(part), shrinking(f"{part}_predicted"))
    case = "1 - factor once the fast feature is learned, noise"
    yield agrees(case, shrinking("noise_later"), shrinking("noise_predicted_later"))
    yield below("noise memorised, slow examples, SAM - GD", change("noise_memorised_slow"))
    yield below("R, SAM - GD", change("speed_ratio"))


def noise_alignment(evidence: Evidence) -> Iterable[Case]:
    """Yield the cases of T3: the noise alignment of variants over that of copies."""
    metrics = ("value", "predicted")
    for k, scales in ((2, (1.0, 1.25, 1.5)), (5, (1.0, 1.5, 1.75)), (8, (1.0, 1.5, 2.0))):
        for s in scales:
            side = "<" if s**4 < k + 1 else ">"
            label = f"noise-{k}-{s:g}"
            measured, predicted = (evidence.number("claims", label, metric) for metric in metrics)
            case = f"ratio, k = {k}, s = {s:g}: s⁴ {side} k+1"
            yield agrees(case, measured, predicted, bound=1.0)


def variance(evidence: Evidence) -> Iterable[Case]:
    """Yield the cases of T4: how much more mini-batch gradients vary on copies."""
    metrics = ("value", "one", "predicted")
    for k, batch in ((2, 20), (5, 20), (8, 20), (5, 100)):
        label = f"variance-{k}"
        full, one, form = (evidence.number("claims", label, metric) for metric in metrics)
        measured = paired(lambda a, b, B=batch: (1 - 1 / B) * a + b / B, full, one)
        predicted = paired(lambda a, B=batch: (1 - 1 / B) * a, form)
        yield agrees(f"(Var_U - Var_G)/V, k = {k}, B/n = {batch / 100:g}", measured, predicted)


def convergence(evidence: Evidence) -> Iterable[Case]:
    """Yield the cases of T5: how many steps SGD needs to reach a test error."""

    def gain(experiment: str) -> BySeed:
        labels = ("tada-5", "useful-5")
        steps = (evidence.steps_to(experiment, label, LEARNED_ERROR) for label in labels)
        return difference(*steps)

    sgd = gain("minibatch")
    gd = gain("methods")
    yield below(
        "steps to 5% test error (2000 where not reached), SGD, B = 10, k = 5, variants - copies",
        sgd,
    )
    yield below(
        "the same, beyond what full-batch GD gains: due to the variance of mini-batches",
        difference(sgd, gd),
    )


def generalisation(evidence: Evidence) -> Iterable[Case]:
    """Yield the cases of T6: test errors of TADA, USEFUL and Original."""

    def gap(one: str, other: str, metric: str) -> BySeed:
        labels = (one, other)
        return difference(*(evidence.number("methods", label, metric, 100) for label in labels))

    yield below("test error, points, TADA(5) - USEFUL(5)", gap("tada-5", "useful-5", "test_error"))
    values = gap("useful-5", "original", "test_error")
    yield below("test error, points, USEFUL(5) - Original", values)
    values = gap("tada-5", "useful-5", "test_error_slow")
    yield below("without the fast feature, points, TADA(5) - USEFUL(5)", values)
    values = gap("tada-5", "useful-5", "test_error_fast")
    yield negligible("with the fast feature, points, TADA(5) - USEFUL(5)", values, 0.1)


def factor(evidence: Evidence) -> Iterable[Case]:
    """Yield the cases of T7: the test error against the augmentation factor k."""

    def gain(name: str, start: int, end: int) -> BySeed:
        labels = (f"{name}-{end}", f"{name}-{start}")
        numbers = (evidence.number("methods", label, "test_error", 100) for label in labels)
        return difference(*numbers)

    yield negligible("test error, points, copies: k = 8 - k = 2", gain("useful", 2, 8), 0.5)
    yield below("test error, points, variants: k = 8 - k = 2", gain("tada", 2, 8))
    yield below("test error, points, variants: k = 8 - k = 5", gain("tada", 5, 8))


def strength(evidence: Evidence) -> Iterable[Case]:
    """Yield the cases of T8: the test error against the denoising strength."""
    tenths = {
        t: evidence.number("strength", f"strength-0.{t}", "test_error", 100) for t in range(1, 10)
    }
    best = cross_fitted(tenths.values())
    original = evidence.number("methods", "original", "test_error", 100)
    yield below(
        "test error, points, best strength (chosen on the other half of the seeds) - 0.1",
        difference(best, tenths[1]),
    )
    yield below("test error, points, best strength (likewise) - 0.9", difference(best, tenths[9]))
    gain = difference(best, original)
    yield below("test error, points, best strength (likewise) - Original", gain)
    yield below("test error, points, strength 0.5 - 0.1", difference(tenths[5], tenths[1]))
    yield above("test error, points, strength 0.9 - Original", difference(tenths[9], original))


CLAIMS: dict[str, tuple[str, Callable[[Evidence], Iterable[Case]]]] = {
    "T1": (
        "amplifying slow examples evens out feature learning: R(k) = α/(α + k(1-α)) (β_e/β_d)³",
        homogeneous,
    ),
    "T2": (
        "SAM shrinks the gradient, by the factor (1 - ρ growth rate/|grad|)², "
        "memorises less noise, learns more evenly",
        sharpness,
    ),
    "T3": (
        "variants align less with noise than copies, "
        "by (α + (1-α)(1 + (k-1)s⁴))/(α + (1-α)k²), where s⁴ < k+1",
        noise_alignment,
    ),
    "T4": (
        "mini-batch gradients vary less on variants: "
        "Var_U - Var_G = (1 - 1/B) k(k-1)(1-α)/((α + k(1-α))² n) V",
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
