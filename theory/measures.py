"""Measure a run: curves over the training steps, and numbers of the whole run."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from theory.closed_forms import growth_rate
from theory.config import Network, Run
from theory.data import Array, Sample
from theory.dynamics import State
from theory.population import error_rates, noise_covariance
from theory.problem import Problem

LEARNED = 0.5  # a feature counts as learned once max_j <w_j, v> reaches this value
CURVES = (
    "fast_alignment",
    "slow_alignment",
    "noise_memorised_fast",
    "noise_memorised_slow",
    "loss",
    "test_error",
    "test_error_fast",
    "test_error_slow",
)


def recording_steps(steps: int, points: int = 20) -> list[int]:
    """Return the steps at which a run is recorded: 0, ``steps``, and about 2 ``points`` between.

    Half of them are evenly spaced, half evenly spaced in the logarithm; they increase.
    """
    linear = (round(steps * i / points) for i in range(points + 1))
    logarithmic = (round(steps ** (i / points)) for i in range(points + 1))
    return sorted({*linear, *logarithmic})


def alignment(state: State) -> Array:
    """Return the alignments max_j <w_j, v_e> and max_j <w_j, v_d>: (R, 2)."""
    return state.features.max(axis=1)


def loss(problem: Problem, state: State) -> Array:
    """Return the training loss L = Σ_i (m_i/N') log(1 + exp(-y_i f_i)): (R,)."""
    return (problem.weights * np.logaddexp(0.0, -problem.labels * state.logits)).sum(axis=1)


def noise_memorised(problem: Problem, state: State) -> Array:
    """Return y_i Σ_j Σ_p σ(<w_j, ξ_ip>), which example i's own noise adds to its margin: (R, N)."""
    runs, examples = problem.labels.shape
    values = problem.activation(state.projections) * state.projections  # (R, J, M)
    return problem.labels * values.reshape(runs, -1, examples).sum(axis=1)


def measure(
    problem: Problem, samples: Sequence[Sample], runs: Sequence[Run], state: State
) -> list[dict[str, float | None]]:
    """Return the values of ``CURVES`` for each of the R runs; None for a mean over no examples."""
    aligned = alignment(state)
    losses = loss(problem, state)
    memorised = noise_memorised(problem, state)
    covariance = noise_covariance(problem, state, [run.distribution for run in runs])  # (R, J, J)
    rows = []
    for r, (sample, run) in enumerate(zip(samples, runs, strict=True)):
        errors = error_rates(state.features[r], covariance[r], run.distribution, run.network)
        fast_error, slow_error = errors
        of_originals = memorised[r, : len(sample.slow)]  # (n,)
        alpha = run.distribution.alpha
        values = (
            *map(float, aligned[r]),
            _mean(of_originals[~sample.slow]),
            _mean(of_originals[sample.slow]),
            float(losses[r]),
            alpha * fast_error + (1 - alpha) * slow_error,
            fast_error,
            slow_error,
        )
        rows.append(dict(zip(CURVES, values, strict=True)))
    return rows


def _mean(values: Array) -> float | None:
    return float(values.mean()) if len(values) else None


def learning_times(peaks: Array) -> dict[str, int | None]:
    """Return the first step at which each alignment is at least ``LEARNED``; None if never.

    peaks: the alignments of every step (T+1, 2).
    """
    learned = peaks >= LEARNED
    times = [int(column.argmax()) if column.any() else None for column in learned.T]
    return {"time_fast": times[0], "time_slow": times[1]}


def early_speeds(peaks: Array, eta: float, power: int) -> dict[str, float | None]:
    """Return the rate a of c' = a c^{q-1} for both features, and the ratio of the two rates.

    They are measured from step 0 to the step where the first alignment has doubled. Later, the fast
    feature is learned, sigmoid(-y f) is no longer 1/2, and the slow feature's speed changes. All
    neurons obey the same map and keep their order, so that the largest alignment belongs to one
    neuron. peaks: the alignments of every step (T+1, 2).

    All are None if an alignment is not positive at first or none doubles; the ratio is None if the
    slow one does not grow.
    """
    names = ("speed_fast", "speed_slow", "speed_ratio")
    doubled = (peaks >= 2 * peaks[0]).any(axis=1)  # (T+1,)
    if peaks[0].min() <= 0 or not doubled.any():
        return dict.fromkeys(names)
    step = int(doubled.argmax())
    fast, slow = (
        growth_rate(float(a), float(b), eta * step, power)
        for a, b in zip(peaks[0], peaks[step], strict=True)
    )
    return dict(zip(names, (fast, slow, fast / slow if slow > 0 else None), strict=True))


def predicted_ratio(sample: Sample, network: Network) -> float | None:
    """Return R of this sample, Σ_i m_i s_ie^q / Σ_i m_i s_id^q with the strengths s it drew.

    ``speed_ratio`` is its limit for large n. None if the network is rectified and no label +1 was
    drawn.
    """
    seen = sample.multiplicities  # (N,)
    if network.rectified:
        seen = seen * (sample.labels > 0)
    fast, slow = (seen[:, None] * sample.strengths**network.power).sum(axis=0)
    return float(fast / slow) if slow > 0 else None
