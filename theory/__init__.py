"""The paper's theory: a two-layer network on feature and noise patches, trained exactly in coordinates.

>>> from theory import Method, Run, simulate
>>> metrics = simulate(Run(method=Method("tada", k=5)), seed=0)

Importing it loads neither numpy nor scipy.
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
    """The metrics of one run: curves at the recorded ``steps`` and numbers; seed >= 0. Raises Diverged if η is too large."""
    from theory.simulation import simulate_batches

    return next(simulate_batches(run, [seed]))[seed]


def simulate_all(runs: Sequence[Run], seed: int = 0) -> list[dict[str, Any]]:
    """The metrics of several runs of one seed, on the same originals and initial weights; together where that is possible.

    Equal to ``simulate`` one by one but for rounding. Raises Diverged if an η is too large.
    """
    if len({(run.network, run.optimiser.steps, run.optimiser.batch) for run in runs}) > 1:
        return [simulate(run, seed) for run in runs]
    from theory.simulation import simulate_side_by_side

    return simulate_side_by_side(runs, seed)


def sweep(config: Sweep, seed: int = 0) -> dict[str, Any]:
    """What is measured at the end of every run of a grid, as lists nested by axis; None where a run diverged. seed >= 0."""
    from theory.sweeps import sweep as compute

    return compute(config, seed)
