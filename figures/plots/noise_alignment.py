"""Draw noise memorised and test error over training by method (T2, T3, T6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from figures.plots.curves import plot_curves
from figures.records import Record
from figures.statistics.pick import by_label

RECORDS = ("theory/methods",)
SIZE = (1.0, 0.38)
CAPTION = (
    "Noise memorised on the original slow examples, test error on all examples, and test error on "
    "those without the fast feature, over training; mean over seeds with 95% intervals."
)
LABELS = ("original", "sam", "useful-5", "tada-5", "syn-all")
PANELS = (  # metric, title, unit, factor
    (
        "noise_memorised_slow",
        "noise memorised, slow",
        r"$y \sum_j \sigma(\langle w_j, \xi\rangle)$",
        1,
    ),
    ("test_error", "test error, all", "%", 100),
    ("test_error_slow", "test error, slow", "%", 100),
)


def draw(figure, records: Mapping[str, Sequence[Record]]) -> None:
    """Draw a panel for each metric, a curve for each method."""
    groups = by_label(records["theory/methods"])
    panels = figure.subplots(1, 3)
    for axes, (metric, title, unit, factor) in zip(panels, PANELS, strict=True):
        plot_curves(axes, {label: groups[label] for label in LABELS}, metric, factor)
        axes.set(
            title=title,
            ylabel=unit,
            xlabel="gradient steps",
            xscale="symlog",
            xlim=(10, None),
            ylim=(0, None),
        )
    panels[0].legend(title=f"{len(groups['original'])} seeds", loc="upper left")
