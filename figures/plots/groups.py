"""Original and TADA side by side in several settings: the errors, and their paired differences."""

from __future__ import annotations

from collections.abc import Sequence

from figures.labels import look
from figures.plots.panels import Dot, dots, place
from figures.statistics.conditions import Runs, apart
from figures.statistics.intervals import estimate


def draw_groups(
    figure, sets: Sequence[Runs], field: str, names: dict[str, str], method: str = "tada-2"
) -> None:
    """A row of two panels for each data set: test error by the values of a field of kinds, and TADA's minus Original's."""
    grid = figure.subplots(len(sets), 2, squeeze=False, width_ratios=(1.15, 1))
    for (left, right), runs in zip(grid, sets, strict=True):
        values = runs.having(field)
        pairs = {
            value: [runs.values(label, **runs.at(field, value)) for label in ("original", method)]
            for value in values
        }
        pairs = {value: pair for value, pair in pairs.items() if all(pair)}
        for i, pair in enumerate(pairs.values()):
            for errors, label, shift in zip(pair, ("original", method), (0.12, -0.12), strict=True):
                found = estimate(list(errors.values()))
                place(
                    left,
                    float(found.mean),
                    float(found.half),
                    shift - i,
                    Dot("", found, look(label)),
                )
        left.set_yticks(
            [-i for i in range(len(pairs))], [names.get(value, value) for value in pairs]
        )
        left.grid(axis="y", visible=False)
        left.set_ylim(0.4 - len(pairs), 0.6)
        dots(
            right,
            [
                Dot(names.get(value, value), apart(tada, original), look(method))
                for value, (original, tada) in pairs.items()
            ],
        )
        right.tick_params(labelleft=False)
        for label in ("original", method):
            right.plot(
                [],
                [],
                color=look(label).colour,
                marker=look(label).marker,
                linestyle="none",
                label=look(label).label,
            )
        right.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2, borderpad=0)
        seeds = len(runs.runs("original"))
        left.set(
            xlabel="test error, %", title=f"{runs.name}, {seeds} seed{'s' if seeds > 1 else ''}"
        )
        right.set(xlabel=f"{look(method).label} minus Original, points")
