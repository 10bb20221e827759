"""Give a value one JSON text, and a run its identity and file name."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from typing import Any


def compact_json(value: Any) -> str:
    """Return JSON text without spaces, keys in their order; NaN and infinity raise ValueError."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False, default=encode)


def canonical_json(value: Any) -> str:
    """Return the one JSON text of a value: sorted keys, no spaces, no NaN.

    Dataclasses become objects, tuples and arrays become lists.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False, default=encode)


def json_value(value: Any) -> Any:
    """Return the value as it comes back from a record: objects, lists, text and numbers only."""
    return json.loads(canonical_json(value))


def encode(value: Any) -> Any:
    """Return what JSON writes for a dataclass, an array or a number of numpy; else TypeError."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if hasattr(value, "tolist"):  # arrays and numpy's numbers
        return value.tolist()
    raise TypeError(f"a record holds numbers, text, lists and objects, not {type(value).__name__}")


def digest(value: Any) -> str:
    """Return the SHA-256 of the canonical JSON text, in hexadecimal."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def identity(config: Any) -> Any:
    """Return what identifies a config: its fields that differ from their defaults.

    Fields that are dataclasses are treated the same way, so a field added later, with a default
    that means what was done before, changes no identity.
    """
    if isinstance(config, list | tuple):
        return [identity(value) for value in config]
    if not dataclasses.is_dataclass(config):
        return config
    values = {field: getattr(config, field.name) for field in dataclasses.fields(config)}
    return {
        field.name: identity(value) for field, value in values.items() if value != field.default
    }


def extends(newer: Any, older: Any) -> bool:
    """Return whether ``newer`` holds all values of ``older``, equal to the bit.

    Objects may hold more keys: later code records more.
    """
    if isinstance(newer, Mapping) and isinstance(older, Mapping):
        return all(name in newer and extends(newer[name], value) for name, value in older.items())
    if isinstance(newer, list) and isinstance(older, list):
        return newer == older or (len(newer) == len(older) and all(map(extends, newer, older)))
    return newer == older


def file_name(name: str, config: Any, seed: int) -> str:
    """Return the file name of a run's record, such as ``tada-5-s03-1a2b3c4d.json``.

    The name and the seed are for readers; the digest of config and seed identifies the run.
    """
    return f"{name}-s{seed:02d}-{digest({'config': identity(config), 'seed': seed})[:8]}.json"
