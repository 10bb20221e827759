"""Test error on images against how often a slow image appears, as copies and as variants (E7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from figures.labels import GREY, METHODS
from figures.records import Record
from figures.statistics.conditions import Runs, apart, data_sets, mean, papers_best

RECORDS = ("empirical/noisy-digits", "empirical/reduced-factor")
OPTIONAL = ("empirical/paper-factor",)
SIZE = (1.0, 0.42)  # the height is of one row
CAPTION = (
    "Test error minus that of Original when every slow image appears $k$ times, as copies (USEFUL) or joined by $k-1$ variants (TADA); "
    "differences paired by seed, mean with 95% intervals (Student), last step, whole test set. Equal gradient steps, at the paper's scale "
    "equal epochs. Rings: the paper's best k, 2 for copies, 5 for variants (TinyImageNet: 4). Noisy digits: the generator has seen the "
    "training images alone; elsewhere, other images."
)
COLUMNS = 2


def rows(records: Mapping[str, Sequence[Record]]) -> int:
    return -(-len(data_sets(records)) // COLUMNS)


def draw(figure, records: Mapping[str, Sequence[Record]]) -> None:
    sets = data_sets(records)
    grid = figure.subplots(rows(records), min(len(sets), COLUMNS), squeeze=False)
    for axes, runs in zip(grid.flat, sets, strict=False):
        panel(axes, runs)
    for axes in grid.flat[len(sets) :]:
        axes.remove()
    for row in grid:
        row[0].set_ylabel("test error minus Original, points")


def panel(axes, runs: Runs) -> None:
    start = runs.values("original")
    ks = [1, *runs.factors]
    for i, name in enumerate(("useful", "tada")):
        shown = METHODS[name]
        found = {k: apart(runs.values(f"{name}-{k}"), start) for k in ks[1:]}
        found = {k: value for k, value in found.items() if value is not None}
        places = [1, *(k + 0.06 * (2 * i - 1) for k in found)]
        means, halves = (
            [0, *(float(getattr(value, part)) for value in found.values())]
            for part in ("mean", "half")
        )
        style = {
            "color": shown.colour,
            "marker": shown.marker,
            "linestyle": shown.line,
            "capsize": 2,
        }
        axes.errorbar(
            places,
            means,
            [half if half == half else 0 for half in halves],
            label=shown.label,
            **style,
        )
        if (best := papers_best(runs.name, name)) in found:
            at = list(found).index(best) + 1
            axes.plot(
                places[at],
                means[at],
                "o",
                markersize=11,
                markerfacecolor="none",
                markeredgecolor=shown.colour,
                markeredgewidth=1,
            )
    axes.axhline(0, color=GREY, linewidth=0.8, zorder=0)
    axes.set(
        title=f"{runs.name}\nOriginal: {mean(start):.1f}%, {len(start)} seeds",
        xlabel="$k$",
        xticks=ks,
    )
    axes.legend(loc="best")
