"""Draw test error and noise memorised against k, how often a slow example appears (T7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from figures.labels import ADDED, GREY, method_style
from figures.records import Record
from figures.statistics.intervals import paired_estimate
from figures.statistics.pick import by_label, final_values

RACE = "theory/methods"
CONVERGED = "theory/convergence"
RECORDS = (RACE, CONVERGED)
SIZE = (1.0, 0.36)
CAPTION = (
    "Change, against no augmentation, of the test error (left: in the race, middle: at "
    "convergence) and of the noise memorised on the original slow examples, $y \\sum_j "
    "\\sigma(\\langle w_j, \\xi\\rangle)$ (right: in the race), when every slow example appears "
    "$k$ times, as copies or as variants; differences paired by seed, mean with 95% intervals, "
    "number of seeds in the titles. Copies gain speed, soon all there is to gain, and nothing at "
    "convergence; variants count as $k$ times as many slow examples."
)
PANELS = (
    (RACE, "test_error", "error minus Original, points", 100, "in the race"),
    (CONVERGED, "test_error", "error minus Original, points", 100, "converged"),
    (RACE, "noise_memorised_slow", "memorised minus Original", 1, "in the race"),
)


def draw(figure, records: Mapping[str, Sequence[Record]]) -> None:
    """Draw the changes over k, for copies and for variants."""
    panels = figure.subplots(1, 3)
    for axes, (experiment, metric, title, factor, regime) in zip(panels, PANELS, strict=True):
        groups = by_label(records[experiment])
        original = final_values(groups["original"], metric, factor)
        for place, name in enumerate(ADDED):
            members = {
                found[0].config["method"]["k"]: found
                for label, found in groups.items()
                if label.startswith(name)
            }
            changes = [
                paired_estimate(final_values(found, metric, factor), original)
                for found in members.values()
            ]
            style = method_style(name)
            axes.errorbar(
                [1, *(k + 0.06 * (2 * place - 1) for k in members)],
                [0, *(change.mean for change in changes)],
                [0, *(change.half for change in changes)],
                color=style.colour,
                marker=style.marker,
                linestyle=style.line,
                capsize=2,
                label=f"{style.label}: {ADDED[name]}",
            )
        axes.axhline(0, color=GREY, linewidth=0.7, zorder=0)
        axes.set(
            title=f"{regime}, {len(original)} seeds",
            ylabel=title,
            xlabel="$k$",
            xticks=[1, *members],
        )
    panels[-1].legend(loc="center right")
