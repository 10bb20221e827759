"""Dispatch ``python -m empirical COMMAND`` to ``empirical/commands/COMMAND.py``."""

from __future__ import annotations

import sys

from empirical.commands import COMMANDS
from figures.records import run_command

USAGE = """Run the experiments on images.

list, run and benchmark show and compute the named experiments. train computes one run of your own.

data and select examine a data set. diffusion, strength and store manage generators and variants.

augment applies the method to a folder of your own images. doctor examines this machine."""


def main(prog: str = "python -m empirical") -> int:
    """Run the command that ``sys.argv`` names; return its exit code."""
    return run_command(COMMANDS, prog, USAGE)


if __name__ == "__main__":
    sys.exit(main())
