"""Records: one JSON file per run, written whole or not at all, read only if unharmed.

A record holds ``config`` (every resolved field), ``seed``, ``metrics`` (numbers and curves) and ``provenance``
(commit, versions, device, seconds, command). A run is identified by its seed and the settings that are not at their defaults, whose
digest is part of the file's name: asked for again, a run whose record is whole is skipped, and a setting that is added later, with a
default that means what was done before, renames no record. A plan lists the runs of one experiment, the
command that makes them, and the tolerance within which a second machine is said to agree.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from figures.records.files import write_json
from figures.records.identity import digest, extends, plain


class RecordError(Exception):
    """A record or plan is missing, damaged or of another format; the message says what to do."""


@dataclasses.dataclass(frozen=True)
class Record:
    """One run: ``metrics`` is what ``config`` and ``seed`` gave; ``source`` is the folder it was read from."""

    config: Mapping[str, Any]
    seed: int
    metrics: Mapping[str, Any]
    provenance: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    source: Path | None = dataclasses.field(default=None, compare=False)

    @cached_property
    def results(self) -> str:
        """Digest of everything but provenance: two records agree bit for bit exactly when these are equal."""
        return digest({"config": self.config, "seed": self.seed, "metrics": self.metrics})


def write(path: Path, record: Record) -> None:
    """Write a record together with the digest of its results; NaN or infinity raises ValueError and nothing is written."""
    body = {name: getattr(record, name) for name in ("config", "seed", "metrics", "provenance")}
    write_json(path, {**body, "results": record.results})


def read(path: Path) -> Record:
    """Read a record; raise RecordError if it is missing, cut short or altered."""
    try:
        body = json.loads(path.read_text())
        record = Record(
            body["config"], body["seed"], body["metrics"], body["provenance"], path.parent
        )
        whole = body["results"] == record.results
    except FileNotFoundError:
        raise RecordError(f"no record {path}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise RecordError(
            f"damaged record {path} ({error}): delete it and compute it again"
        ) from None
    if not whole:
        raise RecordError(
            f"altered record {path}: its digest does not fit its content; delete it and compute it again"
        )
    return record


def is_whole(path: Path, config: Any = None) -> bool:
    """Whether a record stands at ``path``, unharmed, and, if ``config`` is given, is one of it: made with other defaults, it is not."""
    try:
        record = read(path)
    except RecordError:
        return False
    return config is None or extends(plain(config), record.config)
