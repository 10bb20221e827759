"""Exact training in coordinates: the dimension d of a patch is gone, and runs of one size advance together.

Every gradient lies in the span of v_e, v_d and the noise patches ξ_i, so w_j = <w_j,v_e> v_e + <w_j,v_d> v_d + w_j^⊥ with

    w_j^⊥ = w_j^⊥(0) + Σ_i A_ji ξ_i,   c_ji = <w_j, ξ_i> = c_ji(0) + (A K)_ji,   K_il = <ξ_i, ξ_l>.

A step of gradient descent A <- A - η g, g_ji = ∂L/∂c_ji, costs one matrix product, a step of SAM two. Feature patches cost
O(J) and not O(J n), since the activation is homogeneous: σ(y β w) = β^q σ(y w).

R runs, J neurons, N examples (padded with examples of weight 0), Q noise patches each; M = Q N noise patches, patch by patch.
Nothing is ever summed across runs and N is a multiple of 32, so that the bits of a run do not depend on its companions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial, reduce
from itertools import repeat
from typing import NamedTuple

import numpy as np
from scipy.special import expit

from theory.config import Network, Optimiser
from theory.data import Array, Sample

PAD = 32  # doubles: four cache lines, so that every run of a batch is aligned alike
EXPLODED = 1e3  # exp(-746) is 0 in float64: no gradient leads here, only a step that is too long

Activation = Callable[[Array], tuple[Array, Array]]


class Diverged(ArithmeticError):
    """The step size is too large: logits are not finite or beyond 1e3."""


@dataclass(frozen=True)
class Problem:
    """R training problems of equal size."""

    activation: Activation
    labels: Array  # (R, N) ±1
    weights: Array  # (R, N) multiplicities / their sum N'; 0 at padding
    strengths: Array  # (R, 4, N) β^q at the row of feature and label: fast +, slow +, fast -, slow -
    gram: Array  # (R, M, M) K
    features: Array  # (R, J, 2) at step 0
    projections: Array  # (R, J, M) c at step 0
    others: Array  # (R, J, J) <w_j, w_l> beside the features at step 0


class State(NamedTuple):
    """Where R runs stand after ``step`` updates."""

    step: int
    features: Array  # (R, J, 2) <w_j, v_e>, <w_j, v_d>
    coefficients: Array  # (R, J, M) A
    projections: Array  # (R, J, M) c
    logits: Array  # (R, N) f(x_i; W)


class Gradient(NamedTuple):
    """Derivatives of the loss of each run, and the logits met on the way."""

    features: Array  # (R, J, 2)
    noise: Array  # (R, J, M) ∂L/∂c
    logits: Array  # (R, N)


def activation(network: Network) -> Activation:
    """z -> (σ(z), σ'(z)) for σ(z) = z^q, or max(z, 0)^q if rectified."""

    def power(z: Array) -> tuple[Array, Array]:
        below = reduce(np.multiply, (z,) * (network.power - 1))
        return below * z, network.power * below

    return (lambda z: power(np.maximum(z, 0.0))) if network.rectified else power


def padded(sample: Sample) -> int:
    """N: the number of examples, raised to a multiple of 32. Samples of equal N may share a batch."""
    return -(-len(sample.labels) // PAD) * PAD


def stack(samples: Sequence[Sample], network: Network) -> Problem:
    """The problems of samples of equal ``padded`` size; ValueError if sizes differ."""
    if len({padded(sample) for sample in samples}) != 1:
        raise ValueError(f"a batch needs samples of one padded size, got {sorted({padded(s) for s in samples})}")
    return Problem(activation(network), *map(np.stack, zip(*(_coordinates(sample, network.power) for sample in samples), strict=True)))


def _coordinates(sample: Sample, power: int) -> tuple[Array, ...]:
    size = padded(sample)
    extra = size - len(sample.labels)
    labels = np.pad(sample.labels, (0, extra), constant_values=1.0)  # (N,)
    weights = np.pad(sample.multiplicities / sample.multiplicities.sum(), (0, extra))  # (N,)
    strengths = np.pad(sample.strengths**power, ((0, extra), (0, 0))).T  # (2, N)
    signed = np.concatenate((strengths * (labels > 0), strengths * (labels < 0)))  # (4, N)
    noise = np.pad(sample.noise, ((0, extra), (0, 0), (0, 0))).swapaxes(0, 1).reshape(-1, sample.noise.shape[-1])  # (M, r)
    others = sample.other_weights  # (J, r)
    return labels, weights, signed, noise @ noise.T, sample.feature_weights, others @ noise.T, others @ others.T


@np.errstate(over="ignore", invalid="ignore")  # an overflow shows in the logits, and train() names its cause
def gradient(problem: Problem, features: Array, projections: Array) -> Gradient:
    """The gradient of L = Σ_i (m_i/N') log(1 + exp(-y_i f_i)) in the coordinates ``features`` (R, J, 2), ``projections`` (R, J, M)."""
    runs, examples = problem.labels.shape
    value, slope = problem.activation(projections)  # (R, J, M)
    both, both_slope = problem.activation(np.concatenate((features, -features), axis=2))  # (R, J, 4): as labels + and - see them
    logits = (both.sum(axis=1, keepdims=True) @ problem.strengths)[:, 0]  # (R, N)
    logits = logits + value.reshape(runs, -1, examples).sum(axis=1)
    residual = -problem.weights * problem.labels * expit(-problem.labels * logits)  # (R, N) ∂L/∂f
    pull = both_slope * (problem.strengths @ residual[:, :, None]).swapaxes(1, 2)  # (R, J, 4)
    noise = slope.reshape(runs, -1, examples) * residual[:, None]  # (R, J Q, N)
    return Gradient(pull[..., :2] - pull[..., 2:], noise.reshape(slope.shape), logits)


@np.errstate(over="ignore", invalid="ignore")
def ascent(problem: Problem, first: Gradient, rho: float) -> tuple[Array, Array]:
    """ρ g/|g| in the coordinates: (R, J, 2) and (R, J, M), with g = ``first``, |g|² = <g, g K> + |g_features|²; 0 where g = 0."""
    runs = len(problem.labels)
    lifted = first.noise @ problem.gram  # (R, J, M)
    square = (first.noise * lifted).reshape(runs, -1).sum(axis=1) + (first.features**2).reshape(runs, -1).sum(axis=1)  # (R,)
    reach = np.divide(rho, np.sqrt(square), out=np.zeros(runs), where=square > 0)[:, None, None]  # (R, 1, 1)
    return reach * first.features, reach * lifted


@np.errstate(over="ignore", invalid="ignore")
def sharpened(problem: Problem, state: State, first: Gradient, rho: float) -> Gradient:
    """SAM's gradient: taken at W + ρ g/|g|, g = ``first``; at g = 0 it is taken at W itself."""
    features, projections = ascent(problem, first, rho)
    return gradient(problem, state.features + features, state.projections + projections)


def train(problem: Problem, optimiser: Optimiser, batches: Iterable[Array] | None = None) -> Iterator[State]:
    """Yield the states after 0, 1, ..., ``optimiser.steps`` updates; the arrays of a state are never written to again.

    batches: the weights (R, N) of the examples in each step's gradient, at least ``steps`` + 1 of them, as ``theory.batches``
    draws them for mini-batches; those of the problem in every step if None.
    Raises Diverged, naming η and the step, instead of yielding a state whose logits are not finite or beyond 1e3.
    """
    descent = partial(sharpened, rho=optimiser.rho) if optimiser.name == "sam" else lambda _problem, _state, first: first
    features, projections = problem.features, problem.projections
    coefficients = np.zeros_like(projections)
    for step, weights in zip(range(optimiser.steps + 1), repeat(problem.weights) if batches is None else batches, strict=False):
        current = replace(problem, weights=weights)
        first = gradient(current, features, projections)
        if not (np.abs(first.logits) < EXPLODED).all():
            raise Diverged(f"training diverged at step {step}: eta = {optimiser.eta:g} is too large here; lower it")
        state = State(step, features, coefficients, projections, first.logits)
        yield state
        if step < optimiser.steps:
            g = descent(current, state, first)
            features = features - optimiser.eta * g.features
            coefficients = coefficients - optimiser.eta * g.noise
            with np.errstate(over="ignore", invalid="ignore"):
                projections = problem.projections + coefficients @ problem.gram
