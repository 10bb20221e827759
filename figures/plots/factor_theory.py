"""Test error and noise memorised against how often a slow example appears: copies stop helping, variants go on (T7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from figures.labels import GREY, look
from figures.records import Record
from figures.statistics.intervals import paired
from figures.statistics.pick import by_label

RECORDS = ("theory/methods",)
SIZE = (0.95, 0.4)
CAPTION = (
    "Change, against no augmentation, of the test error and of the noise memorised on the original slow examples, "
    "$y \\sum_j \\sigma(\\langle w_j, \\xi\\rangle)$, when every slow example appears $k$ times, as copies or as variants; "
    "differences paired by seed, mean with 95% intervals."
)
PANELS = (
    ("test_error", "test error minus Original, points", 100),
    ("noise_memorised_slow", "noise memorised minus Original", 1),
)


def final(records: Sequence[Record], metric: str, factor: float) -> dict[int, float]:
    """seed -> a curve's last value, times ``factor``."""
    return {record.seed: factor * record.metrics[metric][-1] for record in records}


def draw(figure, records: Mapping[str, Sequence[Record]]) -> None:
    groups = by_label(records["theory/methods"])
    panels = figure.subplots(1, 2)
    for axes, (metric, title, factor) in zip(panels, PANELS, strict=True):
        original = final(groups["original"], metric, factor)
        for place, name in enumerate(("useful", "tada")):
            members = {
                runs[0].config["method"]["k"]: runs
                for label, runs in groups.items()
                if label.startswith(name)
            }
            values = [paired(final(runs, metric, factor), original) for runs in members.values()]
            shown = look(name)
            axes.errorbar(
                [1, *(k + 0.06 * (2 * place - 1) for k in members)],
                [0, *(value.mean for value in values)],
                [0, *(value.half for value in values)],
                color=shown.colour,
                marker=shown.marker,
                linestyle=shown.line,
                capsize=2,
                label=f"{shown.label}: {'copies' if name == 'useful' else 'variants'}",
            )
        axes.axhline(0, color=GREY, linewidth=0.7, zorder=0)
        axes.set(ylabel=title, xlabel="$k$: times a slow example appears", xticks=[1, *members])
    panels[1].legend(title=f"{len(original)} seeds", loc="center right", bbox_to_anchor=(1.0, 0.45))
