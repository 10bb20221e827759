"""Draw the alignment with the fast and the slow feature over training (T1, T2, T6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from figures.plots.curves import plot_curves
from figures.records import Record
from figures.statistics.pick import by_label

RECORDS = ("theory/methods",)
SIZE = (1.0, 0.42)
CAPTION = (
    "Learning of the fast and of the slow feature over training: the largest $\\langle w_j, "
    "v\\rangle$ over the neurons, mean over seeds with 95% intervals. SAM holds back what grows "
    "fastest; copies and variants lower the rate of the fast feature by the same factor."
)
LABELS = ("original", "sam", "useful-5", "tada-5")


def draw(figure, records: Mapping[str, Sequence[Record]]) -> None:
    """Draw a panel for each feature, a curve for each method."""
    groups = by_label(records["theory/methods"])
    fast, slow = figure.subplots(1, 2)
    for axes, metric, title in (
        (fast, "fast_alignment", "fast feature"),
        (slow, "slow_alignment", "slow feature"),
    ):
        plot_curves(axes, {label: groups[label] for label in LABELS}, metric)
        axes.set(
            title=title, xscale="symlog", xlabel="gradient steps", xlim=(1, None), ylim=(0, None)
        )
    fast.set_ylabel(r"alignment $\max_j \langle w_j, v\rangle$")
    fast.legend(title=f"{len(groups['original'])} seeds", loc="upper left")
