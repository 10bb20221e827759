"""Draw Original and TADA with several random augmentations in training (E5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from figures.labels import AUGMENTATIONS
from figures.plots.groups import draw_groups
from figures.records import Record
from figures.statistics.conditions import count_data_sets, data_sets

RECORDS = ("empirical/reduced-stacking",)
OPTIONAL = ("empirical/paper-stacking",)
SIZE = (0.95, 0.32)  # the height is of one data set
CAPTION = (
    "Test error by random augmentation in training, Original and TADA(2); left the errors, right "
    "their differences paired by seed; mean over seeds with 95% intervals (Student), last step, "
    "whole test set. Both methods get the same number of gradient steps at the reduced scale, "
    "twice as many with augmentation as without, and of epochs at the paper's. The generator has "
    "seen other images than those trained on."
)

relative_height = count_data_sets


def draw(figure, records: Mapping[str, Sequence[Record]]) -> None:
    """Draw a row of two panels for each data set: errors, and paired differences."""
    draw_groups(figure, data_sets(records), "augment", AUGMENTATIONS)
