"""Draw the whole statement on real images: what ideal variants bring, and to whom (E1-E3, E7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from figures.plots.panels import Dot, plot_differences
from figures.records import Record
from figures.statistics.arms import Arms, arm_name, arm_style
from figures.statistics.conditions import mean_over_seeds, percent_by_seed

RECORDS = ("empirical/ideal",)
OPTIONAL = ("empirical/ideal-plain",)
SIZE = (1.0, 0.4)
CAPTION = (
    "Test error minus that of Original, in points, on scanned digits with pixel noise of 0.5; mean "
    "over seeds with 95% intervals (Student), paired by seed, equal epochs, last epoch. Variants "
    "are ideal: the clean image with fresh noise. Left and middle: a class pattern, which is "
    "learned fast, stands above 80% of all images; all test images, and test images without it. "
    "Right: no pattern, so that images are about equally difficult. random(k): as many variants "
    "as TADA(k), of random images; Original (longer): as many steps as TADA(5)."
)
METHODS = (
    "original-longer",
    "useful-2",
    "useful-5",
    "tada-2",
    "tada-5",
    "tada-8",
    "random-2",
    "random-5",
    "random-8",
    "syn-all",
    "truth-5",
)


def draw(figure, records: Mapping[str, Sequence[Record]]) -> None:
    """Draw a panel for all test images, one for those without cue, one for data without cues."""
    arms = Arms(record for part in records.values() for record in part)
    panels = [
        ("all test images", "test_error", 0.8),
        ("those without pattern", "test_error_uncued", 0.8),
    ]
    if arms.records("original", share=0.0):
        panels.append(("no pattern in the data", "test_error", 0.0))
    grid = figure.subplots(1, len(panels), squeeze=False)[0]
    for i, (axes, (title, metric, share)) in enumerate(zip(grid, panels, strict=True)):
        original = percent_by_seed(arms.records("original", share=share), metric)
        rows = [
            Dot(arm_name(name), arms.change(name, metric, share=share), arm_style(name))
            for name in METHODS
        ]
        plot_differences(axes, rows)
        axes.set_title(
            f"{title}\nOriginal: {mean_over_seeds(original):.1f}%, {len(original)} seeds"
        )
        axes.tick_params(labelleft=i == 0)
        axes.set_xlabel("minus Original, points")
