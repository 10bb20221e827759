"""Draw test error on images against k, how often a slow image appears: copies, variants (E7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from figures.labels import GREY, METHODS
from figures.plots.panels import COLUMNS, data_set_panels, format_seeds, panel_rows, say_not_run
from figures.records import Record
from figures.statistics.conditions import (
    Conditions,
    mean_over_seeds,
    paired_difference,
    paper_best_factor,
)

RECORDS = ("empirical/noisy-digits",)
OPTIONAL = ("empirical/reduced-factor", "empirical/paper-factor")
SIZE = (1.0, 0.42)  # the height is of one row
CAPTION = (
    "Test error minus that of Original when every slow image appears $k$ times, as copies (USEFUL) "
    "or joined by $k-1$ variants (TADA); differences paired by seed, mean with 95% intervals "
    "(Student), at the end of training, whole test set. Equal gradient steps on noisy-digits, "
    "equal epochs elsewhere. Rings: the paper's best k, 2 for copies, 5 for variants "
    "(TinyImageNet: 4). Noisy digits: the generator has seen the training images alone; elsewhere, "
    "other images. n is given where it differs from the number in the title."
)

relative_height = panel_rows


def draw(figure, records: Mapping[str, Sequence[Record]]) -> None:
    """Draw a panel for each data set."""
    for i, (axes, conditions) in enumerate(data_set_panels(figure, records)):
        draw_panel(axes, conditions)
        if i % COLUMNS == 0:
            axes.set_ylabel("test error minus Original, points")


def draw_panel(axes, conditions: Conditions) -> None:
    """Draw the change of the test error over k for copies and variants; ring the paper's best k."""
    errors = conditions.values("original")
    if not errors:
        say_not_run(axes, conditions.name)
        return
    factors = sorted({1, *conditions.factors, *conditions.factors_of("useful")})
    for i, name in enumerate(("useful", "tada")):
        style = METHODS[name]
        changes = {}
        for k in conditions.factors_of(name):
            change = paired_difference(conditions.values(f"{name}-{k}"), errors)
            if change is not None:
                changes[k] = change
        places = [1, *(k + 0.06 * (2 * i - 1) for k in changes)]
        means = [0, *(float(change.mean) for change in changes.values())]
        halves = [0, *(float(change.half) for change in changes.values())]
        axes.errorbar(
            places,
            means,
            [half if half == half else 0 for half in halves],
            label=style.label,
            color=style.colour,
            marker=style.marker,
            linestyle=style.line,
            capsize=2,
        )
        for place, mean, change in zip(places[1:], means[1:], changes.values(), strict=True):
            if change.n != len(errors):
                shape = {"color": style.colour, "fontsize": 6.5, "textcoords": "offset points"}
                axes.annotate(f"n = {change.n}", (place, mean), (4, 4), **shape)
        if (best := paper_best_factor(conditions.name, name)) in changes:
            at = list(changes).index(best) + 1
            axes.plot(
                places[at],
                means[at],
                "o",
                markersize=11,
                markerfacecolor="none",
                markeredgecolor=style.colour,
                markeredgewidth=1,
            )
    axes.axhline(0, color=GREY, linewidth=0.8, zorder=0)
    about = f"Original: {mean_over_seeds(errors):.1f}%, {format_seeds(len(errors))}"
    axes.set(
        title=f"{conditions.name}\n{about}",
        xlabel="$k$",
        xticks=factors,
    )
    axes.legend(loc="best")
