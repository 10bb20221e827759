"""Single quantities, early in training or at initialisation, each beside what the closed forms say of the very same sample."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from scipy.special import expit

from theory import simulate
from theory.closed_forms import noise_alignment_ratio, shared_noise, slow_gradient_variance
from theory.config import Method, Probe
from theory.data import draw
from theory.dynamics import Problem, State, ascent, gradient, lift, sharpened, stack, train
from theory.measures import LEARNED, alignment

Values = dict[str, float | None]
INFINITE = float("inf")


def probe(run: Probe, seed: int) -> Values:
    """The numbers of a record: ``value`` is what was measured, ``predicted`` its closed form; seed >= 0.

    They are means over ``run.draws`` data sets, of the seeds ``draws * seed``, ``draws * seed + 1``, ...; None if one has none.
    """
    measured = [MEASURES[run.quantity](run, run.draws * seed + draw) for draw in range(run.draws)]
    columns = {name: [values[name] for values in measured] for name in measured[0]}
    return {
        name: None if None in column else float(np.mean(column)) for name, column in columns.items()
    }


def speed_ratio(run: Probe, seed: int) -> Values:
    """R: early learning speed of the fast feature over that of the slow one."""
    metrics = simulate(run, seed)
    return {"value": metrics["speed_ratio"], "predicted": metrics["speed_ratio_predicted"]}


def noise_alignment(run: Probe, seed: int) -> Values:
    """NoiseAlign of variants over that of copies, same originals and initial weights."""
    sample = draw(run, seed)
    copies = draw(replace(run, method=Method("useful", k=run.method.k)), seed)
    tada, useful = (mean_alignment(stack([one], run.network)) for one in (sample, copies))
    predicted = noise_alignment_ratio(float(sample.slow.mean()), run.method.k, run.method.scale)
    return {"value": tada / useful, "predicted": predicted, "tada": tada, "useful": useful}


def mean_alignment(problem: Problem) -> float:
    """NoiseAlign at initialisation, of one run: the mean over entries with y<w_j,ξ> > 0, copies one by one, of y<-∂L/∂w_j, ξ>."""
    velocity = -lift(
        problem, gradient(problem, problem.features, problem.projections).noise
    )  # (1, J, M)
    patches = problem.projections.shape[-1] // problem.labels.shape[-1]
    labels, weights = (
        np.tile(row, patches)[:, None] for row in (problem.labels, problem.weights)
    )  # (1, 1, M)
    counted = weights * (labels * problem.projections > 0)  # (1, J, M)
    return float((counted * labels * velocity).sum() / counted.sum())


def gradient_variance(run: Probe, seed: int) -> Values:
    """(Var_U - Var_G)/V for the full batch, and for a batch of one, from which any other B follows.

    One sample's mean over all batches of |g|² is (1/B) Σ_i p_i |g_i|² + (1-1/B) |Σ_i p_i g_i|² exactly, p_i = m_i/N'; copies and
    variants have the same mean gradient, so that the difference of these is, in the mean over samples, Var_U - Var_G.
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
    """(Σ_i p_i |g_i|², |Σ_i p_i g_i|²) at initialisation, of one run with an odd power; g_i: gradient of example i's loss."""
    g = gradient(problem, problem.features, problem.projections)
    residual = expit(-problem.labels * g.logits)[0]  # (N,): |∂ℓ_i/∂f_i|
    slopes = problem.power * problem.activation(problem.projections[0])  # (J, N)
    noise = (slopes**2).sum(axis=0) * np.diag(problem.gram[0])  # (N,)
    features = ((problem.power * problem.activation(problem.features[0])) ** 2).sum(
        axis=0
    ) @ problem.strengths[0] ** 2  # (N,)
    single = problem.weights[0] @ (residual**2 * (noise + features))
    mean = (g.noise * lift(problem, g.noise)).sum() + (g.features**2).sum()
    return float(single), float(mean)


def sam_factor(run: Probe, seed: int) -> Values:
    """By what SAM multiplies the gradient: along the features and noise patches, at initialisation and once the fast feature is learned.

    See ``factors``; the names of the later ones end in ``_later``. ``value``, ``predicted``: noise at initialisation.
    """
    sample = draw(run, seed)
    problem = stack([sample], run.network)
    states = train(problem, replace(run.optimiser, name="gd"))
    values = factors(problem, next(states), run.optimiser.rho)
    later = next((state for state in states if alignment(state)[0, 0] >= LEARNED), None)
    late = factors(problem, later, run.optimiser.rho) if later else dict.fromkeys(values)
    return {
        **values,
        **{f"{name}_later": value for name, value in late.items()},
        "value": values["noise"],
        "predicted": values["noise_predicted"],
    }


def factors(problem: Problem, state: State, rho: float) -> Values:
    """Gradient of SAM over that of GD along a direction, actual and predicted, over the entries that grow (y c > 0, or c > 0).

    At W + ρ g/|g| an alignment c that grows by c' per unit step size becomes c - ρ c'/|g| = c (1 - ρ (c'/c)/|g|). The cubic's
    gradient is c² times a residual -y m/N' sigmoid(-yf), so that with the residual frozen it is multiplied by

        (1 - ρ (c'/c)/|g|)²,   c' = -g for a feature,  c' = -(g K) for a noise patch.

    Entries are summed, which weights them by their gradients. Exact but for the change of the residual. None where no entry grows.
    """
    first = gradient(problem, state.features, state.projections)
    second = sharpened(problem, state, first, rho)
    moved = ascent(problem, first, rho)
    labels = np.tile(
        problem.labels[0], state.projections.shape[-1] // problem.labels.shape[-1]
    )  # (M,)
    along = {  # gradients of GD and SAM, alignment and its displacement
        "fast": [
            part[0, :, 0] for part in (first.features, second.features, state.features, moved[0])
        ],
        "slow": [
            part[0, :, 1] for part in (first.features, second.features, state.features, moved[0])
        ],
        "noise": [
            part[0] * labels for part in (first.noise, second.noise, state.projections, moved[1])
        ],
    }
    values = {}
    for name, parts in along.items():
        grows = parts[2] > 0
        g, sharp, c, displacement = (part[grows] for part in parts)
        for key, above in ((name, sharp), (f"{name}_predicted", g * (1 + displacement / c) ** 2)):
            values[key] = float(above.sum() / g.sum()) if g.any() else None
    return values


MEASURES: dict[str, Callable[[Probe, int], Values]] = {
    "speed-ratio": speed_ratio,
    "sam-factor": sam_factor,
    "noise-alignment": noise_alignment,
    "gradient-variance": gradient_variance,
}
