"""Tell which of several processes, also on several machines, works at a task of a shared folder.

A lease is a file created with O_EXCL and touched while the work lasts. A lease that was not touched
for ``stale`` seconds, or whose process is known to have ended, is taken over. Ages are differences
between file times, so that the clocks of the machines need not agree. Leases save double work and
nothing else: if a worker that seemed dead continues after all, two workers compute the same result.
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

from figures.records import atomic_write

STALE = 120.0  # seconds after which an untouched lease is taken over
TOUCHES = 8  # touches of a lease within that time
TRANSIENT = (errno.ESTALE, errno.EIO, errno.ETIMEDOUT)  # of a network file system, for a moment


@cache
def place() -> str:
    """Return where a process number is unique: host, boot and, in a container, PID namespace.

    The host comes first, and a space follows it if boot and namespace are known.
    """
    parts = [socket.gethostname()]
    with contextlib.suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        parts += [boot, os.readlink("/proc/self/ns/pid")]
    return " ".join(parts)


class Leases:
    """The leases in ``folder``, which is created if missing. stale: seconds, above 0.

    Raises ValueError for another ``stale``.
    """

    def __init__(self, folder: Path, stale: float = STALE) -> None:
        if not stale > 0:
            raise ValueError(
                f"stale is {stale}; allowed: above 0 seconds; give more than the longest pause of "
                "a worker"
            )
        self.folder = folder
        self.stale = stale

    @contextlib.contextmanager
    def held(self, task: str) -> Iterator[bool]:
        """Hold the lease of ``task`` while the block runs; do not wait for it.

        Yields True if this process holds the lease, False if another one does. task: a file name.
        """
        path = self.folder / task
        if (lease := self._acquire(path)) is None:
            yield False
            return
        file, token = lease
        ended = threading.Event()
        toucher = threading.Thread(target=self._touch, args=(file, ended), daemon=True)
        toucher.start()
        try:
            yield True
        finally:
            ended.set()
            toucher.join()
            os.close(file)
            if self._token(path) == token:  # not taken over meanwhile
                path.unlink(missing_ok=True)

    def holder(self, task: str) -> dict | None:
        """Return the content of a task's lease: ``token``, ``place`` and ``process``.

        An empty dict if the lease cannot be read at the moment. None if nobody holds it, or the
        holder is known to have ended.
        """
        path = self.folder / task
        try:
            return None if self._is_stale(path) else self._read(path)
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno in TRANSIENT:
                return {}
            raise

    def now(self) -> float:
        """Return the current time of the file system, in seconds."""
        self.folder.mkdir(parents=True, exist_ok=True)
        probe = self.folder / f".{secrets.token_hex(8)}"
        probe.touch(exist_ok=False)
        time = probe.stat().st_mtime
        probe.unlink()
        return time

    def sweep(self) -> None:
        """Remove stale leases and the temporary files of workers that were killed."""
        for path in list(self.folder.iterdir()) if self.folder.exists() else ():
            if self._is_stale(path):
                path.unlink(missing_ok=True)

    def _touch(self, file: int, ended: threading.Event) -> None:
        """Touch the open file several times in ``stale`` seconds until ``ended`` is set."""
        while not ended.wait(self.stale / TOUCHES):
            with contextlib.suppress(OSError):  # a network may fail for a moment
                os.utime(file)

    def _acquire(self, path: Path) -> tuple[int, str] | None:
        """Return the open lease file and its token; None if another worker holds the lease."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            return self._create(path)
        token = self._token(path)
        return self._take_over(path, token) if token is not None and self._is_stale(path) else None

    def _create(self, path: Path) -> tuple[int, str]:
        """Create a lease file; return it open, and its token. Raises FileExistsError."""
        token = secrets.token_hex(8)
        body = {"token": token, "place": place(), "process": os.getpid()}
        file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
        os.write(file, json.dumps(body).encode())
        return file, token

    def _take_over(self, path: Path, token: str) -> tuple[int, str] | None:
        """Take over the stale lease ``token``; None if another worker does so.

        Of several workers only the first to create the file named after the token succeeds.
        """
        right = path.with_name(f".{path.name}.{token}")
        try:
            os.close(os.open(right, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        except FileExistsError:
            if self._is_stale(right):  # its creator ended before it replaced the lease
                right.unlink(missing_ok=True)
            return None
        try:
            if self._token(path) != token:
                return None
            with atomic_write(path) as temporary:
                return self._create(temporary)
        finally:
            right.unlink(missing_ok=True)

    def _token(self, path: Path) -> str | None:
        """Return the token, which differs between leases of the same name. None without a lease."""
        try:
            return self._read(path).get("token") or f"empty-{path.stat().st_ino}"
        except FileNotFoundError:
            return None

    def _read(self, path: Path) -> dict:
        """Return the content of a lease; empty if its process ended before it was written."""
        try:
            found = json.loads(path.read_bytes())
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def _is_stale(self, path: Path) -> bool:
        """Return whether a lease may be taken over. False if there is none."""
        try:
            found = self._read(path)
            touched = path.stat().st_mtime
        except FileNotFoundError:
            return False
        if found.get("place") == place() and _has_ended(found.get("process")):
            return True
        return self.now() - touched > self.stale


def _has_ended(process: object) -> bool:
    """Return whether the process of this number on this machine is known to have ended."""
    if not isinstance(process, int) or process <= 0:
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False
