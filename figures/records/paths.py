"""Where records lie: committed ones in ``paper/results``, fresh ones in ``output/records``."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


COMMITTED = ROOT / "paper" / "results"  # small records of finished runs, in git


OUTPUT = ROOT / "output"  # what this machine makes, ignored by git


FRESH = OUTPUT / "records"
