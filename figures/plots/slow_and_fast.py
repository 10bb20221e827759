"""Draw why: the change of the test error on slow and on fast test images, by method (E1-E3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from figures.labels import FAST, GREY, SLOW, MethodStyle, method_name
from figures.plots.panels import (
    Dot,
    data_set_panels,
    panel_rows,
    plot_dot,
    say_not_run,
    two_lines,
    write_beside,
)
from figures.plots.test_error_by_method import LABELS, OPTIONAL
from figures.records import Record
from figures.statistics.conditions import (
    Conditions,
    mean_over_seeds,
    paired_difference,
)

__all__ = ["CAPTION", "OPTIONAL", "RECORDS", "SIZE", "draw", "relative_height"]

RECORDS = ("empirical/noisy-digits",)
SIZE = (1.0, 0.42)  # the height is of one row
CAPTION = (
    "Where the test error changes: error minus that of Original with the same seed, on slow and on "
    "fast test images, in points; mean over seeds with 95% intervals (Student), SGD, at equal "
    "epochs (noisy-digits: at equal gradient steps), at the end of training. Slow and fast are "
    "those of the two clusters of the early network's outputs, as on training images. In the "
    "title: Original's error on slow and on fast ones. n is given where it differs from the number "
    "in the title."
)
PARTS = {  # metric -> its style
    "test_error_slow": MethodStyle("slow test images", SLOW, "o"),
    "test_error_fast": MethodStyle("fast test images", FAST, "s"),
}
SPREAD = 0.15  # distance of the two dots of a row from its middle


relative_height = panel_rows


def draw(figure, records: Mapping[str, Sequence[Record]]) -> None:
    """Draw a panel for each data set."""
    panels = data_set_panels(figure, records)
    for axes, conditions in panels:
        draw_panel(axes, conditions)
    first, _ = panels[0]
    for style in PARTS.values():  # one legend for all panels
        shape = {"color": style.colour, "marker": style.marker, "linestyle": "none"}
        first.plot([], [], label=style.label, **shape)
    figure.legend(loc="outside lower center", ncols=len(PARTS))


def draw_panel(axes, conditions: Conditions) -> None:
    """Draw a row for each method, with a dot for slow and one for fast test images."""
    original = {metric: conditions.baseline_values(metric) for metric in PARTS}
    labels = [label for label in LABELS if conditions.records(label)]
    seeds = len(original["test_error_slow"])
    if not (seeds and labels):
        say_not_run(axes, conditions.name)
        return
    for metric, style in PARTS.items():
        shift = SPREAD if metric == "test_error_slow" else -SPREAD
        for place, label in enumerate(labels):
            change = paired_difference(conditions.values(label, metric), original[metric])
            if change is not None:
                dot = Dot("", change, style)
                plot_dot(axes, float(change.mean), float(change.half), shift - place, dot)
                if shift > 0 and change.n != seeds:
                    write_beside(axes, f"n = {change.n}", -place)
    slow, fast = (mean_over_seeds(errors) for errors in original.values())
    axes.axvline(0, color=GREY, linewidth=0.8, zorder=0)
    axes.set_yticks([-i for i in range(len(labels))], [method_name(label) for label in labels])
    axes.grid(axis="y", visible=False)
    axes.set(
        ylim=(0.4 - len(labels), 0.6),
        title=f"{two_lines(conditions.name)}\nOriginal: {slow:.1f}, {fast:.1f}%; n = {seeds}",
        xlabel="test error minus Original, points",
    )
