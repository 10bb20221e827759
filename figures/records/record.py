"""Records: one JSON file per run, written whole or not at all, read only if unharmed.

A record holds ``config`` (every resolved field), ``seed``, ``metrics`` (numbers and curves) and ``provenance``
(commit, versions, device, seconds, command). A run is identified by its seed and the settings that are not at their defaults, whose
digest is part of the file's name: asked for again, a run whose record is whole is skipped, and a setting that is added later, with a
default that means what was done before, renames no record. A plan lists the runs of one experiment, the
command that makes them, and the tolerance within which a second machine is said to agree.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import platform
import secrets
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, cached_property
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
COMMITTED = ROOT / "paper" / "results"  # small records of finished runs, in git
OUTPUT = ROOT / "output"  # what this machine makes, ignored by git
FRESH = OUTPUT / "records"


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


@dataclasses.dataclass(frozen=True)
class Plan:
    """The runs of one experiment, such as ``theory/methods``.

    runs: file names, in the order of the experiment. command: what makes them. metric: the number whose agreement
    counts, a key of every record's metrics. tolerance: the largest absolute difference in it that counts as agreement
    between machines. records: the folder of the records, such as ``empirical/reduced``, which several experiments may share; their own,
    named as the experiment, if None.
    """

    experiment: str
    runs: tuple[str, ...]
    command: str
    metric: str
    tolerance: float
    records: str | None = None

    @property
    def folder(self) -> str:
        """Where the records lie, below the root of records."""
        return self.records or self.experiment


def canonical(value: Any) -> str:
    """The one JSON text of a value: sorted keys, no spaces, no NaN; dataclasses become objects, tuples and arrays lists."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), allow_nan=False, default=_encode
    )


def plain(value: Any) -> Any:
    """The value as it comes back from a record: objects, lists, text and numbers alone."""
    return json.loads(canonical(value))


def _encode(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if hasattr(value, "tolist"):  # arrays and numpy's numbers
        return value.tolist()
    raise TypeError(f"a record holds numbers, text, lists and objects, not {type(value).__name__}")


def digest(value: Any) -> str:
    """SHA-256 of the canonical JSON text, in hexadecimal."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def identity(config: Any) -> Any:
    """What identifies a config: of a dataclass, the fields that differ from their defaults, and so on inwards."""
    if isinstance(config, list | tuple):
        return [identity(value) for value in config]
    if not dataclasses.is_dataclass(config):
        return config
    values = {field: getattr(config, field.name) for field in dataclasses.fields(config)}
    return {
        field.name: identity(value) for field, value in values.items() if value != field.default
    }


def extends(newer: Any, older: Any) -> bool:
    """Whether ``newer`` says all that ``older`` says, to the bit; objects may say more, as they do once later code records more."""
    if isinstance(newer, Mapping) and isinstance(older, Mapping):
        return all(name in newer and extends(newer[name], value) for name, value in older.items())
    if isinstance(newer, list) and isinstance(older, list):
        return newer == older or (len(newer) == len(older) and all(map(extends, newer, older)))
    return newer == older


def file_name(name: str, config: Any, seed: int) -> str:
    """``tada-5-s03-1a2b3c4d.json``: what a reader looks for, then what identifies the run."""
    return f"{name}-s{seed:02d}-{digest({'config': identity(config), 'seed': seed})[:8]}.json"


def beside(path: Path) -> Path:
    """A temporary name in the same folder, another at every call, on every machine."""
    return path.with_name(f".{secrets.token_hex(8)}.{path.name}")


@contextlib.contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A temporary name to write to: in the end the file takes the place of ``path``, so that a reader sees all of it or nothing.

    After a failure nothing of it is left.
    """
    temporary = beside(path)
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Write ``value``, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole(path) as temporary:
        temporary.write_text(
            json.dumps(value, separators=(",", ":"), allow_nan=False, default=_encode) + "\n"
        )


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


def write_plan(root: Path, plan: Plan) -> None:
    """Write a plan; one that is part of the plan that is there already, as when fewer seeds are asked for, changes nothing."""
    there = read_plan(root, plan.experiment)
    if there is None or not set(plan.runs) <= set(there.runs):
        write_json(root / plan.experiment / "plan.json", plan)


def read_plan(root: Path, experiment: str) -> Plan | None:
    """The plan of an experiment below ``root``, or None if it was never begun there."""
    path = root / experiment / "plan.json"
    try:
        body = json.loads(path.read_text())
        return Plan(**{**body, "runs": tuple(body["runs"])})
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise RecordError(
            f"damaged plan {path} ({error}): delete it and run the experiment again"
        ) from None


def begun(experiment: str, roots: Iterable[Path] = (FRESH, COMMITTED)) -> bool:
    """Whether any of ``roots`` has a plan of the experiment."""
    return any(read_plan(root, experiment) is not None for root in roots)


def load(experiment: str, roots: Iterable[Path] = (FRESH, COMMITTED)) -> list[Record]:
    """The records of an experiment, each from the first of ``roots`` that holds it whole.

    The plan of the first root that has one says which runs there are, or the longest plan that contains it: after a few seeds were
    recomputed, the others are the committed ones. Raises RecordError naming the command that makes what is missing.
    """
    return _load(experiment, tuple(roots), complete=True)


def load_some(experiment: str, roots: Iterable[Path] = (FRESH, COMMITTED)) -> list[Record]:
    """As ``load``, but of an unfinished experiment those records that are there, and none of one that was never begun."""
    roots = tuple(roots)
    return _load(experiment, roots, complete=False) if begun(experiment, roots) else []


def _load(experiment: str, roots: tuple[Path, ...], complete: bool) -> list[Record]:
    plans = [plan for root in roots if (plan := read_plan(root, experiment)) is not None]
    if not plans:
        half, _, name = experiment.partition("/")
        raise RecordError(f'no record "{experiment}"; make it with: python -m {half} run {name}')
    plan = max((p for p in plans if set(p.runs) >= set(plans[0].runs)), key=lambda p: len(p.runs))
    records = []
    for run in plan.runs:
        paths = [path for root in roots if (path := root / plan.folder / run).exists()]
        if not paths and complete:
            raise RecordError(f'no record "{plan.folder}/{run}"; make it with: {plan.command}')
        whole = (path for path in paths if is_whole(path))
        records += [read(next(whole, paths[0]))] if paths else []
    return records


@cache
def provenance(*packages: str) -> dict[str, Any]:
    """Where a record comes from: commit, whether the tree differs from it, versions of ``packages``, device and command line."""

    def git(*words: str) -> str:
        try:
            return subprocess.run(
                ("git", "-C", str(ROOT), *words), capture_output=True, text=True, check=True
            ).stdout.strip()
        except (OSError, subprocess.CalledProcessError):
            return ""

    program = Path(sys.argv[0])
    module = program.parent.name if program.name == "__main__.py" else program.name
    return {
        "commit": git("rev-parse", "HEAD") or None,
        "dirty": bool(git("status", "--porcelain", "--untracked-files=no")),
        "versions": {
            "python": platform.python_version(),
            **{name: metadata.version(name) for name in packages},
        },
        "device": f"{platform.machine()} {platform.system()}, {os.cpu_count()} cores",
        "command": " ".join(["python -m", module, *map(_portable, sys.argv[1:])]),
    }


def _portable(word: str) -> str:
    """A word of the command line without the place of this machine that it names: of an absolute path the last part, ``.../data``."""
    option, equals, value = word.rpartition("=")
    return f"{option}{equals}.../{Path(value).name}" if Path(value).is_absolute() else word
