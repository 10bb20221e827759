"""Original and TADA with several networks (E6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from figures.labels import NETWORKS
from figures.plots.groups import draw_groups
from figures.records import Record
from figures.statistics.conditions import data_sets

RECORDS = ("empirical/reduced-architectures",)
OPTIONAL = ("empirical/paper-architectures",)
SIZE = (0.9, 0.32)  # the height is of one data set
CAPTION = (
    "Test error by network, Original and TADA(2); left the errors, right their differences paired by seed; mean over seeds with 95% "
    "intervals (Student), last step, whole test set. Both methods get the same number of gradient steps at the reduced scale, of epochs at "
    "the paper's. The transformer is trained with AdamW, the others with SGD. The generator has seen other images than those trained on."
)


def rows(records: Mapping[str, Sequence[Record]]) -> int:
    return len(data_sets(records))


def draw(figure, records: Mapping[str, Sequence[Record]]) -> None:
    draw_groups(figure, data_sets(records), "network", NETWORKS)
