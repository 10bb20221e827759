"""What a run is: frozen dataclasses, checked once. They are the command line, the record and the cache key; nothing heavy is imported."""

from empirical.config.data import DATA_NAMES, DIGITS, Data
from empirical.config.generation import Generator, SamplerName, Variants
from empirical.config.require import require
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
]
