"""Keep the records of many runs in one file, one JSON line per run.

Committed records are kept this way, as ``records.jsonl`` beside ``plan.json``, sorted by run.
A line is what a record file holds, after the run's file name:
``{"run":"tada-5-s03-1a2b3c4d.json","config":...,"seed":...,"metrics":...,"provenance":...,...}``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from figures.records.files import atomic_write

FILE = "records.jsonl"
RUN = re.compile(rb'\s*\{\s*"run"\s*:\s*("(?:[^"\\]|\\.)*")')  # the beginning of a line


def read_lines(folder: Path) -> Mapping[str, bytes]:
    """Return {run: its line, not parsed} from the folder's ``records.jsonl``; {} without one.

    The file is read once per process, and again only after it has changed. A line whose beginning
    is damaged is left out. Of a run with two different lines the last counts.
    """
    path = folder / FILE
    try:
        state = path.stat()
    except FileNotFoundError:
        return {}
    return _split(path, state.st_mtime_ns, state.st_size, state.st_ino)


@lru_cache(maxsize=64)
def _split(path: Path, *state: int) -> dict[str, bytes]:
    """Read the file and split it into lines; ``state`` tells apart the versions of the file."""
    found = ((RUN.match(line), line) for line in path.read_bytes().split(b"\n"))
    return {json.loads(start[1]): line for start, line in found if start}


def write_lines(folder: Path, lines: Mapping[str, bytes]) -> None:
    """Write the folder's ``records.jsonl`` in one step, sorted by run."""
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_write(folder / FILE) as temporary:
        temporary.write_bytes(b"".join(lines[run].strip() + b"\n" for run in sorted(lines)))
