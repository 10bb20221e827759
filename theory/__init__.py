"""The paper's theory: a two-layer network on feature and noise patches, trained exactly in coordinates.

>>> from theory import Method, Run, simulate
>>> metrics = simulate(Run(method=Method("tada", k=5)), seed=0)

Importing it loads neither numpy nor scipy.
"""

from typing import Any

from theory.config import Distribution, Method, Network, Optimiser, Run

__all__ = ["Distribution", "Method", "Network", "Optimiser", "Run", "simulate"]


def simulate(run: Run, seed: int = 0) -> dict[str, Any]:
    """The metrics of one run: curves at the recorded ``steps`` and numbers; seed >= 0. Raises Diverged if η is too large."""
    from theory.simulation import simulate_batches

    return next(simulate_batches(run, [seed]))[seed]
