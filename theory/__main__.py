"""Simulate the theory: ``python -m theory list | run NAME ... | simulate | claims | explore``."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from figures.records import ONE_THREAD, run_command
from theory import commands

if __name__ == "__main__":
    os.environ.update(ONE_THREAD)  # before numpy is loaded
    chosen: dict[str, Callable[..., int]] = {
        "list": commands.list_,
        "run": commands.run,
        "simulate": commands.simulate,
        "claims": commands.claims,
        "explore": commands.explore,
    }
    sys.exit(run_command(chosen, "python -m theory", __doc__))
