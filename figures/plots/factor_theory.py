"""Draw test error and noise memorised against k, how often a slow example appears (T7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from figures.labels import ADDED, GREY, method_style
from figures.records import Record
from figures.statistics.intervals import paired_estimate
from figures.statistics.pick import by_label, final_values

RECORDS = ("theory/methods",)
SIZE = (0.95, 0.4)
CAPTION = (
    "Change, against no augmentation, of the test error and of the noise memorised on the original "
    "slow examples, $y \\sum_j \\sigma(\\langle w_j, \\xi\\rangle)$, when every slow example "
    "appears $k$ times, as copies or as variants; differences paired by seed, mean with 95% "
    "intervals."
)
PANELS = (
    ("test_error", "test error minus Original, points", 100),
    ("noise_memorised_slow", "noise memorised minus Original", 1),
)


def draw(figure, records: Mapping[str, Sequence[Record]]) -> None:
    """Draw the change of both over k, for copies and for variants."""
    groups = by_label(records["theory/methods"])
    panels = figure.subplots(1, 2)
    for axes, (metric, title, factor) in zip(panels, PANELS, strict=True):
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
        axes.set(ylabel=title, xlabel="$k$: times a slow example appears", xticks=[1, *members])
    panels[1].legend(title=f"{len(original)} seeds", loc="center right", bbox_to_anchor=(1.0, 0.45))
