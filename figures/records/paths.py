"""Name the folders of records: ``paper/results`` and ``output/records``."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]  # of the repository
COMMITTED = ROOT / "paper" / "results"  # records of finished experiments, in git
OUTPUT = ROOT / "output"  # results of this machine, ignored by git
FRESH = OUTPUT / "records"  # records of this machine
