"""Whole grids of runs: tens of thousands of networks, trained in blocks that share Gram matrices and stay in the cache.

A grid point differs from its neighbours in what the noise patches depend on (``config.NOISY``), or only in what leaves them as they
are (``config.QUIET``). The first are the outer loops, so that runs with the same K follow one another, and one matrix product
serves all their neurons. Elementwise work counts as much as products here, hence single precision, whose error
``tests/benchmarks/theory.py`` measures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np

from theory.config import NOISY, Run, Sweep, varied
from theory.data import Sample, draw
from theory.dynamics import padded, stack, train
from theory.measures import CURVES, learning_times, measure

BLOCK = 64  # runs: rows enough for a fast product, and still in the cache
MEASURED = (*CURVES, "time_fast", "time_slow")

Point = tuple[int, Run, Sample]  # place in the grid, the run there and its examples


def sweep(
    config: Sweep, seed: int, advance: Callable[[int], None] = lambda runs: None
) -> dict[str, Any]:
    """What ``MEASURED`` names at the end of every run of the grid, as lists nested by axis; ``advance`` by the runs that are done.

    None where a run diverged, or where a time was not reached. seed >= 0.
    """
    shape = tuple(len(axis.values) for axis in config.axes)
    digits = 7 if config.precision == "float32" else 17  # all there are
    values: dict[str, list] = {name: [None] * int(np.prod(shape)) for name in MEASURED}
    for block in blocks(groups(points(config, seed))):
        for (place, _, _), row in zip(block, _train(block, config), strict=True):
            for name, value in row.items():
                values[name][place] = (
                    float(f"{value:.{digits}g}") if isinstance(value, float) else value
                )
        advance(len(block))
    return {name: _nested(column, shape) for name, column in values.items()}


def points(config: Sweep, seed: int) -> Iterator[Point]:
    """Every point of the grid, those with the same noise patches one after another."""
    shape = [len(axis.values) for axis in config.axes]
    order = sorted(
        range(len(shape)), key=lambda a: config.axes[a].field not in NOISY
    )  # noisy axes first
    for chosen in product(*(range(shape[a]) for a in order)):
        run: Run = config
        for a, i in zip(order, chosen, strict=True):
            run = varied(run, config.axes[a].field, config.axes[a].values[i])
        place = np.ravel_multi_index([chosen[order.index(a)] for a in range(len(shape))], shape)
        yield int(place), run, draw(run, seed)


def groups(several: Iterable[Point]) -> Iterator[list[Point]]:
    """Successive points with the same noise patches, at most ``BLOCK`` of them."""
    group: list[Point] = []
    for point in several:
        if group and (len(group) == BLOCK or not np.array_equal(group[0][2].noise, point[2].noise)):
            yield group
            group = []
        group.append(point)
    yield group


def blocks(several: Iterable[list[Point]]) -> Iterator[list[Point]]:
    """Successive groups of equal length and size joined, up to ``BLOCK`` points: what is trained at once."""
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
    _, runs, samples = zip(*block, strict=True)
    problem, features = stack(samples, config.network, config.precision), []
    for state in train(problem, [run.optimiser for run in runs], go_on=True):
        features.append(state.features)
    times = map(learning_times, np.stack(features, axis=1).max(axis=2))
    rows = [
        {**end, **time}
        for end, time in zip(measure(problem, samples, runs, state), times, strict=True)
    ]
    return [
        dict.fromkeys(MEASURED) if lost else row
        for row, lost in zip(rows, state.diverged, strict=True)
    ]


def _nested(column: list, shape: Sequence[int]) -> list:
    for length in reversed(shape[1:]):
        column = [column[i : i + length] for i in range(0, len(column), length)]
    return column
