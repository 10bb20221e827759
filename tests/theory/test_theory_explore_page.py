"""Test the explorer's file: what is in it, its tables, and the command that writes it."""

import re
import subprocess
import sys
import webbrowser
from pathlib import Path

import numpy as np
import pytest
from scipy.special import erfc

from figures.labels import FAST, SLOW
from theory import commands
from theory.explore.page import HERE, page
from theory.explore.presets import PRESETS
from theory.explore.tables import erfc_series, ziggurats
from theory.measures import CURVES

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def html():
    return page()


def test_the_page_is_one_small_file_that_fetches_nothing(html):
    assert len(html.encode()) < 300_000
    assert not re.search(r"(https?:)?//(?!www\.w3\.org/2000/svg)[\w-]+\.\w", html)
    assert not re.search(r"\b(fetch|XMLHttpRequest|WebSocket|importScripts|sendBeacon)\b", html)
    assert not re.search(r"<(link|script|img|iframe)[^>]+(src|href)=\"(?!data:)", html)
    assert "default-src 'none'" in html
    assert not re.search(r"/\*(STYLE|PAGE|ENGINE|WORKER|SCRIPTS)\*/", html)


def test_every_script_is_in_the_page(html):
    for path in (*HERE.glob("engine/*.js"), *HERE.glob("page/*.js")):
        assert path.read_text() in html, path.name
        assert "</script" not in path.read_text()


def test_colours_of_features_are_those_of_the_figures_and_every_curve_is_drawn(html):
    light = re.search(r"const LIGHT = {(.*?)};", html, re.DOTALL).group(1).lower()
    assert f'fast: "{FAST.lower()}"' in light
    assert f'slow: "{SLOW.lower()}"' in light
    panels = re.search(r"const PANELS = \[(.*?)\n\];", html, re.DOTALL).group(1)
    assert set(re.findall(r'\["(\w+)", "(?:slow|fast|all)"\]', panels)) == set(CURVES)
    assert re.search(r"const LEARNED = 0\.5;", html)


def contrast(one, other):
    """Return the contrast of two colours #rrggbb, as the WCAG defines it."""

    def luminance(colour):
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("name", ["LIGHT", "DARK"])
def test_text_and_lines_stand_out(html, name):
    block = re.search(rf"const {name} = {{(.*?)}};", html, re.DOTALL).group(1)
    colours = dict(re.findall(r'(\w+): "(#[0-9a-f]{6})"', block))
    for text in ("ink", "grey", "a", "b"):
        assert contrast(colours[text], colours["back"]) >= 4.5, text
    for line in ("ghost", "fast", "slow", "noise"):
        assert contrast(colours[line], colours["back"]) >= 3, line


def test_style_sheets_stand_out_in_both_schemes(html):
    schemes = re.findall(r":root {([^}]*)}", html)
    assert len(schemes) == 2
    for scheme in schemes:
        colours = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", scheme))
        for back in ("back", "card"):
            for text in ("ink", "grey", "link", "a", "b"):
                assert contrast(colours[text], colours[back]) >= 4.5, (text, back)
        assert contrast(colours["ink"], colours["mark"]) >= 4.5
        assert contrast(colours["edge"], colours["back"]) >= 3


def test_the_series_for_erfc_is_exact_to_13_digits():
    z = np.linspace(0, 26, 3001)
    t = 2 / (2 + z)
    series = np.polynomial.chebyshev.chebval(2 * t - 1, erfc_series())
    assert t * np.exp(-z * z + series) == pytest.approx(erfc(z), rel=2e-13, abs=1e-300)


def test_tables_of_the_ziggurats_cover_their_densities():
    """The widths are those of strips of equal area under exp(-x²/2) and exp(-x)."""
    found = ziggurats()
    for name, bits, log_density in (
        ("normal", 52, lambda x: -x * x / 2),
        ("exponential", 53, lambda x: -x),
    ):
        table = found[name]
        x = np.array(table["wi"]) * 2.0**bits
        assert x[255] == pytest.approx(table["r"], rel=1e-14)
        assert table["fi"] == pytest.approx([1.0, *np.exp(log_density(x[1:]))], rel=1e-14)
        ratios = np.array(table["ki"])[2:] / 2.0**bits
        assert ratios == pytest.approx(x[1:-1] / x[2:], rel=1e-12)
        areas = x[2:] * (np.exp(log_density(x[1:-1])) - np.exp(log_density(x[2:])))
        assert areas == pytest.approx(np.full(254, x[0] * np.exp(log_density(x[255]))), rel=1e-9)


def test_the_command_writes_the_page_and_opens_it(tmp_path, monkeypatch, capsys, html):
    opened = []
    monkeypatch.setattr(webbrowser, "open", lambda address: not opened.append(address))
    out = tmp_path / "new folder" / "explorer.html"
    assert commands.explore(out) == 0
    assert out.read_text(encoding="utf-8") == html
    assert opened == [out.as_uri()]
    assert capsys.readouterr() == (f"explorer: {out}\n", "")
    assert commands.explore(out, preset="T3", browser=False) == 0
    assert len(opened) == 1
    assert '"first": "T3"' in out.read_text(encoding="utf-8")
    assert [path.name for path in out.parent.iterdir()] == ["explorer.html"]


def test_where_no_browser_opens_it_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(webbrowser, "open", lambda address: False)
    assert commands.explore(tmp_path / "page.html") == 0
    assert "open this file in one" in capsys.readouterr().err


def test_what_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    for out, preset, expected in (
        (tmp_path, "start", f"{tmp_path} is a folder; give the name of a file"),
        (tmp_path / "file" / "page.html", "start", "page.html cannot be written: "),
        (tmp_path / "page.html", "T99", f"no preset 'T99'; allowed: {', '.join(PRESETS)}"),
    ):
        with pytest.raises(ValueError, match=re.escape(expected)):
            commands.explore(out, preset, browser=False)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.slow
def test_the_command_line_tells_a_wrong_preset_in_one_line(tmp_path):
    words = ["explore", "--no-browser", "--preset", "X", "--out", str(tmp_path / "page.html")]
    done = subprocess.run(
        [sys.executable, "-m", "theory", *words], cwd=ROOT, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"error: no preset 'X'; allowed: {', '.join(PRESETS)}\n"
