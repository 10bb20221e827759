"""Exact training in coordinates: the dimension d of a patch is gone, and runs of one size advance together.

Every gradient lies in the span of v_e, v_d and the noise patches ξ_i, so w_j = <w_j,v_e> v_e + <w_j,v_d> v_d + w_j^⊥ with

    w_j^⊥ = w_j^⊥(0) + Σ_i A_ji ξ_i,   c_ji = <w_j, ξ_i> = c_ji(0) + (A K)_ji,   K_il = <ξ_i, ξ_l>.

A step of gradient descent A <- A - η g, g_ji = ∂L/∂c_ji, costs one matrix product, a step of SAM two; where the noise patches are
orthogonal, K is diagonal and a step costs O(J n). Feature patches cost O(J) and not O(J n), since the activation is homogeneous:
σ(y β w) = β^q σ(y w). For the same reason σ(z) = z σ'(z)/q (Euler), so that the slope is all that is ever computed.

R runs, J neurons, N examples (padded with examples of weight 0), Q noise patches each; M = Q N noise patches, patch by patch.
Runs that share their noise patches share K, and one product serves them all. Nothing is ever summed across runs; where each run
has a K of its own, the bits of a run do not depend on its companions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial, reduce
from itertools import repeat
from typing import NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from theory.config import Network, Optimiser
from theory.data import Array, Sample

PAD = 16  # numbers: whole cache lines, so that every run of a batch is aligned alike
EXPLODED = 1e3  # exp(-746) is 0 in float64: no gradient leads here, only a step that is too long

Activation = Callable[[Array], Array]


class Diverged(ArithmeticError):
    """The step size is too large: logits are not finite or beyond 1e3."""


@dataclass(frozen=True)
class Problem:
    """R training problems of equal size, in one floating-point type. F: 2, or 4 where the activation is not odd."""

    activation: Activation
    power: int  # q
    labels: Array  # (R, N) ±1
    weights: Array  # (R, N) multiplicities / their sum N'; 0 at padding
    strengths: Array  # (R, F, N) y β^q of fast and slow; not odd: β^q where the label is +, then where it is -
    features: Array  # (R, J, 2) at step 0
    projections: Array  # (R, J, M) c at step 0
    others: Array  # (R, J, J) <w_j, w_l> beside the features at step 0
    gram: Array  # (G, M, M) K, or its diagonal (G, M), of G groups of R/G runs each


class State(NamedTuple):
    """Where R runs stand after ``step`` updates."""

    step: int
    features: Array  # (R, J, 2) <w_j, v_e>, <w_j, v_d>
    coefficients: Array  # (R, J, M) A
    projections: Array  # (R, J, M) c
    logits: Array  # (R, N) f(x_i; W)
    diverged: NDArray[np.bool_]  # (R,): runs put to rest at W = 0


class Gradient(NamedTuple):
    """Derivatives of the loss of each run, and the logits met on the way."""

    features: Array  # (R, J, 2)
    noise: Array  # (R, J, M) ∂L/∂c
    logits: Array  # (R, N)


def activation(network: Network) -> Activation:
    """z -> σ'(z)/q for σ(z) = z^q, or max(z, 0)^q if rectified; σ(z) is z times it."""

    def slope(z: Array) -> Array:
        return reduce(np.multiply, (z,) * (network.power - 1))

    return (lambda z: slope(np.maximum(z, 0.0))) if network.rectified else slope


