"""Draw theory and images side by side: fast feature, slow feature and noise (T2, T3, T6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from figures.labels import GREY
from figures.plots.curves import plot_curves
from figures.records import Record
from figures.statistics.arms import Arms, arm_name, arm_style
from figures.statistics.intervals import estimate
from figures.statistics.pick import by_label, stack_curves

THEORY = "theory/convergence"
IMAGES = "empirical/ideal"
RECORDS = (THEORY, IMAGES)
SIZE = (1.0, 0.62)
CAPTION = (
    "The same three quantities in theory and on images, mean over seeds with 95% intervals. Above: "
    "alignment of the two-layer CNN with the fast and the slow feature, and noise memorised on the "
    "original slow examples, at convergence. Below: a residual network on noisy digits with a "
    "planted pattern and ideal variants, at equal epochs: its response (logit of the class minus "
    "the mean logit) to the pattern alone, to the clean digit alone, and to the slow training "
    "images with their own noise minus the same images with fresh noise, which is what it has "
    "memorised. In both rows Original and copies memorise most, TADA(5) least."
)
THEORY_METHODS = ("original", "useful-5", "tada-5", "syn-all")
IMAGE_METHODS = ("original", "useful-5", "tada-5", "random-5", "syn-all")
THEORY_PANELS = (
    ("fast_alignment", "fast feature"),
    ("slow_alignment", "slow feature"),
    ("noise_memorised_slow", "noise memorised"),
)
IMAGE_PANELS = (
    ("response_cue", None, "response to the pattern"),
    ("response_image", None, "response to the digit"),
    ("response_own", "response_fresh", "own minus fresh noise"),
)


def draw(figure, records: Mapping[str, Sequence[Record]]) -> None:
    """Draw theory in the upper row, images in the lower one."""
    above, below = figure.subplots(2, 3)
    groups = by_label(records[THEORY])
    for axes, (metric, title) in zip(above, THEORY_PANELS, strict=True):
        plot_curves(axes, {label: groups[label] for label in THEORY_METHODS}, metric)
        axes.set(title=title, xscale="symlog", xlim=(10, None), ylim=(0, None))
        axes.set_xlabel("gradient steps")
    above[0].set_ylabel(f"theory, {len(groups['original'])} seeds", fontweight="bold")
    above[0].legend(loc="lower right")
    arms = Arms(records[IMAGES])
    for axes, (metric, baseline, title) in zip(below, IMAGE_PANELS, strict=True):
        draw_responses(axes, arms, metric, baseline)
        axes.axhline(0, color=GREY, linewidth=0.7, zorder=0)
        axes.set(title=title, xlabel="share of the training")
    seeds = len(arms.records("original"))
    below[0].set_ylabel(f"images, {seeds} seeds", fontweight="bold")
    below[0].legend(loc="lower right")


def draw_responses(axes, arms: Arms, metric: str, baseline: str | None) -> None:
    """Draw a response, minus another if given, over the share of the training that is done."""
    for method in IMAGE_METHODS:
        members = list(arms.records(method).values())
        if not members:
            continue
        curves = stack_curves(members, metric)
        if baseline is not None:
            curves = curves - stack_curves(members, baseline)
        band, style = estimate(curves), arm_style(method)
        share = np.arange(1, curves.shape[1] + 1) / curves.shape[1]
        axes.plot(
            share, band.mean, color=style.colour, linestyle=style.line, label=arm_name(method)
        )
        axes.fill_between(share, band.low, band.high, color=style.colour, alpha=0.15, linewidth=0)
