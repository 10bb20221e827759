"""Rename fields of the configs in records that were made before the fields had these names.

A record holds its config, and the digest of the settings that differ from their defaults is part
of the record's name: a field with a new name renames both. This script rewrites the records and
plans below a folder of records, so that today's code finds them and computes nothing again::

    python -m empirical.experiments.rename_fields output/records

Only records that are valid, and whose name follows from their settings under the old field names,
are changed; the others stay as they are and are listed. Running it again changes nothing. Results
of stages (output/artifacts) are not renamed: what is asked for again is computed again.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from empirical.config import Recorded
from figures.records import Record, RecordError, digest, read, require_plan, write, write_json
from figures.records.identity import identity
from figures.records.lines import FILE, read_lines, write_lines
from figures.records.record import as_line

# part of a run's config ("": the run itself) -> {field: new name}
RENAMED: Mapping[str, Mapping[str, str]] = {
    "": {"checks": "evaluations"},
    "data": {"pool": "candidate_pool"},
    "training": {"smoothing": "label_smoothing", "accumulate": "gradient_accumulation"},
    "generator": {"null": "label_dropout", "seen": "trained_on"},
    "variants": {"grid": "num_inference_steps"},
}


def rename(config: Mapping[str, Any], back: bool = False) -> dict[str, Any]:
    """Return the config, or its identity, with the new field names; with ``back``, the old ones."""

    def renamed(part: str, values: Mapping[str, Any]) -> dict[str, Any]:
        names = RENAMED.get(part, {})
        if back:
            names = {new: old for old, new in names.items()}
        return {names.get(field, field): value for field, value in values.items()}

    parts = {
        name: renamed(name, value) if isinstance(value, Mapping) else value
        for name, value in config.items()
    }
    return renamed("", parts)


def rebuild(config: Mapping[str, Any]) -> Recorded:
    """Return the run that a record's config describes; ValueError if it describes none."""
    for kind in get_args(Recorded):
        if config.keys() <= {field.name for field in dataclasses.fields(kind)}:
            return _value(kind, config)
    raise ValueError(f"no run has the settings {', '.join(config)}")


def _value(hint: Any, value: Any) -> Any:
    """Return a value from JSON as the type of its field: dataclasses, tuples, or as it is."""
    if isinstance(hint, UnionType):
        hint = next((kind for kind in get_args(hint) if dataclasses.is_dataclass(kind)), hint)
    if isinstance(hint, type) and dataclasses.is_dataclass(hint) and isinstance(value, Mapping):
        kind: Any = hint
        hints = get_type_hints(kind)
        return kind(**{field: _value(hints[field], inner) for field, inner in value.items()})
    if isinstance(value, list):
        inner = get_args(hint)[0] if get_origin(hint) is tuple else Any
        return tuple(_value(inner, item) for item in value)
    return value


def renamed_record(path: Path) -> tuple[str, Record] | None:
    """Return the new name of a record and the record to write there; None if it has both already.

    Raises ValueError or RecordError if the record is damaged or its name does not follow from it.
    """
    record = read(path)
    label, _, known = path.stem.rpartition("-")
    config = rename(record.config)
    settings = identity(rebuild(config))
    name = digest({"config": settings, "seed": record.seed})[:8]
    before = digest({"config": rename(settings, back=True), "seed": record.seed})[:8]
    if known not in (name, before):
        raise ValueError(f"the name of {path} does not follow from its settings")
    if known == name and config == record.config:
        return None
    return f"{label}-{name}.json", dataclasses.replace(record, config=config)


def rename_folder(folder: Path) -> tuple[dict[str, str], list[str]]:
    """Rename the records of a folder, files and lines.

    Returns {old name: new name} for those that were changed, and a line for each that was not.
    """
    names, left = {}, []
    lines = dict(read_lines(folder))
    files = {path.name for path in folder.glob("*.json")} - {"plan.json"}
    for run in sorted(lines.keys() | files):
        try:
            changed = renamed_record(folder / run)
        except (ValueError, TypeError, RecordError) as error:
            left.append(f"not renamed: {error}")
            continue
        if changed is None:
            continue
        new, record = changed
        names[run] = new
        if run in files:
            write(folder / new, record)
            if new != run:
                (folder / run).unlink()
        else:
            del lines[run]
            lines[new] = as_line(new, record)
    if (folder / FILE).exists():
        write_lines(folder, lines)
    return names, left


def rename_all(root: Path) -> tuple[int, list[str]]:
    """Rename the records and plans of the image experiments below ``root``.

    Returns how many records were changed, and a line for each that was left as it was.
    """
    names: dict[str, dict[str, str]] = {}
    left = []
    for folder in sorted(path for path in root.glob("empirical/*") if path.is_dir()):
        names[f"empirical/{folder.name}"], lines = rename_folder(folder)
        left += lines
    for path in sorted(root.glob("empirical/*/plan.json")):
        plan = require_plan(root, f"empirical/{path.parent.name}")
        new = names.get(plan.folder, {})
        runs = tuple(new.get(run, run) for run in plan.runs)
        if runs != plan.runs:
            write_json(path, dataclasses.replace(plan, runs=runs))
    return sum(map(len, names.values())), left


def main(folders: list[str]) -> int:
    """Rename below each folder; exit code 1 if records were left, 2 if a folder is none."""
    if not folders or not all((Path(folder) / "empirical").is_dir() for folder in folders):
        print("error: name folders of records, such as output/records", file=sys.stderr)
        return 2
    done = 0
    for folder in folders:
        count, left = rename_all(Path(folder))
        print(f"{folder}: {count} records renamed", *left, sep="\n  ")
        done |= bool(left)
    return int(done)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
