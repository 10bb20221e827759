"""Settings of a run: frozen dataclasses that check themselves when they are made.

Read ``run.py`` first, then ``data.py``, ``training.py``, ``selection.py`` and ``generation.py``.
The same classes are the command line (a field's comment is its help text), the settings in a
record, and part of the key of every cached result. ``recipes.py`` names the paper's trainings.
Importing the room loads no library.
"""

from empirical.config.data import DATA_NAMES, DIGITS, Data
from empirical.config.generation import Generator, SamplerName, Variants
from empirical.config.require import require, require_one_of
from empirical.config.run import (
    Gallery,
    Method,
    MethodName,
    Recorded,
    Run,
    SelectionAgreement,
)
from empirical.config.selection import Early, RuleName, Selection, StopName
from empirical.config.training import (
    AugmentName,
    OptimiserName,
    PrecisionName,
    ScheduleName,
    Training,
)

__all__ = [
    "DATA_NAMES",
    "DIGITS",
    "AugmentName",
    "Data",
    "Early",
    "Gallery",
    "Generator",
    "Method",
    "MethodName",
    "OptimiserName",
    "PrecisionName",
    "Recorded",
    "RuleName",
    "Run",
    "SamplerName",
    "ScheduleName",
    "Selection",
    "SelectionAgreement",
    "StopName",
    "Training",
    "Variants",
    "require",
    "require_one_of",
]
