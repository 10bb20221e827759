"""Plot paired differences: a row for each, with a dot and its interval beside a line at 0."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from figures.labels import GREY, MethodStyle
from figures.records import Record
from figures.statistics.conditions import count_data_sets, data_sets
from figures.statistics.intervals import Estimate


@dataclasses.dataclass(frozen=True)
class Dot:
    """One row of a panel: its name at the axis, its value (None leaves it empty), its style."""

    name: str
    value: Estimate | None
    style: MethodStyle


COLUMNS = 2  # panels beside each other where each data set has one


def panel_rows(records: Mapping[str, Sequence[Record]]) -> int:
    """Return the number of rows of panels, where each data set among the records has one."""
    return -(-count_data_sets(records) // COLUMNS)


def data_set_panels(figure, records: Mapping[str, Sequence[Record]]) -> list[tuple]:
    """Return (axes, conditions) of every data set; axes that are left over are removed."""
    sets = data_sets(records)
    grid = figure.subplots(panel_rows(records), min(len(sets), COLUMNS), squeeze=False)
    for axes in grid.flat[len(sets) :]:
        axes.remove()
    return list(zip(grid.flat, sets, strict=False))


def plot_dot(axes, x: float, half: float, height: float, dot: Dot) -> None:
    """Plot a dot at (x, height) with an interval of x ± half; NaN for no interval."""
    axes.errorbar(
        x,
        height,
        xerr=half if half == half else None,
        color=dot.style.colour,
        marker=dot.style.marker,
        capsize=2,
        linestyle="none",
    )


def plot_differences(axes, rows: Sequence[Dot], seeds: int | None = None) -> None:
    """Plot a dot and its interval for each row that has a value, from the top down.

    seeds: the usual number of seeds; then a row without value says that it was not run, and one
        of another number of seeds says how many. None: neither is said.
    """
    axes.axvline(0, color=GREY, linewidth=0.8)
    for i, dot in enumerate(rows):
        if dot.value is not None:
            plot_dot(axes, float(dot.value.mean), float(dot.value.half), -i, dot)
        if seeds is not None and (dot.value is None or dot.value.n != seeds):
            write_beside(axes, "not run" if dot.value is None else f"n = {dot.value.n}", -i)
    axes.set_yticks([-i for i in range(len(rows))], [dot.name for dot in rows])
    axes.grid(axis="y", visible=False)
    axes.set_ylim(0.4 - len(rows), 0.6)


def write_beside(axes, text: str, height: float) -> None:
    """Write a few small words at the right edge of a row of a panel."""
    place = {"ha": "right", "va": "center", "transform": axes.get_yaxis_transform()}
    axes.text(0.99, height, text, color=GREY, fontsize=6.5, **place)


def say_not_run(axes, title: str) -> None:
    """Leave a panel empty, with its title and the words that it was not run."""
    axes.set(title=title, xticks=[])
    axes.tick_params(left=False, labelleft=False)
    axes.grid(False)
    axes.text(0.5, 0.5, "not run", color=GREY, ha="center", transform=axes.transAxes)


def two_lines(name: str) -> str:
    """Return the name of a data set with its scale on a line of its own."""
    return name.replace(" (", "\n(")


def format_seeds(n: int) -> str:
    """Format a number of seeds: ``1 seed``, ``8 seeds``."""
    return f"{n} seed{'' if n == 1 else 's'}"


def plot_changes(axes, points: Sequence[tuple[float, Estimate | None]], style: MethodStyle) -> None:
    """Plot changes with their intervals along an axis, joined by a line; None is left out.

    points: place and change, in the order of the axis.
    """
    known = [(place, change) for place, change in points if change is not None]
    axes.errorbar(
        [place for place, _ in known],
        [change.mean for _, change in known],
        [change.half for _, change in known],
        color=style.colour,
        marker=style.marker,
        linestyle=style.line,
        capsize=2,
        label=style.label,
    )
