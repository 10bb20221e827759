"""Simulate the paper's theory: a two-layer network on feature and noise patches, trained exactly.

Training runs in coordinates that do not contain the patch dimension d. Read ``config`` first: it
defines a run. Then read ``data``, ``dynamics`` and ``measures``. ``experiments`` and ``claims``
turn runs into records, and records into verdicts. ``python -m theory`` is the command line.

>>> from theory import Method, Run, simulate
>>> metrics = simulate(Run(method=Method("tada", k=5)), seed=0)

Importing this package loads neither numpy nor scipy.
"""

from collections.abc import Sequence
from typing import Any

from theory.config import Axis, Distribution, Method, Network, Optimiser, Run, Sweep

__all__ = [
    "Axis",
    "Distribution",
    "Method",
    "Network",
    "Optimiser",
    "Run",
    "Sweep",
    "simulate",
    "simulate_all",
    "sweep",
]


def simulate(run: Run, seed: int = 0) -> dict[str, Any]:
    """Train one run and return its metrics: curves at the recorded ``steps``, and numbers.

    seed: >= 0. Raises Diverged if η is too large.
    """
    from theory.simulation import simulate_batches

    return next(simulate_batches(run, [seed]))[seed]


def simulate_all(runs: Sequence[Run], seed: int = 0) -> list[dict[str, Any]]:
    """Train several runs on the same originals and initial weights, and return their metrics.

    Runs with the same network, steps and batch size are trained together, which is faster. The
    results equal those of ``simulate`` up to rounding. seed: >= 0. Raises Diverged if an η is too
    large.
    """
    if len({(run.network, run.optimiser.steps, run.optimiser.batch) for run in runs}) > 1:
        return [simulate(run, seed) for run in runs]
    from theory.simulation import simulate_side_by_side

    return simulate_side_by_side(runs, seed)


def sweep(config: Sweep, seed: int = 0) -> dict[str, Any]:
    """Train every run of a grid and return its final measurements, as lists nested by axis.

    seed: >= 0. An entry is None where the run diverged.
    """
    from theory.sweeps import sweep as compute

    return compute(config, seed)
