"""Tests of the pages for readers: files and rooms that they name exist, and are where they say."""

import re
import shlex
import shutil
import subprocess
import sys

import pytest
from rooms import FLOOR, ROOT

from empirical.commands import COMMANDS as EMPIRICAL
from figures.__main__ import COMMANDS as FIGURES
from figures.records.command_line.cli import parse
from theory.__main__ import COMMANDS as THEORY

DOCS = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").glob("*.md"))
PAGES = ("README.md", "CONTRIBUTING.md", *DOCS)
PACKAGES = {"empirical": EMPIRICAL, "figures": FIGURES, "theory": THEORY}
PARTS = ("theory", "empirical", "figures", "paper", "tests", "docs", ".github")
WALK = (ROOT / "docs/how-it-works.md").read_text()


def code_spans(text):
    """Return the texts in backticks, outside blocks of code."""
    return re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))


@pytest.mark.parametrize("page", PAGES)
def test_every_path_exists(page):
    spans = code_spans((ROOT / page).read_text())
    named = {span.partition(" ")[0] for span in spans}
    paths = {name for name in named if name.partition("/")[0] in PARTS and "..." not in name}
    assert not {name for name in paths if not (ROOT / name).exists()}


@pytest.mark.parametrize("page", PAGES)
def test_every_link_to_a_file_works(page):
    links = re.findall(r"\]\(([^)#:]+)\)", (ROOT / page).read_text())
    assert not [link for link in links if not (ROOT / page).parent.joinpath(link).exists()]


def test_the_walk_names_every_room_once():
    rooms = {room for room in FLOOR if (ROOT / room).is_dir()}
    named = re.findall(r"\*\*`([\w/]+)/`\*\*", WALK)
    assert sorted(named) == sorted(rooms)


def test_files_of_the_walk_are_in_the_room_that_was_named_last():
    for part in WALK.split("**`")[1:]:
        room = ROOT / part.partition("`")[0]
        for file in (span.split()[-1] for span in code_spans(part) if span.endswith(".py")):
            assert (room / file).is_file() or (ROOT / file).is_file(), f"{file} in {room}"


def blocks(page, kind):
    """Return the commands in the blocks of code of one kind, without comments."""
    text = (ROOT / page).read_text()
    found = re.findall(rf"```{kind}\n(.*?)```", text, re.DOTALL)
    lines = "\n".join(found).replace("\\\n", " ").splitlines()
    return [line.split(" #")[0].strip() for line in lines if line.startswith("python -m ")]


SHOWN = [(page, line) for page in DOCS for kind in ("sh", "text") for line in blocks(page, kind)]
RUN = [(page, line) for page in DOCS for line in blocks(page, "sh")]
PYTHON = [
    (page, text)
    for page in DOCS
    for text in re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
]


@pytest.mark.parametrize(("page", "line"), SHOWN)
def test_every_command_on_a_page_has_options_that_exist(page, line, monkeypatch):
    _, _, package, *words = shlex.split(line)
    if package == "figures" and not words:
        words = ["draw"]
    monkeypatch.setattr(sys, "argv", [package, *words])
    assert callable(parse(PACKAGES[package], f"python -m {package}", ""))


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    """Return an output folder with the committed records, so that there is little to compute."""
    folder = tmp_path_factory.mktemp("output")
    shutil.copytree(ROOT / "paper/results", folder / "records")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(("page", "line"), RUN)
def test_every_command_in_a_block_of_the_shell_runs(page, line, out):
    words = shlex.split(line)[1:]
    if "list" not in words and "simulate" not in words:
        words += ["--out", str(out)]
    done = subprocess.run(
        [sys.executable, *words], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


@pytest.mark.slow
@pytest.mark.parametrize(("page", "text"), PYTHON)
def test_every_example_on_a_page_runs(page, text, tmp_path):
    command = [sys.executable, "-c", text]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
