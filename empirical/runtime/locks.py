"""Let one process of a machine at a time make a file or a folder."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def locked(
    path: Path, waiting: str | None = None, wait: bool = True, keep: bool = True
) -> Iterator[None]:
    """Hold the lock of ``path``, a file ``.NAME.lock`` beside it, while the block runs.

    A second process or thread waits until the first has ended its block, and should then look
    whether the result is there. The system releases the lock when a process ends, however it ends.
    Several machines that share a folder need ``leases`` instead: a lock holds on one machine.

    path: what is made; its folder is created if missing. waiting: a line printed on standard error
    if another holds the lock. wait: if False, raise BlockingIOError instead of waiting. keep: leave
    the lock file behind; False only together with ``wait=False``, as a waiting process may hold it.
    Raises OSError if the lock file cannot be written.
    """
    from filelock import FileLock, Timeout

    file = path.with_name(f".{path.name}.lock")
    lock = FileLock(file)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        if not wait:
            raise BlockingIOError(f"{path} is being made by another process") from None
        if waiting is not None:
            print(waiting, file=sys.stderr, flush=True)
        lock.acquire()
    try:
        yield
    finally:
        if not keep:
            file.unlink(missing_ok=True)
        lock.release()
