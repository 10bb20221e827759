"""Train exactly in coordinates that do not contain the patch dimension d, many runs at once.

Every gradient lies in the span of v_e, v_d and the noise patches ξ_i. Hence
w_j = <w_j,v_e> v_e + <w_j,v_d> v_d + w_j^⊥, with

    w_j^⊥ = w_j^⊥(0) + Σ_i A_ji ξ_i,
    c_ji = <w_j, ξ_i> = c_ji(0) + (A K)_ji,   K_il = <ξ_i, ξ_l>.

A step of gradient descent A <- A - η g, g_ji = ∂L/∂c_ji, costs one matrix product, and a step of
SAM two; where the noise patches are orthogonal, K is diagonal and a step costs O(J n). Feature
patches cost O(J), not O(J n), since the activation is homogeneous: σ(y β w) = β^q σ(y w). For the
same reason σ(z) = z σ'(z)/q (Euler), so that only the slope is ever computed.

R runs of one size train together, each with J neurons, N examples (padded with examples of weight
0) and Q noise patches per example; M = Q N noise patches, ordered patch by patch. Runs that share
their noise patches share K, and one product serves all of them. Nothing is ever summed across
runs; where each run has its own K, the bits of a run do not depend on the other runs.
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

PAD = 16  # pad to a multiple of 16 numbers: whole cache lines, so that all runs are aligned alike
EXPLODED = 1e3  # larger logits mean too long a step: gradients vanish there, exp(-746) = 0

Activation = Callable[[Array], Array]


class Diverged(ArithmeticError):
    """Error for a step size that is too large: logits are not finite or exceed 1e3."""


@dataclass(frozen=True)
class Problem:
    """R training problems of equal size, in one floating-point type.

    F = 2 features; 4 if the activation is not odd.
    """

    activation: Activation
    power: int  # q
    labels: Array  # (R, N) ±1
    weights: Array  # (R, N) multiplicities / their sum N'; 0 at padding
    # (R, F, N) y β^q of fast and slow; if not odd, β^q where the label is +1, then where it is -1
    strengths: Array
    features: Array  # (R, J, 2) at step 0
    projections: Array  # (R, J, M) c at step 0
    others: Array  # (R, J, J) <w_j, w_l> beside the features at step 0
    gram: Array  # (G, M, M) K, or its diagonal (G, M), for G groups of R/G runs each


class State(NamedTuple):
    """State of R runs after ``step`` updates."""

    step: int
    features: Array  # (R, J, 2) <w_j, v_e>, <w_j, v_d>
    coefficients: Array  # (R, J, M) A
    projections: Array  # (R, J, M) c
    logits: Array  # (R, N) f(x_i; W)
    diverged: NDArray[np.bool_]  # (R,): runs that diverged and rest at W = 0


class Gradient(NamedTuple):
    """Derivatives of the loss of each run, and the logits computed on the way."""

    features: Array  # (R, J, 2)
    noise: Array  # (R, J, M) ∂L/∂c
    logits: Array  # (R, N)


def activation(network: Network) -> Activation:
    """Return z -> σ'(z)/q for σ(z) = z^q, or max(z, 0)^q if rectified; σ(z) is z times it."""

    def slope(z: Array) -> Array:
        return reduce(np.multiply, (z,) * (network.power - 1))

    def rectified(z: Array) -> Array:
        return slope(np.maximum(z, 0.0))

    return rectified if network.rectified else slope


