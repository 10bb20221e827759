"""Tests of the pages for readers: files and rooms that they name exist, and are where they say."""

import re

import pytest
from rooms import FLOOR, ROOT

PAGES = ("README.md", "CONTRIBUTING.md", "docs/how-it-works.md")
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
    assert len(paths) > 3
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
