"""Simulate the theory: ``python -m theory list | run NAME ... | simulate | claims | explore``."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from figures.records import ONE_THREAD, run_command
from theory import commands

COMMANDS: dict[str, Callable[..., int]] = {
    "list": commands.list_,
    "run": commands.run,
    "simulate": commands.simulate,
    "claims": commands.claims,
    "explore": commands.explore,
}


def main(prog: str = "python -m theory") -> int:
    """Run the command that ``sys.argv`` names; return its exit code."""
    os.environ.update(ONE_THREAD)  # before numpy is loaded
    return run_command(COMMANDS, prog, __doc__ or "")


if __name__ == "__main__":
    sys.exit(main())
