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

*Criteria.* At convergence, with a median in place of the mean of few noise vectors,

    τ_B* - τ_A* < k_eff n_slow median_i τ_i*;     S = n_slow median_i τ_i* / (τ_B* - τ_A*).

After time t, with r = 1 until an entry is fitted and 0 from then on, each clock runs at its full
speed up to its end, and the slow feature is learned iff

    τ_B* < B(t) = min(τ_A*, ω_A t) + Σ_{e slow} φ_e^q min(τ_e*, w_e t),
    ω_A = Σ_{e fast} φ_e^q w_e.

B is piecewise linear, so that the time to learn is known in closed form as well. Neither criterion
has a free parameter. They need gradient descent on all examples (mini-batches change them in the
mean not at all), an odd power, and variants whose noise is fresh (κ = 0).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import expit

from theory.config import Optimiser, Run
from theory.data import Array, Sample, draw
from theory.dynamics import Problem, State, gradient, sharpened


@dataclass(frozen=True)
class Race:
    """Ends τ* and speeds of all clocks of one run, from its initial weights.

    E slow entries with noise of their own: the slow originals, then their variants. A clock that
    never ends, as no neuron is aligned, has τ* = ∞.
    """

    fast: float  # τ_A*
    slow: float  # τ_B*
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

        Infinite if the slow feature is the first to be learned; 0 without slow examples.
        """
        if self.slow <= self.fast:
            return math.inf
        if not self.slow_examples or math.isinf(self.slow):
            return 0.0
        typical = float(np.median(self.noise[: self.slow_examples]))
        return self.slow_examples * typical / (self.slow - self.fast)

    @property
    def learned(self) -> bool:
        """Whether the slow feature is learned at convergence: k_eff S > 1."""
        return self.k_eff * self.ratio > 1

    def budget(self, time: float = math.inf) -> float:
        """Return B(t), which τ_B cannot exceed; time: t = η times steps, >= 0 or infinite."""
        with np.errstate(invalid="ignore"):
            spent = np.fmin(self.noise, self.weights * time)  # (E,)
        fast = min(self.fast, self.fast_weight * time) if self.fast_weight else 0.0
        return fast + float(self.pulls @ spent)

    def learned_by(self, time: float) -> bool:
        """Return whether τ_B* < B(t); time: t = η times steps, >= 0 or infinite."""
        return self.slow < self.budget(time)

    def learning_time(self) -> float:
        """Return the time t at which B(t) = τ_B*; infinite if it never is."""
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
            if reached + speed * (stops[e] - time) >= self.slow:
                break
            reached += speed * (stops[e] - time)
            time = stops[e]
            speed -= pulls[e] * weights[e]
        return float(time + (self.slow - reached) / speed)


def require_covered(run: Run) -> None:
    """Raise ValueError, naming the setting, if the race law does not cover the run."""
    allowed = {
        f"optimiser {run.optimiser.name!r}": (
            run.optimiser.name == "gd" or run.optimiser.rho == 0,
            "gd; SAM multiplies each speed by a factor that changes with the gradient's norm",
        ),
        "a rectified network": (not run.network.rectified, "odd powers that are not rectified"),
        f"kappa = {run.method.kappa:g}": (
            run.method.kappa == 0 or run.method.name in ("original", "useful"),
            "0; variants that keep noise are neither copies nor independent",
        ),
    }
    for got, (covered, wanted) in allowed.items():
        if not covered:
            raise ValueError(f"the race law does not cover {got}; allowed: {wanted}")


def race(run: Run, sample: Sample | None = None, seed: int = 0) -> Race:
    """Return the ends of all clocks of a run.

    sample: the examples and initial weights; None: those of the seed. Raises ValueError if the law
    does not cover the run.
    """
    require_covered(run)
    sample = draw(run, seed) if sample is None else sample
    q = run.network.power
    distribution = run.distribution
    start_fast, start_slow = sample.feature_weights.max(axis=0)
    entries = np.concatenate((sample.slow, sample.strengths[len(sample.slow) :, 0] == 0))  # (N,)
    pulls = (sample.strengths[:, 1] / distribution.beta_d) ** q  # (N,)
    weights = sample.multiplicities / sample.multiplicities.sum()  # (N,)
    starts, squares = noise_starts(sample)  # (N, Q)
    ends = blow_up(starts, squares, q).min(axis=1)  # (N,)
    return Race(
        fast=float(blow_up(start_fast, distribution.beta_e**q, q)),
        slow=float(blow_up(start_slow, distribution.beta_d**q, q)),
        noise=ends[entries],
        weights=weights[entries],
        pulls=pulls[entries],
        fast_weight=float((pulls * weights)[~entries].sum()),
        slow_examples=int(sample.slow.sum()),
    )


def blow_up(start: Array | float, strength: Array | float, power: int) -> Array:
    """Return τ* = x(0)^{2-q} / ((q-2) (q/2) s), infinite where x(0) <= 0.

    start: x(0). strength: s > 0. power: q >= 3.
    """
    start = np.asarray(start, dtype=float)
    grows = start > 0
    rate = (power - 2) * power / 2 * np.asarray(strength)
    return np.where(grows, np.where(grows, start, 1.0) ** (2 - power) / rate, np.inf)


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
