"""Compute means, 95% intervals and paired differences over seeds from records.

Read ``conditions.py`` first: it groups image runs by what they differ in. ``intervals.py`` holds
the statistics, ``differences.py`` their wording, ``pick.py`` reads values out of records.
"""

from figures.statistics.conditions import Condition, Conditions, data_sets, paired_difference
from figures.statistics.intervals import Estimate, bootstrap_interval, estimate, paired_estimate

__all__ = [
    "Condition",
    "Conditions",
    "Estimate",
    "bootstrap_interval",
    "data_sets",
    "estimate",
    "paired_difference",
    "paired_estimate",
]
