"""What passes between computing and drawing: records on disk, their comparison, and the jobs that fill them in.

The only part of ``figures`` that ``theory`` and ``empirical`` import. Beyond the standard library it needs tqdm and tyro alone.
"""

from figures.records.command_line.cli import run_command
from figures.records.compare import DIFFERENT, Comparison, compare
from figures.records.files import beside, whole, write_json
from figures.records.identity import canonical, digest, file_name, plain
from figures.records.paths import COMMITTED, FRESH, OUTPUT
from figures.records.plan import Plan, begun, load, load_some, read_plan, write_plan
from figures.records.provenance import provenance
from figures.records.record import (
    Record,
    RecordError,
    exists,
    is_whole,
    read,
    recorded_seconds,
    write,
)
from figures.records.workers.jobs import default_workers, run_jobs
from figures.records.workers.pool import (
    ONE_THREAD,
    Advance,
    Event,
    Interrupted,
    Pool,
    attempt,
    reason,
)

__all__ = [
    "COMMITTED",
    "DIFFERENT",
    "FRESH",
    "ONE_THREAD",
    "OUTPUT",
    "Advance",
    "Comparison",
    "Event",
    "Interrupted",
    "Plan",
    "Pool",
    "Record",
    "RecordError",
    "attempt",
    "begun",
    "beside",
    "canonical",
    "compare",
    "default_workers",
    "digest",
    "exists",
    "file_name",
    "is_whole",
    "load",
    "load_some",
    "plain",
    "provenance",
    "read",
    "read_plan",
    "reason",
    "recorded_seconds",
    "run_command",
    "run_jobs",
    "whole",
    "write",
    "write_json",
    "write_plan",
]
