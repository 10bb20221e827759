"""Test error and noise memorised against how often a slow example appears: copies stop helping, variants go on (T7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from figures.records import Record
from figures.select import by_label
from figures.statistics import estimate
from figures.style import INK, look

RECORDS = ("theory/methods",)
SIZE = (0.9, 0.4)
CAPTION = (
    "Test error, and noise memorised on the original slow examples, after training with every slow example appearing $k$ times, as "
    "copies or as variants; mean over seeds with 95% intervals. $k = 1$ is no augmentation."
)
PANELS = (("test_error", "test error, %", 100), ("noise_memorised_slow", r"noise memorised: $y \sum_j \sigma(\langle w_j, \xi\rangle)$", 1))


def draw(figure, records: Mapping[str, Sequence[Record]]) -> None:
    groups = by_label(records["theory/methods"])
    panels = figure.subplots(1, 2)
    for axes, (metric, title, factor) in zip(panels, PANELS, strict=True):
        for place, name in enumerate(("useful", "tada")):
            members = {1: groups["original"]} | {m[0].config["method"]["k"]: m for label, m in groups.items() if label.startswith(name)}
            values = [estimate([factor * record.metrics[metric][-1] for record in runs]) for runs in members.values()]
            shown = look(name)
            axes.errorbar(
                [k + 0.1 * place for k in members],
                [value.mean for value in values],
                [value.half for value in values],
                color=shown.colour,
                marker=shown.marker,
                linestyle=shown.line,
                capsize=2,
                label=f"{shown.label}: {'copies' if name == 'useful' else 'variants'}",
            )
        axes.axhline(values[0].mean, color=INK, linestyle=":", linewidth=1, label="Original")
        axes.set(ylabel=title, xlabel="$k$: times a slow example appears", xticks=list(members), ylim=(0, None))
    panels[1].legend(title=f"{len(groups['original'])} seeds", loc="center right", bbox_to_anchor=(1.0, 0.42))
