"""Write files whole or not at all."""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from figures.records.identity import _encode


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