def padded(sample: Sample) -> int:
    """Return N, the number of examples rounded up to a multiple of 16.

    Samples of equal N may train in one batch.
    """
    return -(-len(sample.labels) // PAD) * PAD


def stack(
    samples: Sequence[Sample],
    network: Network,
    dtype: DTypeLike = np.float64,
    size: int | None = None,
) -> Problem:
    """Return the training problems of samples of equal ``padded`` size, or all padded to ``size``.

    Successive samples with the same noise share a Gram matrix if they come in groups of equal
    length. Raises ValueError if ``size`` is None and the padded sizes differ.
    """
    if size is None and len({padded(sample) for sample in samples}) != 1:
        sizes = sorted({padded(sample) for sample in samples})
        raise ValueError(f"a batch needs samples of one padded size, got {sizes}")
    size = size or padded(samples[0])
    coordinates = zip(*(_coordinates(sample, network, size) for sample in samples), strict=True)
    grams = [_gram(samples[i], size) for i in leading(samples)]
    parts = [np.stack(column).astype(dtype) for column in (*coordinates, grams)]
    return Problem(activation(network), network.power, *parts)


def leading(samples: Sequence[Sample]) -> list[int]:
    """Return the indices at which groups of the same noise begin.

    If the groups are not equally long, every index is returned.
    """
    starts = [
        i
        for i, sample in enumerate(samples)
        if i == 0 or not np.array_equal(sample.noise, samples[i - 1].noise)
    ]
    lengths = {end - start for start, end in zip(starts, [*starts[1:], len(samples)], strict=True)}
    return starts if len(lengths) == 1 else list(range(len(samples)))


def _coordinates(sample: Sample, network: Network, size: int) -> tuple[Array, ...]:
    """Return the parts of a Problem from ``labels`` to ``others``, for one sample padded to N."""
    extra = size - len(sample.labels)
    labels = np.pad(sample.labels, (0, extra), constant_values=1.0)  # (N,)
    weights = np.pad(sample.multiplicities / sample.multiplicities.sum(), (0, extra))  # (N,)
    strengths = np.pad(sample.strengths**network.power, ((0, extra), (0, 0))).T  # (2, N)
    split = np.concatenate((strengths * (labels > 0), strengths * (labels < 0)))  # (4, N)
    strengths = split if network.rectified else split[:2] - split[2:]  # (F, N)
    others = sample.other_weights  # (J, r)
    if sample.orthogonal:
        own = others[:, : sample.noise.size].reshape(-1, *sample.noise.shape)  # (J, n, Q)
        along = own * sample.noise  # (J, n, Q)
    else:
        along = np.tensordot(others, sample.noise, (1, 2))  # (J, n, Q)
    along = np.pad(along, ((0, 0), (0, extra), (0, 0)))  # (J, N, Q)
    projections = along.swapaxes(1, 2).reshape(len(others), -1)  # (J, M)
    return labels, weights, strengths, sample.feature_weights, projections, others @ others.T


def _gram(sample: Sample, size: int) -> Array:
    """Return K (M, M), or its diagonal (M,) if the patches are orthogonal."""
    others = ((0, 0),) * (sample.noise.ndim - 1)
    noise = np.pad(sample.noise, ((0, size - len(sample.noise)), *others))  # (N, Q, ...)
    noise = noise.swapaxes(0, 1)  # (Q, N, ...)
    if sample.orthogonal:
        return noise.reshape(-1) ** 2
    patches = noise.reshape(-1, noise.shape[-1])  # (M, r)
    return patches @ patches.T


def lift(problem: Problem, x: Array) -> Array:
    """Return x K (R, J, M) for x (R, J, M).

    It turns coefficients of the noise patches into inner products with them.
    """
    grouped = x.reshape(len(problem.gram), -1, x.shape[-1])  # (G, R/G J, M)
    diagonal = problem.gram.ndim == 2
    lifted = grouped * problem.gram[:, None] if diagonal else grouped @ problem.gram
    return lifted.reshape(x.shape)


# an overflow shows in the logits, and train() names its cause
@np.errstate(over="ignore", invalid="ignore")
def gradient(problem: Problem, features: Array, projections: Array) -> Gradient:
    """Return the gradient of L = Σ_i (m_i/N') log(1 + exp(-y_i f_i)) in the coordinates.

    It is taken at the coordinates ``features`` (R, J, 2) and ``projections`` (R, J, M).
    """
    runs, examples = problem.labels.shape
    odd = problem.strengths.shape[1] == 2
    seen = features if odd else np.concatenate((features, -features), axis=2)  # (R, J, F)
    slope = problem.activation(projections)  # (R, J, M)
    seen_slope = problem.activation(seen)  # (R, J, F)
    from_features = np.einsum("rjf,rjf->rf", seen_slope, seen)[:, None]  # (R, 1, F)
    logits = (from_features @ problem.strengths)[:, 0]  # (R, N)
    by_patch = (z.reshape(runs, z.shape[1], -1, examples) for z in (slope, projections))
    logits += np.einsum("rjpn,rjpn->rn", *by_patch)
    pulls = -problem.power * problem.weights * problem.labels
    residual = pulls / (1 + np.exp(problem.labels * logits))  # (R, N) q ∂L/∂f
    pull = seen_slope * (problem.strengths @ residual[:, :, None]).swapaxes(1, 2)  # (R, J, F)
    rows = slope.reshape(runs, -1, examples)  # (R, J Q, N), a view of slope
    rows *= residual[:, None]
    return Gradient(pull if odd else pull[..., :2] - pull[..., 2:], slope, logits)


@np.errstate(over="ignore", invalid="ignore")
def ascent(problem: Problem, first: Gradient, rho: Array | float) -> tuple[Array, Array]:
    """Return SAM's displacement ρ g/|g| in the coordinates: (R, J, 2) and (R, J, M).

    g = ``first`` and |g|² = <g, g K> + |g_features|²; the displacement is 0 where g = 0. rho: one
    radius, or one for each run (R,).
    """
    runs = len(problem.labels)
    lifted = lift(problem, first.noise)  # (R, J, M)
    noise_square = (first.noise * lifted).reshape(runs, -1).sum(axis=1)  # (R,)
    feature_square = (first.features**2).reshape(runs, -1).sum(axis=1)  # (R,)
    square = noise_square + feature_square
    reach = np.divide(rho, np.sqrt(square), out=np.zeros_like(square), where=square > 0)  # (R,)
    reach = reach[:, None, None]  # (R, 1, 1)
    return reach * first.features, reach * lifted


@np.errstate(over="ignore", invalid="ignore")
def sharpened(problem: Problem, state: State, first: Gradient, rho: Array | float) -> Gradient:
    """Return SAM's gradient, taken at W + ρ g/|g| with g = ``first``; at W itself where g = 0."""
    features, projections = ascent(problem, first, rho)
    return gradient(problem, state.features + features, state.projections + projections)


def train(
    problem: Problem,
    optimiser: Optimiser | Sequence[Optimiser],
    batches: Iterable[Array] | None = None,
    go_on: bool = False,
) -> Iterator[State]:
    """Yield the states after 0, 1, ..., ``steps`` updates.

    The arrays of a state are never written to again.

    optimiser: one for all runs, or one for each run, of equal ``steps``. Gradient descent beside
    SAM is SAM of radius 0, which gives the same bits. batches: the example weights (R, N) of each
    step's gradient, at least ``steps`` + 1 of them, such as the mini-batches of
    ``theory.batches``; None: the weights of the problem in every step. go_on: set a run that
    diverges to W = 0, mark it in ``diverged``, and continue with the others.

    Raises Diverged, naming η and the step, if the logits of a run are not finite or exceed 1e3,
    unless ``go_on``.
    """
    runs = len(problem.labels)
    dtype = problem.labels.dtype
    optimisers = [optimiser] * runs if isinstance(optimiser, Optimiser) else list(optimiser)
    eta = np.array([each.eta for each in optimisers], dtype)[:, None]  # (R, 1)
    radii = np.array([each.rho * (each.name == "sam") for each in optimisers], dtype)  # (R,)
    sam = any(each.name == "sam" for each in optimisers)
    descent = partial(sharpened, rho=radii) if sam else lambda _problem, _state, first: first
    features = problem.features
    start = projections = problem.projections
    coefficients = np.zeros_like(projections)
    diverged = np.zeros(runs, bool)
    # ηL in place of L, so that a step has length 1; SAM's direction does not depend on the scale
    stretched: Iterable[Problem]
    if batches is None:
        stretched = repeat(replace(problem, weights=eta * problem.weights))
    else:
        stretched = (replace(problem, weights=eta * weights) for weights in batches)
    for step, current in zip(range(optimisers[0].steps + 1), stretched, strict=False):
        first = gradient(current, features, projections)
        if not np.abs(first.logits).max() < EXPLODED:  # also true if a logit is NaN
            lost = np.logical_not((np.abs(first.logits) < EXPLODED).all(axis=1))  # (R,)
            if not go_on:
                raise Diverged(
                    f"training diverged at step {step}: eta = {eta[lost].max():g} "
                    "is too large here; lower it"
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
