"""Slow and fast examples early in training: the loss by which the clusters are told apart (E9)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from figures.records import Record
from figures.style import FAST, SLOW

RECORDS = ("empirical/noisy-digits-sheet", "empirical/noisy-digits")
SIZE = (1.0, 0.4)
CAPTION = (
    "Left: cross-entropy of every training image early in training, by class; slow are those of the high-loss cluster of their class. "
    "Right: the fraction of slow images, one dot a seed; the training error at which early training stops was chosen to come near the "
    "paper's 30-40%."
)


def draw(figure, records: Mapping[str, Sequence[Record]]) -> None:
    left, right = figure.subplots(1, 2, width_ratios=(3, 1))
    metrics = records[RECORDS[0]][0].metrics
    labels, losses, slow = (np.asarray(metrics[name]) for name in ("labels", "losses", "slow"))
    spread = (0.618 * np.arange(len(labels))) % 1 - 0.5  # side by side, evenly and always alike
    for flag, colour, name in ((0, FAST, "fast"), (1, SLOW, "slow")):
        chosen = slow == flag
        left.scatter((labels + 0.8 * spread)[chosen], losses[chosen], s=7, color=colour, label=f"{name} ({chosen.mean():.1%})", linewidth=0)
    left.set(yscale="log", xlabel="class", ylabel="loss early in training", xticks=range(len(metrics["classes"])))
    left.set_xticklabels(metrics["classes"])
    left.legend(loc="lower left", ncols=2)
    fractions = {record.seed: 100 * record.metrics["slow_fraction"] for record in records[RECORDS[1]]}
    right.scatter(list(fractions), list(fractions.values()), s=14, color=SLOW)
    right.axhspan(30, 40, color=SLOW, alpha=0.12, linewidth=0)
    right.set_title("band: the paper's 30-40%", fontsize=8, color=SLOW, fontweight="normal")
    right.set(xlabel="seed", ylabel="slow examples, %", ylim=(0, 60))
