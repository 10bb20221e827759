"""Tests of the README: its commands and examples run, and its numbers are those of the records.

Commands that compute get an output folder that holds the committed records. They then have nothing
left to compute, which also shows that the committed records are those that the code asks for.
"""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from empirical.commands import COMMANDS as COMMANDS_ON_IMAGES
from figures.draw import Drawing, is_figure
from figures.records import COMMITTED
from figures.tables.readme import render_readme

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", TEXT, re.DOTALL)
COMMANDS = [
    line.split("#")[0].strip()
    for kind, text in BLOCKS
    if kind == "sh"
    for line in text.splitlines()
    if line.strip()
]
OPENING = "python -m theory explore"  # opens a browser; tested in test_theory_explore_page.py


# What can be drawn from the committed records; the others wait for theirs.
DRAWABLE = Drawing(ROOT, (COMMITTED,)).names


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    folder = tmp_path_factory.mktemp("output")
    shutil.copytree(ROOT / "paper/results", folder / "records")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    "command", [c for c in COMMANDS if c.startswith("python -m ") and c != OPENING]
)
def test_every_command_runs(command, out):
    words = shlex.split(command)[1:]
    if words[2:3] and words[2] in ("run", "draw", "compare", "train", "claims"):
        words += ["--out", str(out)]
    if words[1:] == ["figures"]:
        words += ["--out", str(out)]
    done = subprocess.run(
        [sys.executable, *words], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    if words[1] == "figures" and words[2] == "--out":
        drawn = {path.stem for path in (out / "figures").glob("*.pdf")}
        assert drawn == {name for name in DRAWABLE if is_figure(name)}
    if words[2] == "run":
        assert re.search(r", 0 to compute|: 0 of \d+ records to compute", done.stdout), done.stdout
    if words[2] == "compare":
        assert "different" not in done.stdout


def test_the_command_that_opens_a_browser_is_in_the_readme():
    assert OPENING in COMMANDS


def test_the_other_commands_are_the_makefiles():
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    others = [c for c in COMMANDS if not c.startswith("python -m ")]
    assert [c.split()[1] for c in others] == ["reproduce", "test"]
    assert {"reproduce", "test", "help"} <= set(targets)
    said = subprocess.run(
        ["make", "help"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    ).stdout
    assert all(f"make {target}" in said for target in targets if target != "help")


def test_it_is_short_and_its_first_command_comes_soon():
    lines = TEXT.splitlines()
    assert len(lines) <= 150
    assert [line for line in lines if len(line) > 100 and not line.startswith("|")] == []
    before = TEXT.partition("```")[0]
    assert len(before.split()) < 250


def test_commands_by_the_short_name_exist():
    text = "\n".join(body for kind, body in BLOCKS if kind == "text")
    named = re.findall(r"^tada (\w+)", text, re.MULTILINE)
    assert named
    assert set(named) <= set(COMMANDS_ON_IMAGES)


@pytest.mark.slow
def test_numbers_come_from_the_records():
    assert render_readme() == TEXT, "run: python -m figures readme"
    assert len(re.findall(r"^\| .*\([TE]\d", TEXT, re.MULTILINE)) == 12


@pytest.mark.slow
def test_the_picture_is_drawn_from_the_records(tmp_path):
    Drawing(tmp_path, (COMMITTED,))("ideal")
    drawn, kept = (
        np.asarray(Image.open(path).convert("RGB"), float)
        for path in (tmp_path / "ideal.png", ROOT / "docs" / "ideal.png")
    )
    assert drawn.shape == kept.shape, "run: python -m figures readme"
    assert np.abs(drawn - kept).mean() < 0.5, "run: python -m figures readme"  # fonts may differ
    assert "(docs/ideal.png)" in TEXT
