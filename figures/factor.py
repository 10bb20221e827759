"""Test error on images against how often a slow image appears, as copies and as variants (E7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from figures.records import Record
from figures.runs import Runs, apart, data_sets, mean
from figures.style import GREY, METHODS

RECORDS = ("empirical/noisy-digits", "empirical/reduced-factor")
OPTIONAL = ("empirical/paper-factor",)
SIZE = (1.0, 0.42)
CAPTION = (
    "Test error minus that of Original when every slow image appears $k$ times, as copies (USEFUL) or joined by $k-1$ variants (TADA); "
    "differences paired by seed, mean with 95% intervals (Student), last step, whole test set. Equal gradient steps, at the paper's scale "
    "equal epochs. Rings: the paper's best k for CIFAR, 2 for copies and 5 for variants. Noisy digits: the generator has seen the training "
    "images alone; elsewhere, other images."
)
PAPERS = {"useful": 2, "tada": 5}


def draw(figure, records: Mapping[str, Sequence[Record]]) -> None:
    sets = data_sets(records)
    for axes, runs in zip(figure.subplots(1, len(sets), squeeze=False)[0], sets, strict=True):
        panel(axes, runs)
    figure.axes[0].set_ylabel("test error minus Original, points")


def panel(axes, runs: Runs) -> None:
    start = runs.values("original")
    ks = [1, *runs.factors]
    for i, name in enumerate(("useful", "tada")):
        shown = METHODS[name]
        found = {k: apart(runs.values(f"{name}-{k}"), start) for k in ks[1:]}
        found = {k: value for k, value in found.items() if value is not None}
        places = [1, *(k + 0.06 * (2 * i - 1) for k in found)]
        means, halves = ([0, *(float(getattr(value, part)) for value in found.values())] for part in ("mean", "half"))
        style = {"color": shown.colour, "marker": shown.marker, "linestyle": shown.line, "capsize": 2}
        axes.errorbar(places, means, [half if half == half else 0 for half in halves], label=shown.label, **style)
        if PAPERS[name] in found:
            at = list(found).index(PAPERS[name]) + 1
            axes.plot(places[at], means[at], "o", markersize=11, markerfacecolor="none", markeredgecolor=shown.colour, markeredgewidth=1)
    axes.axhline(0, color=GREY, linewidth=0.8, zorder=0)
    axes.set(title=f"{runs.name}\nOriginal: {mean(start):.1f}%, {len(start)} seeds", xlabel="$k$", xticks=ks)
    axes.legend(loc="best")
