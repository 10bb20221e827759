"""Train whole grids of runs, tens of thousands of networks, in blocks that stay in the cache.

The runs of a block share Gram matrices. Neighbours in a grid differ in numbers on which the noise
patches depend (``config.NOISY``), or only in others (``config.QUIET``). The first are the outer
loops, so that runs with the same K follow one another and one matrix product serves all their
neurons. Elementwise work costs as much as products here; hence single precision, whose error
``tests/benchmarks/theory.py`` measures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np

from theory.config import NOISY, Run, Sweep, varied
from theory.data import Sample, draw
from theory.dynamics import train
from theory.measures import CURVES, learning_times, measure
from theory.problem import padded, stack
from theory.race import PREDICTED, predictions

BLOCK = 64  # runs per block: enough rows for a fast product, few enough for the cache
MEASURED = (*CURVES, "time_fast", "time_slow")
EARLY = ("test_error", "test_error_slow")  # also measured at the step ``early`` of a sweep

Point = tuple[int, Run, Sample]  # flat index in the grid, the run and its examples


def sweep(
    config: Sweep, seed: int, advance: Callable[[int], None] = lambda runs: None
) -> dict[str, Any]:
    """Return the final ``MEASURED`` values of every run of the grid, as lists nested by axis.

    With ``early``, the values of ``EARLY`` at that step have names that end in ``_early``. With
    ``race``, ``PREDICTED`` has the predictions of ``theory.race``: S, k_eff and the number of steps
    after which the slow feature is learned; for SAM they are those of gradient descent.

    seed: >= 0. advance: called with the number of runs finished since the last call. A value is
    None where the run diverged, a time where it was not or will not be reached, S if it is
    infinite.
    """
    shape = tuple(len(axis.values) for axis in config.axes)
    digits = 7 if config.precision == "float32" else 17  # enough to be exact
    values: dict[str, list] = {name: [None] * int(np.prod(shape)) for name in names(config)}
    for block in blocks(groups(points(config, seed))):
        for (place, _, _), row in zip(block, _train(block, config), strict=True):
            for name, value in row.items():
                if isinstance(value, float):
                    value = float(f"{value:.{digits}g}")
                values[name][place] = value
        advance(len(block))
    return {name: _nested(column, shape) for name, column in values.items()}


def names(config: Sweep) -> tuple[str, ...]:
    """Return the names of all values that a sweep measures."""
    early = tuple(f"{name}_early" for name in EARLY) if config.early else ()
    return (*MEASURED, *early, *(PREDICTED if config.race else ()))


def points(config: Sweep, seed: int) -> Iterator[Point]:
    """Yield every point of the grid, points with the same noise patches one after another."""
    shape = [len(axis.values) for axis in config.axes]
    noisy = [axis.field in NOISY for axis in config.axes]
    order = sorted(range(len(shape)), key=lambda a: not noisy[a])  # noisy axes first
    for chosen in product(*(range(shape[a]) for a in order)):
        run: Run = config
        for a, i in zip(order, chosen, strict=True):
            run = varied(run, config.axes[a].field, config.axes[a].values[i])
        place = np.ravel_multi_index([chosen[order.index(a)] for a in range(len(shape))], shape)
        yield int(place), run, draw(run, seed)


def groups(several: Iterable[Point]) -> Iterator[list[Point]]:
    """Yield groups of successive points with the same noise patches, at most ``BLOCK`` each."""
    group: list[Point] = []
    for point in several:
        if group and (len(group) == BLOCK or not np.array_equal(group[0][2].noise, point[2].noise)):
            yield group
            group = []
        group.append(point)
    yield group


def blocks(several: Iterable[list[Point]]) -> Iterator[list[Point]]:
    """Join successive groups of equal length and padded size; yield blocks to be trained at once.

    A block has at most ``BLOCK`` points.
    """
    block: list[Point] = []
    length = 0
    for group in several:
        fits = (
            len(group) == length
            and len(block) + length <= BLOCK
            and padded(group[0][2]) == padded(block[0][2])
        )
        if block and not fits:
            yield block
            block = []
        block, length = block + group, len(group)
    yield block


def _train(block: Sequence[Point], config: Sweep) -> list[dict[str, float | None]]:
    """Train the runs of a block and return the values of ``names``; all None if one diverged."""
    _, runs, samples = zip(*block, strict=True)
    problem = stack(samples, config.network, config.precision)
    features = []
    for state in train(problem, [run.optimiser for run in runs], go_on=True):
        features.append(state.features)
        if state.step == config.early:
            halfway = measure(problem, samples, runs, state)
    peaks = np.stack(features, axis=1).max(axis=2)  # (R, T+1, 2)
    rows = []
    for end, path, lost in zip(
        measure(problem, samples, runs, state), peaks, state.diverged, strict=True
    ):
        rows.append(dict.fromkeys(names(config)) if lost else {**end, **learning_times(path)})
    for r, row in enumerate(rows):
        if config.early and not state.diverged[r]:
            row |= {f"{name}_early": halfway[r][name] for name in EARLY}
        if config.race:
            row |= predictions(runs[r], samples[r])
    return rows


def _nested(column: list, shape: Sequence[int]) -> list:
    """Return the flat list as lists of lists of the given shape."""
    for length in reversed(shape[1:]):
        column = [column[i : i + length] for i in range(0, len(column), length)]
    return column
