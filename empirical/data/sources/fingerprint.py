"""Notice a change of a source's files: quickly by sizes and times, surely by content."""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor

from empirical.data.sources.source import Source
from empirical.data.sources.tree import is_regular
from figures.records import default_workers, digest


def stat_fingerprint(source: Source) -> str:
    """Return a digest of the files' place, paths, sizes and times; no file is read."""
    head = f"{source.layout}\0{source.where.resolve()}\n"
    state = hashlib.sha256(head.encode(errors="surrogateescape"))
    for name in source.files:
        try:
            s = os.stat(source.where / name)
            # ctime too, since a tool may set the other time back
            seen = f"{s.st_size} {s.st_mtime_ns} {s.st_ctime_ns} {s.st_ino}"
        except OSError:
            seen = "unreadable"
        state.update(f"{name}\0{seen}\n".encode(errors="surrogateescape"))
    return state.hexdigest()


def content_fingerprint(source: Source) -> str:
    """Return a digest of the files' relative paths and of every byte in them."""

    def file_digest(name: str) -> str:
        try:
            if not is_regular(source.where / name):  # reading a pipe would wait for ever
                return "special"
            with (source.where / name).open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError:
            return "unreadable"

    with ThreadPoolExecutor(default_workers()) as pool:
        digests = pool.map(file_digest, source.files, chunksize=256)
        return digest(list(zip(source.files, digests, strict=True)))
