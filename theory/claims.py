"""Check the claims T1-T9 on records.

A case has a statement, a regime, a prediction, a measurement by seed, and a rule. There are three
rules. A closed form *agrees* if, paired by seed and relative to the closed form of the same sample,
the measured mean is within 10% of it and the 95% interval of the mean reaches at most 10% from the
mean. A mean is *below* (*above*) a bound if its whole interval is; where several cases of a claim
have bounds, their intervals are widened by Holm's method. A value is *negligible* if its whole 95%
interval is closer to 0 than a stated size. Where a rule is not met the case fails, whether the
effect is missing or the seeds are too few.

T1 to T5 and T9 are predictions. T6 to T8 are illustrations: the regime in which they are shown was
chosen because they show there, after sweeps on seeds below 1000, and then run on fresh seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Literal

from theory.evidence import (
    BySeed,
    Evidence,
    Outcome,
    cross_fitted,
    difference,
    interval,
    mean_by_seed,
    paired,
)
from theory.experiments import PATHS, RADII

AGREEMENT = 0.1  # largest relative deviation from a closed form
LOSSES = (0.3, 0.1, 0.03)  # training losses that T5 waits for
LEARNED_ERROR = 0.05  # test error; a network that learns only v_e has about 0.1
ACCURACY = 0.95  # least share of runs whose outcome the race law predicts
POWERS = {3: "³", 5: "⁵"}
IDENTITY = 1e-12  # largest residual of the identity of the clocks
EARLY = "at initialisation or early: β_d 0.5"
RACE = "in the race: β_d 0.45, 1,000 steps"
CONVERGED = "at convergence: β_d 0.5, 2,000 steps"
SWEPT = "eight β_d from 0.3 to 0.65, 2,000 steps"
# experiments, longest first
NEEDED = ("race", "methods", "convergence", "strength", "homogeneity", "claims", "minibatch")

Kind = Literal["prediction", "illustration"]
Interval = tuple[float, float, float]  # mean and both ends


@dataclass(frozen=True)
class Case:
    """One case of a claim.

    predicted: a number, or the bound that the interval must respect, such as "< 0". rule: whether
    an interval of the sample is as predicted. bound: what Holm's method compares the mean with;
    None if the case is not corrected.
    """

    text: str
    regime: str
    predicted: float | str
    sample: BySeed
    rule: Callable[[Interval], bool]
    bound: float | None = None


@dataclass(frozen=True)
class Claim:
    """A statement, what kind of evidence there is for it, and its cases."""

    statement: str
    kind: Kind
    cases: Callable[[Evidence], Iterable[Case]]


def agrees(text: str, regime: str, measured: BySeed, predicted: BySeed) -> Case:
    """Check that the measurement agrees with its closed form."""
    ratio, low, high = interval(paired(lambda a, b: a / b, measured, predicted))
    close = abs(ratio - 1) <= AGREEMENT and (high - low) / 2 <= AGREEMENT
    return Case(text, regime, interval(predicted)[0], measured, lambda _: close)


def below(text: str, regime: str, values: BySeed, bound: float = 0.0) -> Case:
    """Check that the whole interval of the mean is below ``bound``."""
    return Case(text, regime, f"< {bound:g}", values, lambda band: band[2] < bound, bound)


def above(text: str, regime: str, values: BySeed, bound: float = 0.0) -> Case:
    """Check that the whole interval of the mean is above ``bound``."""
    return Case(text, regime, f"> {bound:g}", values, lambda band: band[1] > bound, bound)


def negligible(text: str, regime: str, values: BySeed, size: float) -> Case:
    """Check that the whole interval of the mean lies between -``size`` and ``size``."""
    return Case(
        text, regime, f"0 ± {size:g}", values, lambda band: -size < band[1] and band[2] < size
    )


def homogeneous(evidence: Evidence) -> Iterator[Case]:
    """Yield the cases of T1: the ratio R of learning speeds against its closed form."""
    metrics = ("speed_ratio", "speed_ratio_predicted")
    for k in (2, 5, 8):
        for name, kind in (("useful", "copies"), ("tada", "variants")):
            label = f"{name}-{k}"
            measured, predicted = (
                evidence.number("homogeneity", label, metric) for metric in metrics
            )
            yield agrees(f"R, {kind}, k = {k}", EARLY, measured, predicted)
    measured = evidence.number("claims", "speed-useful-28", "value")
    predicted = evidence.number("claims", "speed-useful-28", "predicted")
    case = "R, copies, k = k* = 28; R = 1 but for the slow fractions drawn"
    yield agrees(case, EARLY, measured, predicted)


def sharpness(evidence: Evidence) -> Iterator[Case]:
    """Yield the cases of T2: by which factor SAM shrinks gradients, and what it changes."""

    def shrinking(rho: float, part: str) -> BySeed:
        return paired(lambda factor: 1 - factor, evidence.number("claims", f"sam-{rho:g}", part))

    def change(metric: str) -> BySeed:
        labels = ("sam", "original")
        return difference(*(evidence.number("methods", label, metric) for label in labels))

    parts = {"fast": "fast feature", "slow": "slow feature", "noise_slow": "noise of slow examples"}
    for part, name in parts.items():
        case = f"1 - factor at initialisation, {name}, ρ = 0.1"
        yield agrees(case, RACE, shrinking(0.1, part), shrinking(0.1, f"{part}_predicted"))
    for rho in RADII:
        case = f"1 - factor where it is largest, noise of slow examples, ρ = {rho:g}"
        measured, predicted = (shrinking(rho, part) for part in ("deepest", "deepest_predicted"))
        yield agrees(case, RACE, measured, predicted)
    for rho in RADII:
        case = f"largest factor while slow examples are not fitted, their noise, ρ = {rho:g}"
        worst = evidence.number("claims", f"sam-{rho:g}", "worst")
        yield below(case, RACE, worst, 1.0)
    yield below("noise memorised, slow examples, SAM - GD", RACE, change("noise_memorised_slow"))
    yield below("R, SAM - GD", RACE, change("speed_ratio"))


def noise_alignment(evidence: Evidence) -> Iterator[Case]:
    """Yield the cases of T3: the noise alignment of variants over that of copies."""

    def numbers(label: str) -> tuple[BySeed, BySeed]:
        value, predicted = (evidence.number("claims", label, m) for m in ("value", "predicted"))
        return value, predicted

    for k, scales in ((2, (1.0, 1.25, 1.5)), (5, (1.0, 1.5, 1.75)), (8, (1.0, 1.5, 2.0))):
        for s in scales:
            side = "<" if s**4 < k + 1 else ">"
            case = f"ratio, k = {k}, s = {s:g}: s⁴ {side} k+1"
            yield agrees(case, EARLY, *numbers(f"noise-{k}-{s:g}"))
    for s, side in ((1.0, "<"), (1.75, ">")):
        case = f"ratio, k = 5, s = {s:g}: s⁴ {side} k+1, orthogonal noise"
        yield agrees(case, EARLY, *numbers(f"orthogonal-5-{s:g}"))
    for k in (2, 5, 8):
        case = f"ratio, k = {k}, s = 1, on the side s⁴ < k+1"
        yield below(case, EARLY, numbers(f"noise-{k}-1")[0], 1.0)


def variance(evidence: Evidence) -> Iterator[Case]:
    """Yield the cases of T4: how much more mini-batch gradients vary on copies."""
    metrics = ("value", "one", "predicted")
    for k, batch in ((2, 20), (5, 20), (8, 20), (5, 100)):
        label = f"variance-{k}"
        full, one, form = (evidence.number("claims", label, metric) for metric in metrics)
        measured = paired(lambda a, b, B=batch: (1 - 1 / B) * a + b / B, full, one)
        predicted = paired(lambda a, B=batch: (1 - 1 / B) * a, form)
        case = f"(Var_U - Var_G)/V, k = {k}, B/n = {batch / 100:g}"
        yield agrees(case, EARLY, measured, predicted)


def convergence(evidence: Evidence) -> Iterator[Case]:
    """Yield the cases of T5: how many steps SGD needs to reach a training loss."""

    def gain(experiment: str, loss: float) -> BySeed:
        labels = ("tada-5", "useful-5")
        steps = (evidence.steps_to(experiment, label, loss, "loss") for label in labels)
        return difference(*steps)

    for loss in LOSSES:
        case = f"steps to training loss {loss:g}, SGD, B = 10, k = 5, variants - copies"
        yield below(case, CONVERGED, gain("minibatch", loss))
    for loss in LOSSES[:2]:
        case = f"the same to {loss:g}, beyond what full-batch GD gains"
        values = difference(gain("minibatch", loss), gain("convergence", loss))
        yield below(case, CONVERGED, values)


def generalisation(evidence: Evidence) -> Iterator[Case]:
    """Yield the cases of T6: test errors of TADA, USEFUL, Syn-all and Original."""

    def gap(experiment: str, one: str, other: str, metric: str = "test_error") -> BySeed:
        labels = (one, other)
        return difference(*(evidence.number(experiment, label, metric, 100) for label in labels))

    error = "test error, points,"
    race = partial(gap, "methods")
    yield below(f"{error} USEFUL(2) - Original", RACE, race("useful-2", "original"))
    yield below(f"{error} TADA(2) - USEFUL(2)", RACE, race("tada-2", "useful-2"))
    yield below(f"{error} TADA(5) - USEFUL(5)", RACE, race("tada-5", "useful-5"))
    yield below(f"{error} TADA(2) - Syn-all", RACE, race("tada-2", "syn-all"))
    yield below(f"{error} Syn-all - Original", RACE, race("syn-all", "original"))
    yield negligible(
        "with the fast feature, points, TADA(5) - USEFUL(5)",
        RACE,
        race("tada-5", "useful-5", "test_error_fast"),
        0.1,
    )
    last = partial(gap, "convergence")
    yield below(f"{error} TADA(5) - USEFUL(5)", CONVERGED, last("tada-5", "useful-5"))
    yield negligible(f"{error} USEFUL(5) - Original", CONVERGED, last("useful-5", "original"), 0.5)
    learned = (evidence.learned("convergence", label) for label in ("useful-5", "original"))
    case = "seeds that learned the slow feature, %, USEFUL(5) - Original"
    yield negligible(case, CONVERGED, difference(*learned), 10)
    steps = (evidence.steps_to("minibatch", f"{name}-5", LEARNED_ERROR) for name in ADDED)
    case = "steps to 5% test error (2000 where not reached), SGD, B = 10, k = 5, variants - copies"
    yield below(case, CONVERGED, difference(*steps))


ADDED = ("tada", "useful")


def factor(evidence: Evidence) -> Iterator[Case]:
    """Yield the cases of T7: the test error against the augmentation factor k."""

    def gain(experiment: str, name: str, start: int, end: int) -> BySeed:
        labels = (f"{name}-{end}", f"{name}-{start}")
        numbers = (evidence.number(experiment, label, "test_error", 100) for label in labels)
        return difference(*numbers)

    ranges = {"methods": (RACE, ((2, 5), (5, 8))), "convergence": (CONVERGED, ((2, 8),))}
    for experiment, (regime, pairs) in ranges.items():
        copies = gain(experiment, "useful", 5, 8)
        yield negligible("test error, points, copies: k = 8 - k = 5", regime, copies, 0.5)
        for start, end in pairs:
            case = f"test error, points, variants: k = {end} - k = {start}"
            yield below(case, regime, gain(experiment, "tada", start, end))


def strength(evidence: Evidence) -> Iterator[Case]:
    """Yield the cases of T8: what weak and strong denoising lose, and where the best lies."""

    def error(label: str) -> BySeed:
        return evidence.number("strength", label, "test_error", 100)

    ideal = evidence.number("methods", "tada-3", "test_error", 100)
    for theta in ("0.5", "0"):
        case = f"test error, points, targeting θ = {theta} - ideal variants"
        yield above(case, RACE, difference(error(f"targeting-{theta}"), ideal))
    for phi in ("0.5", "0"):
        case = f"test error, points, fidelity φ = {phi} - ideal variants"
        yield above(case, RACE, difference(error(f"fidelity-{phi}"), ideal))
    for power in PATHS:
        path = [error(f"path-{power}-0.{t}") for t in range(1, 10)]
        best = cross_fitted(path)
        along = f"test error, points, φ = 1-t{POWERS[power]}, best t (chosen on other seeds)"
        yield below(f"{along} - t = 0.1", RACE, difference(best, path[0]))
        yield below(f"{along} - t = 0.9", RACE, difference(best, path[-1]))


def race(evidence: Evidence) -> Iterator[Case]:
    """Yield the cases of T9: the identity of the clocks, and how often the criterion is right."""
    clocks = ("original", "useful-5", "tada-5", "syn-all", "syn-rand", "sam", "orthogonal-tada-5")
    for label in clocks:
        residual = evidence.number("claims", f"clocks-{label}", "value")
        yield below(f"residual of the identity, {label}", RACE, residual, IDENTITY)
    descent = [label for label in evidence.labels("methods") if label != "sam"]
    both = {"methods": RACE, "convergence": CONVERGED}
    for experiment, regime in both.items():
        samples = [evidence.outcomes(experiment, label) for label in descent]
        yield accuracy("all methods with GD", regime, samples, "in time")
    samples = [evidence.outcomes("convergence", label) for label in descent]
    yield accuracy("all methods with GD", CONVERGED, samples, "at last")
    swept = {label: evidence.outcomes("race", label) for label in evidence.labels("race")}
    derived = [swept[label] for label in descent if label in swept]
    yield accuracy("eight methods with GD", SWEPT, derived, "in time")
    yield accuracy("eight methods with GD", SWEPT, derived, "at last")
    pace = mean_by_seed(derived, lambda outcome: outcome.pace)
    yield agrees("measured over predicted steps", SWEPT, pace, dict.fromkeys(pace, 1.0))
    for name in BEYOND:
        pair = [swept[f"{name}-{label}"] for label in ("original", "tada-2")]
        yield accuracy(f"{BEYOND[name]}, Original and TADA(2)", SWEPT, pair, "in time")


BEYOND = {
    "noise": "σ_p 1, 2, 2.5",
    "n-50": "n = 50",
    "n-200": "n = 200",
    "J-4": "J = 4",
    "J-30": "J = 30",
    "orthogonal": "orthogonal noise",
    "patches-3": "three noise patches",
    "power-5": "power 5",
    "sam": "SAM, with the law of GD",
}


def accuracy(
    text: str,
    regime: str,
    samples: Iterable[dict[int, list[Outcome]]],
    law: Literal["in time", "at last"],
) -> Case:
    """Check that the race law is right about at least ``ACCURACY`` of the runs.

    law: the one at finite time, or k_eff S > 1, at convergence.
    """

    def right(outcome: Outcome) -> float:
        return float(outcome.in_time if law == "in time" else outcome.at_last)

    shares = mean_by_seed(samples, right)
    form = "law at finite time" if law == "in time" else "k_eff S > 1"
    case = f"share of runs predicted, {form}, {text}"
    return Case(case, regime, f"≥ {ACCURACY:g}", shares, lambda band: band[0] >= ACCURACY)


CLAIMS: dict[str, Claim] = {
    "T1": Claim(
        "amplifying slow examples evens out feature learning: R(k) = α/(α + k(1-α)) (β_e/β_d)³",
        "prediction",
        homogeneous,
    ),
    "T2": Claim(
        "SAM shrinks the gradient of features and of the noise of slow examples, by the factor "
        "(1 - ρ growth rate/|grad|)²; it memorises less noise, and learns more evenly",
        "prediction",
        sharpness,
    ),
    "T3": Claim(
        "variants align less with noise than copies, by "
        "(α + (1-α)(1 + (k-1)s⁴))/(α + (1-α)k²), exactly where s⁴ < k+1",
        "prediction",
        noise_alignment,
    ),
    "T4": Claim(
        "mini-batch gradients vary less on variants: "
        "Var_U - Var_G = (1 - 1/B) k(k-1)(1-α)/((α + k(1-α))² n) V",
        "prediction",
        variance,
    ),
    "T5": Claim(
        "so SGD needs fewer steps on variants to a training loss", "prediction", convergence
    ),
    "T6": Claim(
        "test error: TADA < USEFUL < Original, and targeted below full augmentation",
        "illustration",
        generalisation,
    ),
    "T7": Claim("copies stop helping at small k, variants go on helping", "illustration", factor),
    "T8": Claim(
        "too weak keeps the noise, too strong loses the features and the target: an intermediate "
        "strength is best",
        "illustration",
        strength,
    ),
    "T9": Claim(
        "the race law: the slow feature is learned iff its clock ends before those of the fast "
        "feature and of k_eff times the slow examples' noise",
        "prediction",
        race,
    ),
}
