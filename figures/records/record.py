"""Read and write records: the settings and results of one run.

A record holds ``config`` (every resolved field), ``seed``, ``metrics`` (numbers and curves) and
``provenance`` (commit, versions, device, seconds, command), and a digest of its results. A fresh
record is a JSON file of its own. Committed records of one folder share one file of JSON lines
(``figures/records/lines.py``) and are read under the same paths: ``<folder>/<run>``. A record file
comes before a line of the same run.

A run is identified by its seed and by those settings that differ from their defaults; the digest
of both is part of the file's name. A run whose record is valid is not computed again. A setting
that is added later, with a default that means what was done before, renames no record.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from figures.records.files import write_json
from figures.records.identity import compact_json, digest, extends, json_value
from figures.records.lines import FILE, read_lines


class RecordError(Exception):
    """A record or plan is missing, damaged or of another format; the message says what to do."""


@dataclasses.dataclass(frozen=True)
class Record:
    """The results of one run: ``metrics`` is what ``config`` and ``seed`` gave.

    source: the folder that the record was read from; None for a record that was not read.
    """

    config: Mapping[str, Any]
    seed: int
    metrics: Mapping[str, Any]
    provenance: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    source: Path | None = dataclasses.field(default=None, compare=False)

    @cached_property
    def results(self) -> str:
        """Digest of config, seed and metrics: equal exactly if two records agree bit for bit."""
        return digest({"config": self.config, "seed": self.seed, "metrics": self.metrics})


def write(path: Path, record: Record) -> None:
    """Write a record file with the digest of its results.

    Raises ValueError for NaN and infinity; then nothing is written.
    """
    write_json(path, _body(record))


def as_line(run: str, record: Record) -> bytes:
    """Return the line of a run in ``records.jsonl``; ``run`` is the name of its record file."""
    return compact_json({"run": run, **_body(record)}).encode()


def _body(record: Record) -> dict[str, Any]:
    """Return what is written of a record."""
    body = {name: getattr(record, name) for name in ("config", "seed", "metrics", "provenance")}
    return {**body, "results": record.results}


def exists(path: Path) -> bool:
    """Return whether there is a record, valid or not, as a file or as a line."""
    return path.exists() or path.name in read_lines(path.parent)


def _raw(path: Path) -> bytes | None:
    """Return the JSON text of a record, not checked; None if there is no such record."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return read_lines(path.parent).get(path.name)


def read(path: Path) -> Record:
    """Return the record; raise RecordError if it is missing, cut short or altered."""
    text = _raw(path)
    if text is None:
        raise RecordError(f"no record {path}")
    try:
        body = json.loads(text)
        record = Record(
            body["config"], body["seed"], body["metrics"], body["provenance"], path.parent
        )
        unaltered = body["results"] == record.results
    except (ValueError, KeyError, TypeError) as error:
        raise RecordError(f"damaged record {path} ({error}): {_remedy(path)}") from None
    if not unaltered:
        raise RecordError(
            f"altered record {path}: its digest does not fit its content; {_remedy(path)}"
        )
    return record


def _remedy(path: Path) -> str:
    """Return what a user can do about a damaged record."""
    if path.exists():
        return "delete it and compute it again"
    return f"restore {path.parent / FILE} from git or compute the run again"


def is_valid(path: Path, config: Any = None) -> bool:
    """Return whether there is a valid record at ``path``.

    With ``config``, the record must also be one of this config: its name is the same where other
    defaults were in force, its settings are not.
    """
    try:
        record = read(path)
    except RecordError:
        return False
    return config is None or extends(json_value(config), record.config)


def recorded_seconds(path: Path) -> float | None:
    """Return the seconds that the run took, without checking the record; None if it is missing."""
    found = re.findall(rb'"seconds":([\d.]+)', (_raw(path) or b"")[-4000:])
    return float(found[-1]) if found else None
