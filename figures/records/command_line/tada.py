"""Dispatch ``tada``, the one name of all commands: ``tada theory ...``, ``tada augment ...``.

``tada theory`` and ``tada figures`` are ``python -m theory`` and ``python -m figures``; any other
command, such as ``tada augment``, is one of ``python -m empirical``.
"""

from __future__ import annotations

import sys
from importlib import import_module

OTHERS = ("theory", "figures")  # packages whose commands have the package's name before them
HELP = """usage: tada COMMAND ...

The companion of the paper "Do We Need All the Synthetic Data? Targeted Image
Augmentation via Diffusion Models". Give diffusion-made variants only to the
images that a network has not learned early on.

first steps
  tada doctor               what this machine has, and what is missing
  tada run smoke            does everything work here? a minute
your own images
  tada augment FOLDER --out NEW
                            write a folder in which slow images have variants
figures and claims of the paper
  tada figures              redraw all figures and tables from the records
  tada figures claims       every verdict
  tada theory claims        the theory's claims, computed anew
  tada theory explore       the dynamics by hand, in a browser
the paper's experiments on images
  tada list                 the experiments and what they cost
  tada benchmark NAME ...   compute them; interrupt it and go on at any time
  tada train                one run of your own
  tada data | select | diffusion | strength | store    the stages, one by one

tada COMMAND --help says more about each, tada theory --help and tada figures
--help list those of theory and figures."""


def main() -> int:
    """Run the command that ``sys.argv`` names; return its exit code."""
    words = sys.argv[1:]
    if not words or words[0] in ("-h", "--help"):
        print(HELP)
        return 0 if words else 2
    if words[0] in OTHERS:
        del sys.argv[1]
        return import_module(f"{words[0]}.__main__").main(f"tada {words[0]}")
    return import_module("empirical.__main__").main("tada")
