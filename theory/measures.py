"""What is recorded of a run: curves over training steps, and numbers of the whole run."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from theory.closed_forms import growth_rate
from theory.config import Network, Run
from theory.data import Array, Sample
from theory.dynamics import Problem, State
from theory.population import error_rates, noise_covariance

LEARNED = 0.5  # a feature counts as learned once max_j <w_j, v> is this large
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
    """0, ``steps`` and about 2 ``points`` steps between, evenly spaced and evenly spaced in the logarithm; increasing."""
    linear = (round(steps * i / points) for i in range(points + 1))
    logarithmic = (round(steps ** (i / points)) for i in range(points + 1))
    return sorted({*linear, *logarithmic})


def alignment(state: State) -> Array:
    """max_j <w_j, v_e> and max_j <w_j, v_d>: (R, 2)."""
    return state.features.max(axis=1)


def loss(problem: Problem, state: State) -> Array:
    """L = Σ_i (m_i/N') log(1 + exp(-y_i f_i)): (R,)."""
    return (problem.weights * np.logaddexp(0.0, -problem.labels * state.logits)).sum(axis=1)


def noise_memorised(problem: Problem, state: State) -> Array:
    """y_i Σ_j Σ_p σ(<w_j, ξ_ip>), what example i's own noise adds to its margin: (R, N)."""
    runs, examples = problem.labels.shape
    return problem.labels * (problem.activation(state.projections) * state.projections).reshape(
        runs, -1, examples
    ).sum(axis=1)


def measure(
    problem: Problem, samples: Sequence[Sample], runs: Sequence[Run], state: State
) -> list[dict[str, float | None]]:
    """The values of ``CURVES`` for each of the R runs; None for the mean over no examples."""
    aligned, losses, memorised = (
        alignment(state),
        loss(problem, state),
        noise_memorised(problem, state),
    )
    covariance = noise_covariance(problem, state, [run.distribution for run in runs])  # (R, J, J)
    rows = []
    for r, (sample, run) in enumerate(zip(samples, runs, strict=True)):
        fast_error, slow_error = error_rates(
            state.features[r], covariance[r], run.distribution, run.network
        )
        of_originals, alpha = memorised[r, : len(sample.slow)], run.distribution.alpha  # (n,)
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
    """First step at which each alignment is at least ``LEARNED``, None if never; peaks: alignments of every step (T+1, 2)."""
    learned = peaks >= LEARNED
    times = [int(column.argmax()) if column.any() else None for column in learned.T]
    return {"time_fast": times[0], "time_slow": times[1]}


def early_speeds(peaks: Array, eta: float, power: int) -> dict[str, float | None]:
    """The a of c' = a c^{q-1} for both features, and their ratio, from step 0 to where the first of them has doubled.

    Later, the fast feature is learned, sigmoid(-y f) is no longer 1/2, and the slow one's speed is another. Neurons keep
    their order, since all obey the same map, so that the largest alignment is that of one neuron. None if an alignment is
    not positive at first, or does not double, or if the slow one does not grow. peaks: alignments of every step (T+1, 2).
    """
    names, doubled = (
        ("speed_fast", "speed_slow", "speed_ratio"),
        (peaks >= 2 * peaks[0]).any(axis=1),
    )  # (T+1,)
    if peaks[0].min() <= 0 or not doubled.any():
        return dict.fromkeys(names)
    step = int(doubled.argmax())
    fast, slow = (
        growth_rate(float(a), float(b), eta * step, power)
        for a, b in zip(peaks[0], peaks[step], strict=True)
    )
    return dict(zip(names, (fast, slow, fast / slow if slow > 0 else None), strict=True))


def predicted_ratio(sample: Sample, network: Network) -> float | None:
    """R of this very sample: Σ_i m_i s_ie^q / Σ_i m_i s_id^q with the strengths s it drew; ``speed_ratio`` is its large-n limit."""
    seen = (
        sample.multiplicities * (sample.labels > 0) if network.rectified else sample.multiplicities
    )  # (N,)
    fast, slow = (seen[:, None] * sample.strengths**network.power).sum(axis=0)
    return float(fast / slow) if slow > 0 else None  # rectified, and no label +1 was drawn
