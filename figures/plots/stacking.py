"""Original and TADA on top of random augmentation: none, crop and flip, TrivialAugment (E5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from figures.labels import AUGMENTS
from figures.plots.groups import draw_groups
from figures.records import Record
from figures.statistics.conditions import data_sets

RECORDS = ("empirical/reduced-stacking",)
OPTIONAL = ("empirical/paper-stacking",)
SIZE = (0.95, 0.32)  # the height is of one data set
CAPTION = (
    "Test error by random augmentation in training, Original and TADA(2); left the errors, right their differences paired by seed; mean "
    "over seeds with 95% intervals (Student), last step, whole test set. Both methods get the same number of gradient steps at the reduced "
    "scale, twice as many with augmentation as without, and of epochs at the paper's. The generator has seen other images than those "
    "trained on."
)


def rows(records: Mapping[str, Sequence[Record]]) -> int:
    return len(data_sets(records))


def draw(figure, records: Mapping[str, Sequence[Record]]) -> None:
    draw_groups(figure, data_sets(records), "augment", AUGMENTS)
