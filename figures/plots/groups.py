"""Draw Original beside TADA in several settings: the errors, and their paired differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from figures.labels import method_style
from figures.plots.panels import Dot, plot_differences, plot_dot
from figures.statistics.conditions import Conditions, paired_difference
from figures.statistics.intervals import estimate

LABELS = ("original", "tada-2")


def draw_groups(figure, sets: Sequence[Conditions], field: str, names: Mapping[str, str]) -> None:
    """Draw a row of two panels for each data set.

    Left the test error by the values of a field of the conditions, right TADA's minus Original's.
    ``names``: value of the field -> name at the axis.
    """
    grid = figure.subplots(len(sets), 2, squeeze=False, width_ratios=(1.15, 1))
    original, tada = map(method_style, LABELS)
    for (left, right), conditions in zip(grid, sets, strict=True):
        pairs = error_pairs(conditions, field)
        plot_errors(left, pairs, names)
        rows = [
            Dot(names.get(value, value), paired_difference(tada_errors, errors), tada)
            for value, (errors, tada_errors) in pairs.items()
        ]
        plot_differences(right, rows)
        right.tick_params(labelleft=False)
        for style in (original, tada):
            right.plot(
                [],
                [],
                color=style.colour,
                marker=style.marker,
                linestyle="none",
                label=style.label,
            )
        right.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2, borderpad=0)
        seeds = len(conditions.records("original"))
        left.set(
            xlabel="test error, %",
            title=f"{conditions.name}, {seeds} seed{'s' if seeds > 1 else ''}",
        )
        right.set(xlabel=f"{tada.label} minus Original, points")


def error_pairs(conditions: Conditions, field: str) -> dict[str, list[dict[int, float]]]:
    """Return value of the field -> test errors by seed of Original and TADA, if both exist."""
    pairs = {}
    for value in conditions.field_values(field):
        settings = conditions.settings_with(field, value)
        pair = [conditions.values(label, **settings) for label in LABELS]
        if all(pair):
            pairs[value] = pair
    return pairs


def plot_errors(axes, pairs: Mapping[str, Sequence], names: Mapping[str, str]) -> None:
    """Plot the mean test error of Original and TADA, one below the other, a row for each value."""
    for i, pair in enumerate(pairs.values()):
        for errors, label, shift in zip(pair, LABELS, (0.12, -0.12), strict=True):
            band = estimate(list(errors.values()))
            dot = Dot("", band, method_style(label))
            plot_dot(axes, float(band.mean), float(band.half), shift - i, dot)
    axes.set_yticks([-i for i in range(len(pairs))], [names.get(value, value) for value in pairs])
    axes.grid(axis="y", visible=False)
    axes.set_ylim(0.4 - len(pairs), 0.6)
