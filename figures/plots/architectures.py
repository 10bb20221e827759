"""Draw Original, USEFUL(2) and TADA with several networks (E6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from figures.claims.cases import NETWORKS_OF
from figures.labels import NETWORKS
from figures.plots.groups import draw_groups
from figures.records import Record
from figures.statistics.conditions import count_data_sets, data_sets

RECORDS = ()
ANY_OF = ("empirical/reduced-architectures", "empirical/paper-architectures")
SIZE = (0.95, 0.36)  # the height is of one data set
CAPTION = (
    "Test error by network: Original, USEFUL(2) and TADA with the paper's best k; left the errors, "
    "right their differences from Original, paired by seed; mean over seeds with 95% intervals "
    "(Student), last epoch, whole test set, equal epochs. Transformers named ViT are trained with "
    "AdamW, all others with SGD. The generator has seen other images than those trained on. Where "
    "numbers of seeds differ, n gives them in the order of the legend."
)

relative_height = count_data_sets


def draw(figure, records: Mapping[str, Sequence[Record]]) -> None:
    """Draw a row of two panels for each data set: errors, and paired differences."""
    draw_groups(figure, data_sets(records), "network", NETWORKS, NETWORKS_OF)
