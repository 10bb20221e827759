"""Write a file or a folder in one step: a reader sees the old one or all of the new one."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from figures.records.identity import compact_json

UNSYNCED = (errno.EINVAL, errno.ENOTSUP, errno.EBADF)  # of file systems that cannot sync folders


def _usual_rights() -> int:
    """Return the rights of a new file: those that the umask of this process leaves."""
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask


RIGHTS = _usual_rights()  # read once, since reading the umask changes it for a moment


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
    sync: wait until content and name are on the disk, so that a power cut leaves no empty file and
    takes back no file that was there.

    The file gets the rights that the umask gives, whoever wrote the temporary one.
    """
    temporary = temporary or temporary_path(path)
    try:
        yield temporary
        temporary.chmod(RIGHTS)
        if sync:
            sync_file(temporary)
        _move(temporary, path, overwrite)
        if sync:
            sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def sync_file(path: Path) -> None:
    """Wait until the content of a file is on the disk."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    """Wait until the names in a folder are on the disk, where the system can tell."""
    if os.name == "nt":  # folders cannot be opened there
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in UNSYNCED:
            raise
    finally:
        os.close(descriptor)


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
    All files are on the disk before the folder is renamed, with the rights that the umask gives;
    those of files that have another name elsewhere (hard links) stay as they are.

    temporary: its name, on the same file system; what is there is removed first. None: one from
    ``temporary_path``.
    """
    temporary = temporary or temporary_path(path)
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        yield temporary
        for folder, _, names in os.walk(temporary):
            for name in names:
                _settle(Path(folder, name))
            sync_folder(Path(folder))
        temporary.rename(path)
        sync_folder(path.parent)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _settle(file: Path) -> None:
    """Give a file of a new folder its rights and sync it, unless it is also somebody else's."""
    if not file.is_symlink() and file.stat().st_nlink == 1:
        file.chmod(RIGHTS)
        sync_file(file)


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as JSON; NaN or infinity raises ValueError, and nothing is written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = compact_json(value)
    with atomic_write(path) as temporary:
        temporary.write_text(text + "\n")
