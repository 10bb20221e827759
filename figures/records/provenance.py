"""Where a record comes from: commit, versions, device and command line."""

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
    """Where a record comes from: commit, whether the tree differs from it, versions of ``packages``, device and command line."""

    def git(*words: str) -> str:
        try:
            return subprocess.run(
                ("git", "-C", str(ROOT), *words), capture_output=True, text=True, check=True
            ).stdout.strip()
        except (OSError, subprocess.CalledProcessError):
            return ""

    program = Path(sys.argv[0])
    module = program.parent.name if program.name == "__main__.py" else program.name
    return {
        "commit": git("rev-parse", "HEAD") or None,
        "dirty": bool(git("status", "--porcelain", "--untracked-files=no")),
        "versions": {
            "python": platform.python_version(),
            **{name: metadata.version(name) for name in packages},
        },
        "device": f"{platform.machine()} {platform.system()}, {os.cpu_count()} cores",
        "command": " ".join(["python -m", module, *map(_portable, sys.argv[1:])]),
    }


def _portable(word: str) -> str:
    """A word of the command line without the place of this machine that it names: of an absolute path the last part, ``.../data``."""
    option, equals, value = word.rpartition("=")
    return f"{option}{equals}.../{Path(value).name}" if Path(value).is_absolute() else word
