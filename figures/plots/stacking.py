"""Draw Original and TADA with several random augmentations in training (E5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from figures.claims.cases import AUGMENTED
from figures.labels import AUGMENTATIONS
from figures.plots.groups import draw_groups
from figures.records import Record
from figures.statistics.conditions import count_data_sets, data_sets

RECORDS = ()
ANY_OF = ("empirical/reduced-stacking", "empirical/paper-stacking")
SIZE = (0.95, 0.32)  # the height is of one data set
CAPTION = (
    "Test error by random augmentation in training: Original, and TADA with the paper's best k; "
    "left the errors, right the differences, paired by seed; mean over seeds with 95% intervals "
    "(Student), last epoch, whole test set. Equal epochs; at the reduced scale twice as many with "
    "augmentation as without. The generator has seen other images than those trained on. Where "
    "numbers of seeds differ, n gives them in the order of the legend."
)

relative_height = count_data_sets


def draw(figure, records: Mapping[str, Sequence[Record]]) -> None:
    """Draw a row of two panels for each data set: errors, and paired differences."""
    sets = data_sets(records)
    planned = {conditions.scale: ("none", *AUGMENTED) for conditions in sets}
    draw_groups(figure, sets, "augment", AUGMENTATIONS, planned)
