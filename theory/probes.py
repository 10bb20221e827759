"""Measure single quantities, early or at initialisation, beside the sample's closed forms."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from theory import simulate
from theory.closed_forms import noise_alignment_ratio, shared_noise, slow_gradient_variance
from theory.config import Method, Probe
from theory.data import draw
from theory.dynamics import State, ascent, gradient, lift, sharpened, train
from theory.measures import alignment, recording_steps
from theory.problem import Problem, stack
from theory.race import clocks, race

Values = dict[str, float | None]
INFINITE = float("inf")
UNFITTED = 0.9  # least mean residual 2 sigmoid(-y f) of slow examples that are not yet fitted


def probe(run: Probe, seed: int) -> Values:
    """Return the numbers of a record: the measured ``value``, its closed form ``predicted``, more.

    They are means over ``run.draws`` data sets, of the seeds ``draws * seed``,
    ``draws * seed + 1``, ...; seed >= 0. A number is None if one of the data sets has none.
    """
    seeds = range(run.draws * seed, run.draws * (seed + 1))
    measured = [MEASURES[run.quantity](run, each) for each in seeds]
    numbers: Values = {}
    for name in measured[0]:
        column = [values[name] for values in measured]
        known = [value for value in column if value is not None]
        numbers[name] = float(np.mean(known)) if len(known) == len(column) else None
    return numbers


def speed_ratio(run: Probe, seed: int) -> Values:
    """Measure R: the early learning speed of the fast feature over that of the slow one."""
    metrics = simulate(run, seed)
    return {"value": metrics["speed_ratio"], "predicted": metrics["speed_ratio_predicted"]}


def noise_alignment(run: Probe, seed: int) -> Values:
    """Measure NoiseAlign of variants over that of copies, on the same originals and weights."""
    sample = draw(run, seed)
    copies = draw(replace(run, method=Method("useful", k=run.method.k)), seed)
    tada, useful = (mean_alignment(stack([one], run.network)) for one in (sample, copies))
    predicted = noise_alignment_ratio(float(sample.slow.mean()), run.method.k, run.method.scale)
    return {"value": tada / useful, "predicted": predicted, "tada": tada, "useful": useful}


def mean_alignment(problem: Problem) -> float:
    """Return NoiseAlign of one run at initialisation.

    It is the mean of y<-∂L/∂w_j, ξ> over the entries with y<w_j,ξ> > 0; each copy is an entry.
    """
    first = gradient(problem, problem.features, problem.projections)
    velocity = -lift(problem, first.noise)  # (1, J, M)
    patches = problem.projections.shape[-1] // problem.labels.shape[-1]
    labels = np.tile(problem.labels, patches)[:, None]  # (1, 1, M)
    weights = np.tile(problem.weights, patches)[:, None]  # (1, 1, M)
    counted = weights * (labels * problem.projections > 0)  # (1, J, M)
    return float((counted * labels * velocity).sum() / counted.sum())


def gradient_variance(run: Probe, seed: int) -> Values:
    """Measure (Var_U - Var_G)/V for the full batch, and for a batch of one; any other B follows.

    The mean of |g|² over all batches of one sample is exactly
    (1/B) Σ_i p_i |g_i|² + (1-1/B) |Σ_i p_i g_i|², p_i = m_i/N'. Copies and variants have the same
    mean gradient, so that the difference of these means is Var_U - Var_G, in the mean over samples.
    """
    sample = draw(run, seed)
    copies = draw(replace(run, method=Method("useful", k=run.method.k)), seed)
    V = slow_gradient_variance(run.distribution, run.network)
    useful, tada = (squares(stack([one], run.network)) for one in (copies, sample))
    predicted = shared_noise(float(sample.slow.mean()), run.method.k, run.distribution.n, INFINITE)
    return {
        "value": (useful[1] - tada[1]) / V,
        "predicted": predicted,
        "one": (useful[0] - tada[0]) / V,
        "variants": tada[1] / V,
    }


def squares(problem: Problem) -> tuple[float, float]:
    """Return (Σ_i p_i |g_i|², |Σ_i p_i g_i|²) of one run at initialisation; the power is odd.

    g_i: the gradient of example i's loss.
    """
    g = gradient(problem, problem.features, problem.projections)
    residual = expit(-problem.labels * g.logits)[0]  # (N,): |∂ℓ_i/∂f_i|
    slopes = problem.power * problem.activation(problem.projections[0])  # (J, N)
    noise = (slopes**2).sum(axis=0) * problem.patch_squares()[0]  # (N,)
    feature_slopes = problem.power * problem.activation(problem.features[0])  # (J, 2)
    features = (feature_slopes**2).sum(axis=0) @ problem.strengths[0] ** 2  # (N,)
    single = problem.weights[0] @ (residual**2 * (noise + features))
    mean = (g.noise * lift(problem, g.noise)).sum() + (g.features**2).sum()
    return float(single), float(mean)


def sam_factor(run: Probe, seed: int) -> Values:
    """Measure by which factor SAM multiplies the gradient along the features and noise patches.

    The factors of ``factors`` are taken along gradient descent, at initialisation and at about 40
    steps more. ``value`` and ``predicted`` are those of the slow examples' noise at initialisation.
    While the slow examples are not fitted, that is while their mean 2 sigmoid(-y f) is at least
    ``UNFITTED``, ``worst`` is the largest factor of their noise, and ``deepest`` the least, beside
    ``deepest_predicted`` of the same step. ``worst_fast`` is the largest factor of the noise of
    fast examples at any step.
    """
    sample = draw(run, seed)
    problem = stack([sample], run.network)
    recorded = set(recording_steps(run.optimiser.steps))
    originals = len(sample.slow)
    along = []
    unfitted = []
    for state in train(problem, replace(run.optimiser, name="gd")):
        if state.step in recorded:
            along.append(factors(problem, state, run.optimiser.rho, sample.slow))
            left = 2 * expit(-sample.labels * state.logits[0, :originals])[sample.slow]
            if len(left) and left.mean() >= UNFITTED:
                unfitted.append(along[-1])
    on_slow = [
        (found, one["noise_slow_predicted"])
        for one in unfitted
        if (found := one["noise_slow"]) is not None
    ]
    on_fast = [found for one in along if (found := one["noise_fast"]) is not None]
    deepest = min(on_slow, default=(None, None))
    return {
        **along[0],
        "worst": max((found for found, _ in on_slow), default=None),
        "deepest": deepest[0],
        "deepest_predicted": deepest[1],
        "worst_fast": max(on_fast, default=None),
        "value": along[0]["noise_slow"],
        "predicted": along[0]["noise_slow_predicted"],
    }


def factors(problem: Problem, state: State, rho: float, slow: NDArray[np.bool_]) -> Values:
    """Return the gradient of SAM over that of GD along each direction, actual and predicted.

    At W + ρ g/|g|, an alignment c that grows by c' per unit step size becomes
    c - ρ c'/|g| = c (1 - ρ (c'/c)/|g|). The cubic's gradient is c² times a residual
    -y m/N' sigmoid(-yf). With the residual frozen, SAM therefore multiplies it by

        (1 - ρ (c'/c)/|g|)²,   c' = -g for a feature,  c' = -(g K) for a noise patch.

    The gradients are summed over the entries that grow (c > 0 for a feature, y c > 0 for a noise
    patch), which weights the entries by their gradients. The prediction is exact except for the
    change of the residual. Noise of slow and of fast examples is summed apart, for once the fast
    feature is learned their residuals change differently. None where no entry grows.

    slow: which of the examples are slow (n,); all of them are originals.
    """
    first = gradient(problem, state.features, state.projections)
    second = sharpened(problem, state, first, rho)
    moved = ascent(problem, first, rho)
    patches = state.projections.shape[-1] // problem.labels.shape[-1]
    labels = np.tile(problem.labels[0], patches)  # (M,)
    # of each direction: gradients of GD and SAM, alignment and its displacement
    features = (first.features, second.features, state.features, moved[0])
    noise = [part[0] * labels for part in (first.noise, second.noise, state.projections, moved[1])]
    which = np.zeros(problem.labels.shape[-1], bool)
    which[: len(slow)] = slow
    of_slow = np.tile(which, patches)  # (M,)
    along = {
        "fast": [part[0, :, 0] for part in features],
        "slow": [part[0, :, 1] for part in features],
        "noise_slow": [part[:, of_slow] for part in noise],
        "noise_fast": [part[:, ~of_slow] for part in noise],
    }
    values = {}
    for name, parts in along.items():
        grows = parts[2] > 0
        g, sharp, c, displacement = (part[grows] for part in parts)
        predicted = g * (1 + displacement / c) ** 2
        for key, above in ((name, sharp), (f"{name}_predicted", predicted)):
            values[key] = float(above.sum() / g.sum()) if g.any() else None
    return values


def race_identity(run: Probe, seed: int) -> Values:
    """Measure the identity of the race's clocks along exact training, and the speed of each clock.

    ``value`` is |τ_B - τ_A - k_eff n_slow <τ_e>| after the last step; ``predicted`` is 0.
    ``riccati`` is the largest alignment with the slow feature over the closed form
    x(0)/(1 - 1.5 β_d³ x(0) τ_B) on its clock, for the cubic; ``factor`` is k_eff.
    """
    sample = draw(run, seed)
    problem = stack([sample], run.network)
    ahead = race(replace(run, optimiser=replace(run.optimiser, name="gd")), sample)
    states: list[State] = []

    def watched() -> Iterator[State]:
        for state in train(problem, run.optimiser):
            states[:] = [state]
            yield state

    measured = clocks(problem, watched(), run.optimiser)
    slow_entries = np.concatenate((sample.slow, sample.strengths[len(sample.slow) :, 0] == 0))
    noise = measured.noise[0, : len(slow_entries)][slow_entries]  # (E,)
    mean = float(np.average(noise, weights=ahead.pulls)) if len(noise) else 0.0
    explained = ahead.k_eff * ahead.slow_examples * mean
    start = sample.feature_weights[:, 1].max()
    reached = start / (1 - measured.slow[0] / ahead.slow)
    return {
        "value": float(abs(measured.slow[0] - measured.fast[0] - explained)),
        "predicted": 0.0,
        "riccati": float(alignment(states[0])[0, 1] / reached),
        "factor": ahead.k_eff,
    }


MEASURES: dict[str, Callable[[Probe, int], Values]] = {
    "speed-ratio": speed_ratio,
    "sam-factor": sam_factor,
    "noise-alignment": noise_alignment,
    "gradient-variance": gradient_variance,
    "race-identity": race_identity,
}
