"""Draw Original beside other methods in several settings: the errors, and paired differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from figures.labels import GREY, method_style
from figures.plots.panels import Dot, format_seeds, plot_dot, write_beside
from figures.statistics.conditions import Conditions, paired_difference
from figures.statistics.intervals import Estimate, estimate

SPREAD = 0.36  # height that the dots of one setting take, in rows


def draw_groups(
    figure,
    sets: Sequence[Conditions],
    field: str,
    names: Mapping[str, str],
    planned: Mapping[str, Sequence[str]],
) -> None:
    """Draw a row of two panels for each data set.

    Left the test error by the values of a field of the conditions, right the methods' differences
    from Original. names: value of the field -> name at the axis. planned: scale -> values that are
    shown even if they were not run.
    """
    grid = figure.subplots(len(sets), 2, squeeze=False, width_ratios=(1.15, 1))
    for (left, right), conditions in zip(grid, sets, strict=True):
        tada = f"tada-{conditions.main_factor}"
        labels = [label for label in ("useful-2", tada) if label == tada or field == "network"]
        base = getattr(conditions.base, field)
        values = list(
            dict.fromkeys((base, *planned[conditions.scale], *conditions.field_values(field)))
        )
        seeds = len(conditions.records("original"))
        for place, value in enumerate(values):
            settings = conditions.settings_with(field, value)
            errors = {
                label: conditions.values(label, **settings) for label in ("original", *labels)
            }
            draw_row(left, right, errors, -place, seeds)
        for axes in (left, right):
            axes.set_yticks([-i for i in range(len(values))], [names.get(v, v) for v in values])
            axes.grid(axis="y", visible=False)
            axes.set_ylim(0.4 - len(values), 0.6)
        right.axvline(0, color=GREY, linewidth=0.8, zorder=0)
        right.tick_params(labelleft=False)
        for label in ("original", *labels):
            style = method_style(label)
            shape = {"color": style.colour, "marker": style.marker, "linestyle": "none"}
            right.plot([], [], label=style.label, **shape)
        right.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=3, borderpad=0)
        left.set(xlabel="test error, %", title=f"{conditions.name}, {format_seeds(seeds)}")
        right.set(xlabel="minus Original, points")


def draw_row(
    left, right, errors: Mapping[str, dict[int, float]], height: float, seeds: int
) -> None:
    """Draw errors and differences of one setting, and what was not run or has other seeds.

    errors: label -> seed -> test error in %, Original first. seeds: the usual number.
    """
    labels = list(errors)
    compared = False
    for i, (label, values) in enumerate(errors.items()):
        place = height + SPREAD * (0.5 - (i + 0.5) / len(labels))
        if values:
            plot(left, estimate(list(values.values())), place, label)
            change = paired_difference(values, errors["original"])
            if change is not None and label != "original":
                plot(right, change, place, label)
                compared = True
    counts = [len(values) for values in errors.values()]
    if set(counts) != {seeds}:
        some = any(counts)
        write_beside(left, f"n = {', '.join(map(str, counts))}" if some else "not run", height)
    if not compared:
        write_beside(right, "not run", height)


def plot(axes, band: Estimate, height: float, label: str) -> None:
    """Plot a mean with its interval at a height, in the style of a method."""
    plot_dot(axes, float(band.mean), float(band.half), height, Dot("", band, method_style(label)))