def padded(sample: Sample) -> int:
    """N: the number of examples, raised to a multiple of 16. Samples of equal N may share a batch."""
    return -(-len(sample.labels) // PAD) * PAD


def stack(
    samples: Sequence[Sample],
    network: Network,
    dtype: DTypeLike = np.float64,
    size: int | None = None,
) -> Problem:
    """The problems of samples of equal ``padded`` size, or all padded to ``size``; ValueError if sizes differ.

    Successive samples with the same noise share a Gram matrix if they come in groups of equal length.
    """
    if size is None and len({padded(sample) for sample in samples}) != 1:
        raise ValueError(
            f"a batch needs samples of one padded size, got {sorted({padded(s) for s in samples})}"
        )
    size = size or padded(samples[0])
    leaders = [samples[i] for i in leading(samples)]
    columns = zip(*(_coordinates(sample, network, size) for sample in samples), strict=True)
    parts = [
        np.stack(column).astype(dtype)
        for column in (*columns, [_gram(leader, size) for leader in leaders])
    ]
    return Problem(activation(network), network.power, *parts)


def leading(samples: Sequence[Sample]) -> list[int]:
    """Where groups of the same noise begin, if all are equally long; else every index."""
    starts = [
        i
        for i, sample in enumerate(samples)
        if i == 0 or not np.array_equal(sample.noise, samples[i - 1].noise)
    ]
    lengths = {end - start for start, end in zip(starts, [*starts[1:], len(samples)], strict=True)}
    return starts if len(lengths) == 1 else list(range(len(samples)))


def _coordinates(sample: Sample, network: Network, size: int) -> tuple[Array, ...]:
    extra = size - len(sample.labels)
    labels = np.pad(sample.labels, (0, extra), constant_values=1.0)  # (N,)
    weights = np.pad(sample.multiplicities / sample.multiplicities.sum(), (0, extra))  # (N,)
    strengths = np.pad(sample.strengths**network.power, ((0, extra), (0, 0))).T  # (2, N)
    split = np.concatenate((strengths * (labels > 0), strengths * (labels < 0)))  # (4, N)
    strengths = split if network.rectified else split[:2] - split[2:]  # (F, N)
    others = sample.other_weights  # (J, r)
    if sample.orthogonal:
        along = (
            others[:, : sample.noise.size].reshape(-1, *sample.noise.shape) * sample.noise
        )  # (J, n, Q)
    else:
        along = np.tensordot(others, sample.noise, (1, 2))  # (J, n, Q)
    projections = (
        np.pad(along, ((0, 0), (0, extra), (0, 0))).swapaxes(1, 2).reshape(len(others), -1)
    )  # (J, M)
    return labels, weights, strengths, sample.feature_weights, projections, others @ others.T


def _gram(sample: Sample, size: int) -> Array:
    """K (M, M), or its diagonal (M,) where the patches are orthogonal."""
    noise = np.pad(
        sample.noise, ((0, size - len(sample.noise)), *((0, 0),) * (sample.noise.ndim - 1))
    ).swapaxes(0, 1)  # (Q, N, ...)
    if sample.orthogonal:
        return noise.reshape(-1) ** 2
    patches = noise.reshape(-1, noise.shape[-1])  # (M, r)
    return patches @ patches.T


def lift(problem: Problem, x: Array) -> Array:
    """x K, for x (R, J, M): from coefficients of the noise patches to inner products with them."""
    grouped = x.reshape(len(problem.gram), -1, x.shape[-1])  # (G, R/G J, M)
    return (
        grouped * problem.gram[:, None] if problem.gram.ndim == 2 else grouped @ problem.gram
    ).reshape(x.shape)


@np.errstate(
    over="ignore", invalid="ignore"
)  # an overflow shows in the logits, and train() names its cause
def gradient(problem: Problem, features: Array, projections: Array) -> Gradient:
    """The gradient of L = Σ_i (m_i/N') log(1 + exp(-y_i f_i)) in the coordinates ``features`` (R, J, 2), ``projections`` (R, J, M)."""
    runs, examples = problem.labels.shape
    odd = problem.strengths.shape[1] == 2
    seen = features if odd else np.concatenate((features, -features), axis=2)  # (R, J, F)
    slope, seen_slope = (
        problem.activation(projections),
        problem.activation(seen),
    )  # (R, J, M), (R, J, F)
    logits = (np.einsum("rjf,rjf->rf", seen_slope, seen)[:, None] @ problem.strengths)[
        :, 0
    ]  # (R, N)
    logits += np.einsum(
        "rjpn,rjpn->rn", *(z.reshape(runs, z.shape[1], -1, examples) for z in (slope, projections))
    )
    residual = (
        -problem.power * problem.weights * problem.labels / (1 + np.exp(problem.labels * logits))
    )  # (R, N) q ∂L/∂f
    pull = seen_slope * (problem.strengths @ residual[:, :, None]).swapaxes(1, 2)  # (R, J, F)
    by_patch = slope.reshape(runs, -1, examples)  # (R, J Q, N)
    by_patch *= residual[:, None]
    return Gradient(pull if odd else pull[..., :2] - pull[..., 2:], slope, logits)


@np.errstate(over="ignore", invalid="ignore")
def ascent(problem: Problem, first: Gradient, rho: Array | float) -> tuple[Array, Array]:
    """ρ g/|g| in the coordinates: (R, J, 2) and (R, J, M), with g = ``first``, |g|² = <g, g K> + |g_features|²; 0 where g = 0.

    rho: one radius, or one a run (R,).
    """
    runs, lifted = len(problem.labels), lift(problem, first.noise)  # (R, J, M)
    square = (first.noise * lifted).reshape(runs, -1).sum(axis=1) + (first.features**2).reshape(
        runs, -1
    ).sum(axis=1)  # (R,)
    reach = np.divide(rho, np.sqrt(square), out=np.zeros_like(square), where=square > 0)[
        :, None, None
    ]  # (R, 1, 1)
    return reach * first.features, reach * lifted


@np.errstate(over="ignore", invalid="ignore")
def sharpened(problem: Problem, state: State, first: Gradient, rho: Array | float) -> Gradient:
    """SAM's gradient: taken at W + ρ g/|g|, g = ``first``; at g = 0 it is taken at W itself."""
    features, projections = ascent(problem, first, rho)
    return gradient(problem, state.features + features, state.projections + projections)


def train(
    problem: Problem,
    optimiser: Optimiser | Sequence[Optimiser],
    batches: Iterable[Array] | None = None,
    go_on: bool = False,
) -> Iterator[State]:
    """Yield the states after 0, 1, ..., ``steps`` updates; the arrays of a state are never written to again.

    optimiser: one for all, or one a run, of equal ``steps``; gradient descent beside SAM is SAM of radius 0, the same bits.
    batches: the weights (R, N) of the examples in each step's gradient, at least ``steps`` + 1 of them, as ``theory.batches``
    draws them for mini-batches; those of the problem in every step if None.
    A run of logits that are not finite or beyond 1e3 raises Diverged, naming η and the step, instead of being yielded; with
    ``go_on`` it is put to rest at W = 0, and marked, and the others go on.
    """
    runs, dtype = len(problem.labels), problem.labels.dtype
    optimisers = [optimiser] * runs if isinstance(optimiser, Optimiser) else list(optimiser)
    eta = np.array([each.eta for each in optimisers], dtype)[:, None]  # (R, 1)
    radii = np.array([each.rho * (each.name == "sam") for each in optimisers], dtype)  # (R,)
    sam = any(each.name == "sam" for each in optimisers)
    descent = partial(sharpened, rho=radii) if sam else lambda _problem, _state, first: first
    features, projections, coefficients = (
        problem.features,
        problem.projections,
        np.zeros_like(problem.projections),
    )
    diverged = np.zeros(runs, bool)
    stretch = partial(
        replace, problem
    )  # ηL for L, so that a step has length 1; SAM's direction does not feel the scale
    stretched = (
        repeat(stretch(weights=eta * problem.weights))
        if batches is None
        else (stretch(weights=eta * b) for b in batches)
    )
    start = problem.projections
    for step, current in zip(range(optimisers[0].steps + 1), stretched, strict=False):
        first = gradient(current, features, projections)
        if not np.abs(first.logits).max() < EXPLODED:  # true of NaN, too
            lost = ~(np.abs(first.logits) < EXPLODED).all(axis=1)  # (R,)
            if not go_on:
                raise Diverged(
                    f"training diverged at step {step}: eta = {eta[lost].max():g} is too large here; lower it"
                )
            diverged = diverged | lost
            moving = (features, projections, coefficients, start)
            features, projections, coefficients, start = (
                np.where(lost[:, None, None], 0, x) for x in moving
            )
            first = gradient(current, features, projections)
        state = State(step, features, coefficients, projections, first.logits, diverged)
        yield state
        if step < optimisers[0].steps:
            g = descent(current, state, first)
            features = features - g.features
            coefficients = coefficients - g.noise
            with np.errstate(over="ignore", invalid="ignore"):
                projections = lift(problem, coefficients)
                projections += start
