"""By what a change of a source's files is noticed: quickly by their sizes and times, surely by their content."""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor

from empirical.data.sources.source import Source
from figures.records import default_workers, digest


def stat_fingerprint(source: Source) -> str:
    """Digest of the paths, sizes and times of the files, and of where they are."""
    state = hashlib.sha256(
        f"{source.layout}\0{source.where.resolve()}\n".encode(errors="surrogateescape")
    )
    for name in source.files:
        try:
            s = os.stat(source.where / name)
            seen = f"{s.st_size} {s.st_mtime_ns} {s.st_ctime_ns} {s.st_ino}"  # ctime: a tool may set the other time back
        except OSError:
            seen = "unreadable"
        state.update(f"{name}\0{seen}\n".encode(errors="surrogateescape"))
    return state.hexdigest()


def content_fingerprint(source: Source) -> str:
    """Digest of the relative paths and the content of the files."""

    def one(name: str) -> str:
        try:
            with (source.where / name).open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError:
            return "unreadable"

    with ThreadPoolExecutor(default_workers()) as pool:
        return digest(
            list(zip(source.files, pool.map(one, source.files, chunksize=256), strict=True))
        )
