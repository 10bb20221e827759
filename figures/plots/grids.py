"""Read records of grids (sweeps over two settings) and plot them as heat maps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from figures.records import Record


def grid_axis(records: Sequence[Record], field: str) -> np.ndarray:
    """Return the values that ``field`` takes in a sweep: (m,)."""
    axes = records[0].config["axes"]
    return np.array(next(axis["values"] for axis in axes if axis["field"] == field), float)


def stack_metric(records: Sequence[Record], metric: str) -> np.ndarray:
    """Return a metric over the grid: (seeds, *axes); NaN where a run diverged."""
    return np.array([record.metrics[metric] for record in records], float)


def cell_edges(centres: np.ndarray) -> np.ndarray:
    """Return the borders of the cells around increasing centres: (m,) -> (m + 1,)."""
    middle = (centres[1:] + centres[:-1]) / 2
    first = 1.5 * centres[0] - 0.5 * centres[1]
    last = 1.5 * centres[-1] - 0.5 * centres[-2]
    return np.concatenate(([first], middle, [last]))


def plot_heatmap(
    figure,
    axes,
    x: np.ndarray,
    y: np.ndarray,
    values: np.ndarray,
    colours: str,
    label: str,
    limits: tuple[float | None, float | None] = (None, None),
) -> None:
    """Plot a cell for every value, (len(y), len(x)), without interpolation, and a colour bar."""
    low, high = limits
    mesh = axes.pcolormesh(
        cell_edges(x), cell_edges(y), values, cmap=colours, vmin=low, vmax=high, rasterized=True
    )
    figure.colorbar(mesh, ax=axes, pad=0.02, fraction=0.06).set_label(label, labelpad=2)
    axes.grid(False)
