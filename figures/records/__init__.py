"""Keep what passes between computing and drawing: records, plans, and the jobs that make them.

The only room of ``figures`` that ``theory`` and ``empirical`` import; it needs tqdm and tyro only.
Read ``record.py`` first (one run's settings and results), then ``plan.py`` (an experiment's runs).
``files.py`` writes in one step, ``lines.py`` holds committed records, ``compare.py`` compares them.
``workers`` runs jobs in parallel processes, ``command_line`` turns functions into subcommands.
"""

from figures.records.command_line.cli import run_command
from figures.records.compare import DIFFERENT, Comparison, compare
from figures.records.files import atomic_folder, atomic_write, leftovers, temporary_path, write_json
from figures.records.identity import canonical_json, digest, file_name, json_value
from figures.records.paths import COMMITTED, FRESH, OUTPUT
from figures.records.plan import Plan, begun, load, load_some, read_plan, require_plan, write_plan
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
    no_progress,
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
    "no_progress",
    "provenance",
    "read",
    "read_plan",
    "reason",
    "recorded_seconds",
    "require_plan",
    "run_command",
    "run_jobs",
    "temporary_path",
    "write",
    "write_json",
    "write_plan",
]
