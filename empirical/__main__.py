"""Dispatch ``python -m empirical COMMAND`` to ``empirical/commands/COMMAND.py``."""

from __future__ import annotations

import sys

from empirical.commands import COMMANDS
from figures.records import run_command

USAGE = """Run the experiments on images.

list, run and benchmark name and compute experiments; train is one run of one's own; data and select
look at a data set; diffusion, strength and store look after generators and their variants; augment
applies the method to a folder of one's own images."""

if __name__ == "__main__":
    sys.exit(run_command(COMMANDS, "python -m empirical", USAGE))
