"""Run the examples, with fewer steps than they take."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


def run(path, *words):
    """Run a script; return what it prints."""
    command = [sys.executable, str(path), *map(str, words)]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    return found.stdout


@pytest.mark.slow
def test_minimal_selects_generates_and_trains(tmp_path):
    source = (EXAMPLES / "minimal.py").read_text()
    for long, short in (("range(800)", "range(2)"), ("set_timesteps(50)", "set_timesteps(4)")):
        assert source.count(long) == 1
        source = source.replace(long, short)
    source = source.replace("50 * (1 - STRENGTH)", "4 * (1 - STRENGTH)").replace(", 40)", ", 2)")
    short = tmp_path / "minimal.py"
    short.write_text(source)
    first, *rows = run(short).splitlines()
    assert "of 400 images are slow" in first
    assert [row.split()[0] for row in rows] == ["Original", "USEFUL", "TADA"]
    assert all(0 < float(row.split()[-1].rstrip("%")) < 100 for row in rows)
