"""Write a file or a folder in one step: a reader sees the old one or all of the new one."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from figures.records.identity import compact_json


def temporary_path(path: Path) -> Path:
    """Return a hidden name in the same folder, a different one at every call on every machine."""
    return path.with_name(f".{secrets.token_hex(8)}.{path.name}")


def leftovers(path: Path) -> list[Path]:
    """Return the temporary files that killed writers of ``path`` have left."""
    return list(path.parent.glob(f".*.{path.name}"))


@contextlib.contextmanager
def atomic_write(
    path: Path, temporary: Path | None = None, overwrite: bool = True, sync: bool = True
) -> Iterator[Path]:
    """Yield a temporary path; the file written there takes the place of ``path`` at the end.

    If the block raises, ``path`` stays as it was and the temporary file is removed.

    temporary: another name on the same file system; None: one from ``temporary_path``.
    overwrite: False keeps a file that is already there, so the first of several writers wins.
    sync: wait until the content is on the disk, so that a power cut leaves no empty file.
    """
    temporary = temporary or temporary_path(path)
    try:
        yield temporary
        if sync:
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
        _move(temporary, path, overwrite)
    finally:
        temporary.unlink(missing_ok=True)


def _move(temporary: Path, path: Path, overwrite: bool) -> None:
    """Give a complete file its name; unless ``overwrite``, only if no file has that name."""
    if not overwrite:
        try:
            path.hardlink_to(temporary)
            return
        except FileExistsError:
            return
        except OSError:  # a file system without links
            pass
    temporary.replace(path)


@contextlib.contextmanager
def atomic_folder(path: Path, temporary: Path | None = None) -> Iterator[Path]:
    """Yield a new folder to write into, which is renamed to ``path`` at the end.

    ``path`` may be an empty folder then, or nothing. If the block raises, the folder is removed.

    temporary: its name, on the same file system; what is there is removed first. None: one from
    ``temporary_path``.
    """
    temporary = temporary or temporary_path(path)
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        yield temporary
        temporary.rename(path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as JSON; NaN or infinity raises ValueError, and nothing is written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = compact_json(value)
    with atomic_write(path) as temporary:
        temporary.write_text(text + "\n")
