"""Records of grids: arrays by axis, and heatmaps of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from figures.records import Record


def axis(records: Sequence[Record], field: str) -> np.ndarray:
    """The values that ``field`` takes in a sweep."""
    return np.array(
        next(a["values"] for a in records[0].config["axes"] if a["field"] == field), float
    )


def stacked(records: Sequence[Record], metric: str) -> np.ndarray:
    """A metric over the grid, (seeds, *axes); NaN where a run diverged."""
    return np.array([record.metrics[metric] for record in records], float)


def edges(centres: np.ndarray) -> np.ndarray:
    """Borders of the cells around increasing centres (m,): (m+1,)."""
    middle = (centres[1:] + centres[:-1]) / 2
    return np.concatenate(
        ([1.5 * centres[0] - 0.5 * centres[1]], middle, [1.5 * centres[-1] - 0.5 * centres[-2]])
    )


def heatmap(
    figure,
    axes,
    x: np.ndarray,
    y: np.ndarray,
    values: np.ndarray,
    colours: str,
    label: str,
    limits=(None, None),
) -> None:
    """A cell for every value (len(y), len(x)), with its colour bar; exact cells, nothing interpolated."""
    low, high = limits
    mesh = axes.pcolormesh(
        edges(x), edges(y), values, cmap=colours, vmin=low, vmax=high, rasterized=True
    )
    figure.colorbar(mesh, ax=axes, pad=0.02, fraction=0.06).set_label(label, labelpad=2)
    axes.grid(False)
