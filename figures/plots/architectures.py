"""Draw Original and TADA with several networks (E6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from figures.labels import NETWORKS
from figures.plots.groups import draw_groups
from figures.records import Record
from figures.statistics.conditions import count_data_sets, data_sets

RECORDS = ("empirical/reduced-architectures",)
OPTIONAL = ("empirical/paper-architectures",)
SIZE = (0.9, 0.32)  # the height is of one data set
CAPTION = (
    "Test error by network, Original and TADA(2); left the errors, right their differences paired "
    "by seed; mean over seeds with 95% intervals (Student), last step, whole test set. Both "
    "methods get the same number of gradient steps at the reduced scale, of epochs at the paper's. "
    "The transformer is trained with AdamW, the others with SGD. The generator has seen other "
    "images than those trained on."
)

relative_height = count_data_sets


def draw(figure, records: Mapping[str, Sequence[Record]]) -> None:
    """Draw a row of two panels for each data set: errors, and paired differences."""
    draw_groups(figure, data_sets(records), "network", NETWORKS)
