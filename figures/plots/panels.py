"""Dots with intervals, a row each, against no change: how every figure of paired differences looks."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from figures.labels import GREY, Look
from figures.statistics.intervals import Estimate


@dataclasses.dataclass(frozen=True)
class Dot:
    """One row: its name at the axis, what is shown (None: nothing), and how."""

    name: str
    value: Estimate | None
    shown: Look
    hollow: bool = False


def place(axes, x: float, half: float, height: float, dot: Dot) -> None:
    """A dot and its interval."""
    style = {
        "color": dot.shown.colour,
        "marker": dot.shown.marker,
        "capsize": 2,
        "linestyle": "none",
    }
    axes.errorbar(
        x,
        height,
        xerr=half if half == half else None,
        **style,
        **({"markerfacecolor": "white"} if dot.hollow else {}),
    )


def dots(axes, rows: Sequence[Dot], zero: bool = True) -> None:
    """A dot and an interval for each row that has a value, from the top down; a line at 0."""
    if zero:
        axes.axvline(0, color=GREY, linewidth=0.8)
    for i, dot in enumerate(rows):
        if dot.value is not None:
            place(axes, float(dot.value.mean), float(dot.value.half), -i, dot)
    axes.set_yticks([-i for i in range(len(rows))], [dot.name for dot in rows])
    axes.grid(axis="y", visible=False)
    axes.set_ylim(0.4 - len(rows), 0.6)
