"""Predict from the initial weights which runs learn the slow feature: the race law.

Write w_e = m_e/N' for the weight of entry e (an original or a variant, counted m_e times), and
r_e = 2 sigmoid(-y_e f_e), which is 1 at f = 0 and falls to 0 once the entry is fitted. Every
direction that grows has a clock, which stops when the entries that drive it are fitted:

    τ_A = ∫ Σ_{e fast} φ_e^q w_e r_e dt        of the fast feature; φ_e = 1 but on variants,
    τ_B = ∫ Σ_e φ_e^q w_e r_e dt               of the slow feature, which all entries have,
    τ_e = ∫ w_e r_e dt                         of the noise of one entry,

with t = η times steps. *Identity.* Fast and slow entries make up all entries, so that

    τ_B = τ_A + Σ_{e slow} φ_e^q τ_e = τ_A + k_eff n_slow <τ_e>,

where <τ_e> is the mean over the noise vectors of the slow entries. A copy shares the noise of its
original and adds no vector: k_eff = 1 for Original and for copies, at every k. Variants have noise
of their own: k_eff = k for TADA(k) and Syn-all(k) at φ = 1.

*Speed.* Under gradient flow, with noise patches orthogonal to one another, each alignment x > 0
(<w_j, v_e>, <w_j, v_d> or y_e <w_j, ξ_e>) obeys, on its own clock and by itself,

    dx/dτ = (q/2) s x^{q-1},      s = β_e^q, β_d^q, |ξ_e|²,

and blows up at τ* = x(0)^{2-q} / ((q-2) (q/2) s), for the cubic 1/(1.5 s x(0)). No clock passes
the τ* of its largest x(0): τ_A < τ_A*, τ_e < τ_e*. Hence τ_B < τ_A* + Σ φ_e^q τ_e*, at all times.
The noise of slow examples and the slow feature are in a race: if τ_B* is beyond that sum, the
examples are memorised first and the slow feature stays below its value there, forever. If τ_B* is
below, and the fast feature is learned, then fitting all examples needs the slow feature.

*At convergence*, with a median in place of the mean of few noise vectors, the slow feature is
learned iff

    τ_B* - τ_A* < k_eff n_slow median_i τ_i*;     S = n_slow median_i τ_i* / (τ_B* - τ_A*).

*After finite time.* Let r = 1 until an entry is fitted and 0 from then on. Each clock then runs at
its full speed up to its end, and <w_j, v_d> has reached a level (``LEARNED``) at time t iff

    τ_B(level) < B(t) = min(τ_A*, ω_A t) + Σ_{e slow} φ_e^q min(τ_e*, w_e t),
    τ_B(level) = τ_B* - level^{2-q} / ((q-2) (q/2) β_d^q),     ω_A = Σ_{e fast} φ_e^q w_e.

B is piecewise linear, so that the time to learn is known in closed form. Neither criterion has a
free parameter. They need gradient descent on all examples (of mini-batches they are the mean), an
odd power, and variants whose noise is fresh (κ = 0).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import expit

from theory.config import Optimiser, Run
from theory.data import Array, Sample, draw
from theory.dynamics import State, gradient, sharpened
from theory.measures import LEARNED
from theory.problem import Problem

PREDICTED = ("race_ratio", "race_factor", "race_steps")


@dataclass(frozen=True)
class Race:
    """Ends τ* and speeds of all clocks of one run, from its initial weights.

    E slow entries with noise of their own: the slow originals, then their variants. A clock that
    never ends, as no neuron is aligned, has τ* = ∞.
    """

    fast: float  # τ_A*
    slow: float  # τ_B*
    slow_learned: float  # τ_B(LEARNED), at which the slow feature counts as learned
    noise: Array  # (E,) τ_e*, of the first patch to be memorised
    weights: Array  # (E,) w_e = m_e/N'
    pulls: Array  # (E,) φ_e^q
    fast_weight: float  # ω_A
    slow_examples: int  # n_slow; the first of the E entries

    @property
    def k_eff(self) -> float:
        """How many noise vectors there are for each slow example, a variant counting φ^q.

        1 if there are no slow examples.
        """
        return float(self.pulls.sum()) / self.slow_examples if self.slow_examples else 1.0

    @property
    def ratio(self) -> float:
        """S = n_slow median_i τ_i* / (τ_B* - τ_A*), over the slow originals.

        Infinite if the slow feature is the first to be learned; 0 if no neuron is aligned with it,
        and without slow examples.
        """
        if math.isinf(self.slow):
            return 0.0
        if self.slow <= self.fast:
            return math.inf
        if not self.slow_examples:
            return 0.0
        typical = float(np.median(self.noise[: self.slow_examples]))
        return self.slow_examples * typical / (self.slow - self.fast)

    @property
    def learned(self) -> bool:
        """Whether the slow feature is learned at convergence: k_eff S > 1."""
        return self.k_eff * self.ratio > 1

    def budget(self, time: float = math.inf) -> float:
        """Return B(t), about the most that τ_B can be; time: t = η times steps, >= 0 or infinite.

        B(∞) is an exact bound under gradient flow with orthogonal noise.
        """
        with np.errstate(invalid="ignore"):
            spent = np.fmin(self.noise, self.weights * time)  # (E,)
        fast = min(self.fast, self.fast_weight * time) if self.fast_weight else 0.0
        return fast + float(self.pulls @ spent)

    def learned_by(self, time: float) -> bool:
        """Return whether τ_B(LEARNED) < B(t); time: t = η times steps, >= 0 or infinite."""
        return self.slow_learned < self.budget(time)

    def learning_time(self) -> float:
        """Return the time t at which B(t) = τ_B(LEARNED); infinite if it never is."""
        if not self.learned_by(math.inf):
            return math.inf
        weights = np.append(self.weights, self.fast_weight)
        ends = np.append(self.noise, self.fast)
        pulls = np.append(self.pulls, 1.0)
        running = weights > 0
        weights, ends, pulls = weights[running], ends[running], pulls[running]
        stops = ends / weights  # when each clock stops
        order = np.argsort(stops)
        speed = float(pulls @ weights)
        time = reached = 0.0
        for e in order:
            if reached + speed * (stops[e] - time) >= self.slow_learned:
                break
            reached += speed * (stops[e] - time)
            time = stops[e]
            speed -= pulls[e] * weights[e]
        return float(time + (self.slow_learned - reached) / speed)


def not_covered(run: Run) -> str | None:
    """Return what of a run the race law does not cover, and what is allowed; None if nothing."""
    problems = {
        "SAM; allowed: gd, as SAM's speeds change with the norm of the gradient": (
            run.optimiser.name == "sam" and run.optimiser.rho > 0
        ),
        "a rectified network; allowed: an odd power": run.network.rectified,
        f"variants with kappa = {run.method.kappa:g}; allowed: 0, noise of their own": (
            run.method.kappa > 0 and run.method.name not in ("original", "useful")
        ),
    }
    return next((text for text, holds in problems.items() if holds), None)


def race(run: Run, sample: Sample | None = None, seed: int = 0) -> Race:
    """Return the ends of all clocks of a run.

    sample: the examples and initial weights; None: those of the seed. Raises ValueError if the law
    does not cover the run.
    """
    if problem := not_covered(run):
        raise ValueError(f"the race law does not cover {problem}")
    sample = draw(run, seed) if sample is None else sample
    q = run.network.power
    distribution = run.distribution
    start_fast, start_slow = sample.feature_weights.max(axis=0)
    entries = np.concatenate((sample.slow, sample.strengths[len(sample.slow) :, 0] == 0))  # (N,)
    pulls = (sample.strengths[:, 1] / distribution.beta_d) ** q  # (N,)
    entries &= pulls > 0  # variants without the slow feature drive no feature's clock
    weights = sample.multiplicities / sample.multiplicities.sum()  # (N,)
    starts, squares = noise_starts(sample)  # (N, Q)
    ends = blow_up(starts, squares, q).min(axis=1)  # (N,)
    return Race(
        fast=float(blow_up(start_fast, distribution.beta_e**q, q)),
        slow=float(blow_up(start_slow, distribution.beta_d**q, q)),
        slow_learned=float(blow_up(start_slow, distribution.beta_d**q, q, LEARNED)),
        noise=ends[entries],
        weights=weights[entries],
        pulls=pulls[entries],
        fast_weight=float((pulls * weights)[~entries].sum()),  # of the others the pull is 0
        slow_examples=int(sample.slow.sum()),
    )


def predictions(run: Run, sample: Sample) -> dict[str, float | None]:
    """Return the predictions of a run as numbers of a record, under the names ``PREDICTED``.

    S, k_eff, and the number of steps after which the slow feature is learned. None where a number
    is infinite, and if the law does not cover the run. Beside SAM's outcome stands the prediction
    for gradient descent.
    """
    descent = replace(run, optimiser=replace(run.optimiser, name="gd"))
    if not_covered(descent):
        return dict.fromkeys(PREDICTED)
    ahead = race(descent, sample)
    values = (ahead.ratio, ahead.k_eff, ahead.learning_time() / run.optimiser.eta)
    finite = (value if math.isfinite(value) else None for value in values)
    return dict(zip(PREDICTED, finite, strict=True))


def blow_up(
    start: Array | float, strength: Array | float, power: int, level: float = math.inf
) -> Array:
    """Return the clock time at which x reaches a level, τ* where the level is infinite.

        τ(level) = (x(0)^{2-q} - level^{2-q}) / ((q-2) (q/2) s),

    infinite where x(0) <= 0, and 0 where x(0) is beyond the level.

    start: x(0). strength: s > 0. power: q >= 3. level: > 0 or infinite.
    """
    start = np.asarray(start, dtype=float)
    grows = start > 0
    rate = (power - 2) * power / 2 * np.asarray(strength)
    left = np.where(grows, start, 1.0) ** (2 - power) - level ** (2 - power)
    return np.where(grows, np.maximum(left, 0.0) / rate, np.inf)


def noise_starts(sample: Sample) -> tuple[Array, Array]:
    """Return max_j y_e <w_j(0), ξ_ep> and |ξ_ep|² of every entry e and patch p: (N, Q) each."""
    weights = sample.other_weights  # (J, r)
    if sample.orthogonal:
        own = weights[:, : sample.noise.size].reshape(-1, *sample.noise.shape)  # (J, N, Q)
        along = own * sample.noise
        squares = sample.noise**2
    else:
        along = np.tensordot(weights, sample.noise, (1, 2))  # (J, N, Q)
        squares = (sample.noise**2).sum(axis=2)
    return (sample.labels[:, None] * along).max(axis=0), squares


@dataclass(frozen=True)
class Clocks:
    """Clocks of R runs, measured along their training; N entries, padded ones at 0."""

    fast: Array  # (R,) τ_A
    slow: Array  # (R,) τ_B
    noise: Array  # (R, N) τ_e


def clocks(
    problem: Problem,
    states: Iterable[State],
    optimiser: Optimiser,
    batches: Iterable[Array] | None = None,
) -> Clocks:
    """Measure the clocks along exact training; the power of the activation is odd.

    states: those that ``theory.dynamics.train`` yields for the problem and ``optimiser``; the last
    one closes the integral and adds nothing. batches: the example weights of each step (R, N) with
    which it was trained; None: those of the problem. With SAM, r is taken where the gradient is:
    at W + ρ g/|g|.
    """
    has_fast = problem.strengths[:, 0] != 0  # (R, N)
    largest = np.abs(problem.strengths[:, 1]).max(axis=1, keepdims=True)  # (R, 1) β_d^q
    pulls = np.abs(problem.strengths[:, 1]) / largest  # (R, N) φ^q; 0 at padding
    total = np.zeros_like(problem.weights)
    each = iter(batches) if batches is not None else None
    for state in states:
        if state.step == optimiser.steps:
            break
        weights = problem.weights if each is None else next(each)
        logits = state.logits
        if optimiser.name == "sam":
            batch = replace(problem, weights=weights)
            first = gradient(batch, state.features, state.projections)
            logits = sharpened(batch, state, first, optimiser.rho).logits
        total = total + optimiser.eta * weights * 2 * expit(-problem.labels * logits)
    seen = pulls * total
    return Clocks((seen * has_fast).sum(axis=1), seen.sum(axis=1), total)
