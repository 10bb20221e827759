"""What passes between computing and drawing: records on disk, their comparison, and the jobs that fill them in.

The only part of ``figures`` that ``theory`` and ``empirical`` import. Beyond the standard library it needs tqdm and tyro alone.
"""

from figures.records.command_line.cli import run_command
from figures.records.compare import DIFFERENT, Comparison, compare
from figures.records.files import atomic_folder, atomic_write, leftovers, temporary_path, write_json
from figures.records.identity import canonical_json, digest, file_name, json_value
from figures.records.paths import COMMITTED, FRESH, OUTPUT
from figures.records.plan import Plan, begun, load, load_some, read_plan, write_plan
from figures.records.provenance import provenance
from figures.records.record import (
    Record,
    RecordError,
    exists,
    is_valid,
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
    "atomic_folder",
    "atomic_write",
    "attempt",
    "begun",
    "canonical_json",
    "compare",
    "default_workers",
    "digest",
    "exists",
    "file_name",
    "is_valid",
    "json_value",
    "leftovers",
    "load",
    "load_some",
    "provenance",
    "read",
    "read_plan",
    "reason",
    "recorded_seconds",
    "run_command",
    "run_jobs",
    "temporary_path",
    "write",
    "write_json",
    "write_plan",
]
