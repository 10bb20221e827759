"""Who works at what: claim files in a folder that several processes, also on several machines, may share.

A claim is a file made with O_EXCL and touched while the work lasts. One that was not touched for ``stale`` seconds, or whose process is
known to have ended, is taken over. Ages are differences of times of files, so that the machines' clocks need not agree. Claims save
double work and nothing else: if a worker that seemed dead goes on after all, two do the same work and write the same result.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import secrets
import socket
import threading
from collections.abc import Iterator
from functools import cache
from pathlib import Path

STALE = 120.0  # seconds after which an untouched claim is taken over
BEATS = 8  # touches within that time
PASSING = (
    errno.ESTALE,
    errno.EIO,
    errno.ETIMEDOUT,
)  # errors that a network file system may have for a moment


@cache
def place() -> str:
    """Where process numbers mean what they mean here: host, start of the system and, in a container, its own numbering."""
    parts = [socket.gethostname()]
    with contextlib.suppress(OSError):
        parts += [
            Path("/proc/sys/kernel/random/boot_id").read_text().strip(),
            os.readlink("/proc/self/ns/pid"),
        ]
    return " ".join(parts)


class Claims:
    """The claims in ``folder``, made if it is not there. stale: seconds, above 0."""

    def __init__(self, folder: Path, stale: float = STALE) -> None:
        if not stale > 0:
            raise ValueError(
                f"stale is {stale}; allowed: above 0 seconds; give more than a worker may stand still"
            )
        self.folder, self.stale = folder, stale

    @contextlib.contextmanager
    def held(self, task: str) -> Iterator[bool]:
        """Whether the task is ours while the block runs; if it is another's, False, at once."""
        path = self.folder / task
        if (claim := self._take(path)) is None:
            yield False
            return
        file, token = claim
        ended = threading.Event()
        beat = threading.Thread(target=self._touch, args=(file, ended), daemon=True)
        beat.start()
        try:
            yield True
        finally:
            ended.set()
            beat.join()
            os.close(file)
            if self._token(path) == token:  # not taken over meanwhile
                path.unlink(missing_ok=True)

    def holder(self, task: str) -> dict | None:
        """What the claim on the task says (place, process) if somebody alive has one; nothing, {}, where that cannot be told now."""
        path = self.folder / task
        try:
            return None if self._is_stale(path) else self._read(path)
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno in PASSING:
                return {}
            raise

    def now(self) -> float:
        """The time of the file system, in seconds."""
        self.folder.mkdir(parents=True, exist_ok=True)
        probe = self.folder / f".{secrets.token_hex(8)}"
        probe.touch(exist_ok=False)
        time = probe.stat().st_mtime
        probe.unlink()
        return time

    def _touch(self, file: int, ended: threading.Event) -> None:
        while not ended.wait(self.stale / BEATS):
            with contextlib.suppress(OSError):  # a network may fail for a moment
                os.utime(file)

    def _take(self, path: Path) -> tuple[int, str] | None:
        """The open claim file and its token, or None."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            return self._make(path)
        token = self._token(path)
        return self._take_over(path, token) if token is not None and self._is_stale(path) else None

    def _make(self, path: Path) -> tuple[int, str]:
        token = secrets.token_hex(8)
        file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
        os.write(
            file, json.dumps({"token": token, "place": place(), "process": os.getpid()}).encode()
        )
        return file, token

    def _take_over(self, path: Path, token: str) -> tuple[int, str] | None:
        """Replace the claim of this token. Of several workers one may: who first makes the file named after the token."""
        right = path.with_name(f".{path.name}.{token}")
        try:
            os.close(os.open(right, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        except FileExistsError:
            if self._is_stale(right):  # whoever made it ended before the replacement
                right.unlink(missing_ok=True)
            return None
        try:
            if self._token(path) != token:
                return None
            temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
            claim = self._make(temporary)
            temporary.replace(path)
            return claim
        finally:
            right.unlink(missing_ok=True)

    def _token(self, path: Path) -> str | None:
        """What tells a claim from an earlier or later one of the same name; None if there is none."""
        try:
            return self._read(path).get("token") or f"empty-{path.stat().st_ino}"
        except FileNotFoundError:
            return None

    def _read(self, path: Path) -> dict:
        """What a claim says: nothing, if its process ended between making and writing it."""
        try:
            found = json.loads(path.read_bytes())
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def _is_stale(self, path: Path) -> bool:
        try:
            found, touched = self._read(path), path.stat().st_mtime
        except FileNotFoundError:
            return False
        return (
            found.get("place") == place() and _ended(found.get("process"))
        ) or self.now() - touched > self.stale

    def sweep(self) -> None:
        """Remove stale claims and what was left by workers that were killed."""
        for path in list(self.folder.iterdir()) if self.folder.exists() else ():
            if self._is_stale(path):
                path.unlink(missing_ok=True)


def _ended(process: object) -> bool:
    """Whether the process of this number on this machine is known to be gone."""
    if not isinstance(process, int) or process <= 0:
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False
