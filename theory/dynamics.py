"""Train exactly in coordinates that do not contain the patch dimension d, many runs at once.

A step of gradient descent in the coordinates of ``theory.problem``, A <- A - η g with
g_ji = ∂L/∂c_ji, costs one matrix product c = c(0) + A K, and a step of SAM two; where the noise
patches are orthogonal, K is diagonal and a step costs O(J n). Feature patches cost O(J), not
O(J n), since the activation is homogeneous: σ(y β w) = β^q σ(y w). For the same reason
σ(z) = z σ'(z)/q (Euler), so that only the slope is ever computed.

Two engines make the steps: the code below, in numpy, and the same in C (``theory.fused``), several
times faster where a C compiler is found. ``theory.kernel`` chooses. They agree up to rounding.
Nothing is ever summed across runs. The bits of a run do not depend on the runs beside it, in C;
nor in numpy, where each run has its own K.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice, repeat
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from theory import kernel
from theory.config import Optimiser
from theory.data import Array
from theory.fused import Chunk, Fused, Point, fits
from theory.kernel import Engine
from theory.problem import Problem

EXPLODED = 1e3  # larger logits mean too long a step: gradients vanish there, exp(-746) = 0


class Diverged(ArithmeticError):
    """Error for a step size that is too large: logits are not finite or exceed 1e3."""


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


def lift(problem: Problem, x: Array) -> Array:
    """Return x K (R, J, M) for x (R, J, M).

    It turns coefficients of the noise patches into inner products with them.
    """
    grouped = x.reshape(len(problem.gram), -1, x.shape[-1])  # (G, R/G J, M)
    if problem.gram.ndim == 2:
        return (grouped * problem.gram[:, None]).reshape(x.shape)
    lifted = grouped @ problem.gram
    if problem.factored:
        lifted = lifted @ problem.gram.swapaxes(1, 2)
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


class Reference:
    """Steps of one problem in numpy, one a call; arguments and result are those of ``Fused``."""

    size = 1

    def __init__(self, problem: Problem, radii: Array | None) -> None:
        self.problem = problem
        self.radii = radii

    @np.errstate(over="ignore", invalid="ignore")
    def __call__(self, point: Point, start: Array, weights: Sequence[Array]) -> Chunk:
        current = replace(self.problem, weights=weights[0])
        g = first = gradient(current, point.features, point.projections)
        made = np.abs(first.logits).max() < EXPLODED  # not so if a logit is NaN
        if self.radii is not None:
            state = State(0, *point, first.logits, np.zeros(0, bool))
            g = sharpened(current, state, first, self.radii)
        coefficients = point.coefficients - g.noise
        projections = lift(self.problem, coefficients)
        projections += start
        after = (first.logits, point.features - g.features, coefficients, projections)
        return Chunk(int(made), *(array[None] for array in after))


def train(
    problem: Problem,
    optimiser: Optimiser | Sequence[Optimiser],
    batches: Iterable[Array] | None = None,
    go_on: bool = False,
    engine: Engine | None = None,
) -> Iterator[State]:
    """Yield the states after 0, 1, ..., ``steps`` updates.

    The arrays of a state are never written to again.

    optimiser: one for all runs, or one for each run, of equal ``steps``. Gradient descent beside
    SAM is SAM of radius 0, which gives the same bits. batches: the example weights (R, N) of each
    step's gradient, at least ``steps`` + 1 of them, such as the mini-batches of
    ``theory.batches``; None: the weights of the problem in every step. Some are read ahead. go_on:
    set a run that diverges to W = 0, mark it in ``diverged``, and continue with the others.
    engine: None for that of ``theory.kernel``; a factored problem is trained in numpy by both.

    Raises Diverged, naming η and the step, if the logits of a run are not finite or exceed 1e3,
    unless ``go_on``.
    """
    runs = len(problem.labels)
    dtype = problem.labels.dtype
    optimisers = [optimiser] * runs if isinstance(optimiser, Optimiser) else list(optimiser)
    steps = optimisers[0].steps
    eta = np.array([each.eta for each in optimisers], dtype)[:, None]  # (R, 1)
    move = stepper(problem, optimisers, engine or kernel.engine())
    # ηL in place of L, so that a step has length 1; SAM's direction does not depend on the scale
    if batches is None:
        stretched: Iterator[Array] = repeat(eta * problem.weights)
    else:
        stretched = (eta * weights.astype(dtype, copy=False) for weights in batches)
    start = problem.projections
    point = Point(problem.features, np.zeros_like(start), start)
    diverged = np.zeros(runs, bool)
    ahead: list[Array] = []  # weights of the next steps
    step = 0
    while step <= steps:
        ahead += islice(stretched, min(move.size, steps + 1 - step) - len(ahead))
        if not ahead:
            return
        made, logits, *after = move(point, start, ahead)
        for i in range(made):
            yield State(step + i, *point, logits[i], diverged)
            point = Point(*(array[i] for array in after))
        step += made
        if made < len(ahead):
            lost = np.logical_not((np.abs(logits[made]) < EXPLODED).all(axis=1))  # (R,)
            if not go_on:
                raise Diverged(
                    f"training diverged at step {step}: eta = {eta[lost].max():g} "
                    "is too large here; lower it"
                )
            diverged = diverged | lost
            *place, start = (np.where(lost[:, None, None], 0, x) for x in (*point, start))
            point = Point(*place)
        ahead = ahead[made:]


def stepper(problem: Problem, optimisers: Sequence[Optimiser], engine: Engine) -> Fused | Reference:
    """Return what makes the steps of a problem by an engine; optimisers: one for each run."""
    radii = None
    if any(each.name == "sam" for each in optimisers):
        chosen = [each.rho * (each.name == "sam") for each in optimisers]
        radii = np.array(chosen, problem.labels.dtype)
    if engine.library and fits(problem):
        return Fused(problem, radii, engine)
    return Reference(problem, radii)
