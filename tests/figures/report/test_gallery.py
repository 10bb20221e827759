"""Test the page that shows all figures and tables."""

import re
from html.parser import HTMLParser

import pytest

from figures.report.gallery import plain, table_html, verdicts_by_claim, write_gallery

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
    assert "<td>&lt; 3<br>4</td>" in text
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
    found = table_html(TABLE)
    assert found == (
        "<h3>A title</h3><div class=table><table><tr><th>a</th><th>b</th></tr>"
        "<tr><td><code>x</code></td><td>&lt; 3<br>4</td></tr></table></div><p>A note.</p>"
    )
