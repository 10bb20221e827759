"""Test the page that shows all figures and tables."""

import re
from html.parser import HTMLParser
from types import SimpleNamespace

import pytest

from figures.draw import claims_of
from figures.report.gallery import as_html, plain, verdicts_by_claim, write_gallery

CASES = [
    {"id": "E3", "verdict": "holds", "decides": True},
    {"id": "E3", "verdict": "fails", "decides": True},
    {"id": "E3", "verdict": "holds", "decides": False},
    {"id": "T3a", "verdict": "holds"},
]
TABLE = "**A title**\n\n| a | b |\n| --- | ---: |\n| `x` | < 3<br>4 |\n\nA note.\n"


class Balanced(HTMLParser):
    """Check that tags are closed in order, and keep the links and pictures."""

    VOID = ("meta", "img", "br")

    def __init__(self):
        super().__init__()
        self.open, self.ids, self.targets, self.pictures = [], [], [], []

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.ids += [found["id"]] if "id" in found else []
        self.targets += [found["href"]] if tag == "a" else []
        self.pictures += [found["src"]] if tag == "img" else []
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        while self.open[-1] != tag:
            assert self.open.pop() == "p"  # which may stay open
        self.open.pop()


def test_every_drawing_has_its_picture_caption_claims_and_command(tmp_path):
    for file in ("ideal.png", "contrasts.md"):
        (tmp_path / file).write_text(TABLE)
    origins = {"ideal": "empirical/ideal 96 committed"}
    names = ["ideal", "bridge", "contrasts"]
    path = write_gallery(tmp_path, names, origins, CASES)
    text = path.read_text()
    page = Balanced()
    page.feed(text)
    assert page.open == []
    assert page.ids == ["ideal", "contrasts"]  # what was not drawn is left out
    assert page.pictures == ["ideal.png"]
    assert {"#ideal", "#contrasts", "ideal.pdf"} == set(page.targets)
    for said in ("96 committed", "python -m figures draw ideal", "E3: holds in 1 of 2 cases"):
        assert said in text
    assert "&lt; 3<br>4</td>" in text
    assert not re.search(r"https?://", text)  # works offline
    assert [file.name for file in tmp_path.iterdir() if file.name.startswith(".")] == []


def test_verdicts_count_the_cases_that_decide():
    assert verdicts_by_claim(CASES) == {
        "E3": "holds in 1 of 2 cases",
        "T3": "holds in 1 of 1 cases",
    }


@pytest.mark.parametrize(
    ("latex", "text"),
    [
        (r"keeps ($\kappa$), size $s$", "keeps (κ), size s"),
        (r"$k_\mathrm{eff}$ of $\varphi$", "k_eff of φ"),
        ("plain~text", "plain text"),
    ],
)
def test_captions_lose_their_marks(latex, text):
    assert plain(latex) == text


def test_markdown_tables_become_html():
    found = re.sub(r"\s*\n\s*", "", as_html(TABLE))
    assert "<strong>A title</strong>" in found
    assert found.count("<tr>") == 2
    assert "<th>a</th>" in found
    assert "<td><code>x</code></td>" in found
    assert "&lt; 3<br>4</td>" in found
    assert found.endswith("<p>A note.</p>")


def test_claims_are_read_off_the_first_line():
    def drawer(line):
        return SimpleNamespace(__doc__=f"{line}\n\nNot E9.")

    assert claims_of(drawer("Draw it (T3, E1-E3).")) == ["T3", "E1", "E2", "E3"]
    assert claims_of(drawer("Draw examples.")) == []
