"""Record where a result comes from: commit, versions, device and command line."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from figures.records.paths import ROOT


@cache
def provenance(*packages: str) -> dict[str, Any]:
    """Return {commit, dirty, versions, device, command} of this process.

    commit: of git, None outside a repository. dirty: whether tracked files differ from the commit.
    versions: of Python and of ``packages``. command: the command line without this machine's paths.
    """
    program = Path(sys.argv[0])
    module = program.parent.name if program.name == "__main__.py" else program.name
    return {
        "commit": _git("rev-parse", "HEAD") or None,
        "dirty": bool(_git("status", "--porcelain", "--untracked-files=no")),
        "versions": {
            "python": platform.python_version(),
            **{name: metadata.version(name) for name in packages},
        },
        "device": f"{platform.machine()} {platform.system()}, {os.cpu_count()} cores",
        "command": " ".join(["python -m", module, *map(_portable, sys.argv[1:])]),
    }


def _git(*words: str) -> str:
    """Return what a git command prints about this repository; empty if it fails."""
    command = ("git", "-C", str(ROOT), *words)
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def _portable(word: str) -> str:
    """Return a word of the command line; of an absolute path only the last part: ``.../data``."""
    option, equals, value = word.rpartition("=")
    return f"{option}{equals}.../{Path(value).name}" if Path(value).is_absolute() else word
