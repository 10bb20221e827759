"""Run the example: a training script, and the same with five more lines."""

import difflib
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from image_files import save

from empirical.config import Generator
from empirical.own_images import api

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"


def code(name):
    """Return the lines of an example after its docstring, without blank ones."""
    text = (EXAMPLES / name).read_text().split('"""\n', 1)[1]
    return [line for line in text.splitlines() if line.strip()]


def test_the_example_adds_five_lines_at_most_to_plain_training():
    changes = difflib.ndiff(code("own_training.py"), code("own_dataset.py"))
    changed = [line for line in changes if line[0] in "+-"]
    assert all(line.startswith("+") for line in changed)
    assert 0 < len(changed) <= 5


@pytest.mark.slow
def test_the_example_trains_on_more_images_once_some_are_known_as_slow(
    tmp_path, monkeypatch, capsys
):
    rng = np.random.default_rng(0)
    for part, count in (("train", 40), ("val", 6)):
        for number in range(count):
            image = rng.integers(0, 200, (8, 8, 3), np.uint8)
            image[:, :, number % 2] //= 1 + 3 * (number % 3 > 0)
            save(tmp_path / part / ("red", "green")[number % 2] / f"{number}.png", image)
    small = Generator(channels=(8,), steps=2, batch=4)
    monkeypatch.setattr(api, "default_generator", lambda device: small)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(sys, "argv", ["own_dataset.py", str(tmp_path), "5"])
    runpy.run_path(str(EXAMPLES / "own_dataset.py"))
    lines = capsys.readouterr().out.splitlines()
    seen = [int(line.split(": ")[1].split()[0]) for line in lines]
    assert seen[:4] == [40] * 4
    assert 40 < seen[4] <= 80
