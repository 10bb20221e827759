"""Test the explorer in a real browser: a reader's actions, and what the page then shows."""

import csv
import io
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync"
)
QUICK = "steps=200&eta=1&n=40&d=200"  # milliseconds a run
LAPTOP, PHONE = (1366, 768), (390, 844)


@pytest.fixture(scope="module")
def address():
    """Start a server for this module and yield its address; it is killed at the end in any case."""
    pytest.importorskip("marimo", reason="the explorer's packages are not installed: make setup")
    command = [sys.executable, "-m", "theory", "explore", "--no-browser"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        try:
            yield re.search(r"http://\S+/", server.stdout.readline()).group()
        finally:
            server.kill()


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed: make setup"
    )
    if not CHROMIUM:
        pytest.skip(
            f"no browser here: none of {', '.join(NAMES)} is installed "
            "(Debian, Ubuntu: apt install chromium)"
        )
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS.split())
        yield chromium.new_context(permissions=["clipboard-read", "clipboard-write"])
        chromium.close()


class Page:
    """The page as a reader sees it.

    ``open`` it, ``do`` something that asks for a new picture, read what it shows.
    """

    def __init__(self, tab, address):
        self.tab, self.address, self.complaints = tab, address, []
        tab.set_default_timeout(30_000)  # a busy machine is slow; a healthy one answers at once
        tab.on(
            "console",
            lambda message: (
                self.complaints.append(message.text) if message.type == "error" else None
            ),
        )
        tab.on("pageerror", lambda error: self.complaints.append(str(error)))
        tab.on(
            "request",
            lambda request: (
                self.complaints.append(request.url) if not self.local(request.url) else None
            ),
        )

    def local(self, url):
        return url.startswith((self.address, self.address.replace("http", "ws"), "data:", "blob:"))

    def open(self, query="", size=LAPTOP):
        self.tab.set_viewport_size({"width": size[0], "height": size[1]})
        self.tab.goto(f"{self.address}?{query}")
        self.tab.wait_for_selector(".tada[data-number] .figure .now circle", state="attached")
        return self

    def do(self, act):
        number = self.tab.locator(".tada").get_attribute("data-number")
        act()
        self.tab.wait_for_selector(f'.tada:not([data-number="{number}"]):not(.asking)')

    def type(self, key, value):
        self.do(lambda: self.tab.fill(f'input[data-key="{key}"]', str(value)))

    def click(self, selector):
        self.tab.click(selector)

    def text(self, selector):
        return self.tab.locator(selector).text_content()

    def number(self, row, side):
        cell = self.tab.locator(f'tr[data-row="{row}"] td[data-side="{side}"]').first.inner_text()
        return None if cell == "–" else float(cell.replace("−", "-"))

    def legend(self, curve, side):
        """Return the value beside the curve's name, at the step shown."""
        return float(
            self.tab.locator(f'.value[data-curve="{curve}"][data-side="{side}"]')
            .text_content()
            .replace("−", "-")
        )

    def curve(self, curve, side):
        return self.tab.locator(
            f'.sofar path[data-curve="{curve}"][data-side="{side}"]'
        ).get_attribute("d")

    def reach(self):
        """Return how far to the right the full colours reach in the first panel."""
        return float(self.tab.locator("clipPath rect").first.get_attribute("width"))

    def step(self):
        return int(re.match(r"step (\d+)", self.text("output.step")).group(1))


@pytest.fixture
def page(browser, address):
    tab = browser.new_page()
    page = Page(tab, address)
    yield page
    tab.close()
    assert page.complaints == []


def test_a_larger_factor_learns_the_slow_feature_earlier_on_its_side(page):
    page.open()
    before, other, drawn = (
        page.number("slow feature", "b"),
        page.number("fast feature", "a"),
        page.curve("slow_alignment", "b"),
    )
    page.do(lambda: page.tab.fill('[data-slider="b.k"]', "600"))
    assert page.tab.input_value('[data-key="b.k"]') == "18"
    assert page.number("slow feature", "b") < before - 20
    assert page.number("fast feature", "a") == other
    assert page.curve("slow_alignment", "b") != drawn
    assert page.text("pre.commands").endswith("--method.name tada --method.k 18 --seed 1")


def test_a_dragged_slider_ends_at_its_last_place(page):
    page.open(QUICK)
    drag = """(e) => {
      for (let v = 0; v <= 1000; v += 20) {
        e.value = v;
        e.dispatchEvent(new Event('input', { bubbles: true }));
      }
    }"""
    page.do(lambda: page.tab.locator('[data-slider="alpha"]').evaluate(drag))
    page.tab.wait_for_function("location.search.includes('alpha=1.0')")
    page.tab.wait_for_selector(".tada:not(.asking)")
    assert page.number("examples trained on", "b") == 40  # no slow examples are left
    page.type("alpha", 0.5)
    assert page.number("examples trained on", "b") > 80


def test_play_pause_step_and_reset(page):
    page.open(QUICK)
    full = page.reach()
    assert page.step() == 200
    final = page.legend("fast_alignment", "a")
    page.click("button.reset")
    assert (page.step(), page.reach()) == (0, pytest.approx(1, abs=0.2))
    start = page.legend("fast_alignment", "a")
    assert start < final
    page.click("button.single")
    assert page.step() == 1
    page.click("button.single")
    assert page.step() == 2
    page.click("button.play")
    assert page.text("button.play") == "Pause"
    page.tab.wait_for_timeout(400)
    page.click("button.play")
    paused, reach = page.step(), page.reach()
    assert page.text("button.play") == "Play"
    assert 2 < paused < 200
    assert 1 < reach < full
    page.tab.wait_for_timeout(150)
    assert (page.step(), page.reach()) == (paused, reach)
    assert f"at={paused}" in page.tab.url
    page.tab.fill('[data-slider="at"]', "1000")
    assert (page.step(), page.reach()) == (200, full)
    assert page.legend("fast_alignment", "a") == final
    assert "at=" not in page.tab.url


def test_playing_ends_at_the_last_step(page):
    page.open(f"{QUICK}&at=190")
    page.click("button.play")
    page.tab.wait_for_selector("button.play:text-is('Play')", timeout=5000)
    assert page.step() == 200


def test_a_link_restores_everything(page):
    page.open(f"{QUICK}&preset=T3")
    page.type("alpha", 0.65)
    page.type("b.strength", 0.3)
    page.click("[data-view=log_values]")
    page.click("button.hide")
    page.tab.fill('[data-slider="at"]', "500")
    shown = page.text("table.numbers"), page.text("pre.python"), page.step(), page.text("p.look")
    page.click("button.link")
    page.tab.wait_for_selector("button.link:text-is('Copied')")
    link = page.tab.evaluate("navigator.clipboard.readText()")
    assert link == page.tab.url
    page.open(link.partition("?")[2])
    assert (
        page.text("table.numbers"),
        page.text("pre.python"),
        page.step(),
        page.text("p.look"),
    ) == shown
    assert page.tab.input_value('[data-key="b.strength"]') == "0.3"
    assert page.tab.get_attribute("[data-view=log_values]", "aria-pressed") == "true"
    assert not page.tab.is_visible(".controls")
    assert page.tab.url == link


def test_a_preset_sets_both_sides_and_says_what_to_look_at(page):
    page.open(f"{QUICK}&at=20")
    page.do(lambda: page.click("[data-preset=T1]"))
    assert "balancing k* = 28" in page.text("p.look")
    assert page.tab.input_value('[data-key="b.k"]') == "28"
    assert page.number("simulated", "b") == pytest.approx(1, abs=0.1)
    assert page.number("simulated", "a") > 5
    assert page.tab.url.partition("?")[2] == "preset=T1"
    assert page.step() == 1000


def test_new_data_changes_both_sides_alike(page):
    page.open(QUICK)
    before = [page.curve("fast_alignment", side) for side in "ab"]
    page.do(lambda: page.click("button.fresh"))
    assert page.tab.input_value('[data-key="seed"]') == "2"
    assert all(
        one != other
        for one, other in zip(
            before, [page.curve("fast_alignment", side) for side in "ab"], strict=True
        )
    )
    page.do(lambda: page.tab.select_option('[data-key="b.method"]', "original"))
    assert page.number("test error, %", "difference") == 0


def save(page, label):
    page.click("summary:text-is('Save')")
    with page.tab.expect_download() as saved:
        page.click(f'[data-save="{label}"]')
    return Path(saved.value.path()).read_bytes()


def test_downloads_hold_both_sides(page):
    page.open(f"{QUICK}&a.method=useful")
    data = json.loads(save(page, "Data, JSON"))
    a, b = (data["sides"][side] for side in "ab")
    assert (a["run"]["method"]["name"], b["run"]["method"]["name"], data["seed"]) == (
        "useful",
        "tada",
        1,
    )
    assert b["metrics"]["fast_alignment"][-1] == pytest.approx(
        page.legend("fast_alignment", "b"), abs=0.01
    )
    rows = list(csv.DictReader(io.StringIO(save(page, "Data, CSV").decode())))
    assert [float(row["slow_alignment"]) for row in rows if row["side"] == "b"] == b["metrics"][
        "slow_alignment"
    ]
    assert [int(row["step"]) for row in rows if row["side"] == "a"] == a["metrics"]["steps"]
    assert {row["method"] for row in rows} == {"USEFUL(5), GD", "TADA(5), GD"}
    assert save(page, "Figure, PNG").startswith(b"\x89PNG")
    figure = save(page, "Figure, SVG")
    assert figure.startswith(b"<svg")
    assert b"TADA(5), GD" in figure


def test_what_cannot_be_leaves_the_last_picture_grey(page):
    page.open(QUICK)
    page.tab.locator("summary:text-is('more')").first.click()
    drawn = page.curve("loss", "a")
    page.tab.fill('[data-key="power"]', "4")
    page.tab.wait_for_selector(".tada.stale")
    assert page.text("p.message").startswith("power = 4 is not allowed")
    assert page.curve("loss", "a") == drawn
    page.tab.fill('[data-key="alpha"]', "much")
    page.tab.wait_for_selector("p.message:text('alpha = much')")
    page.tab.fill('[data-key="alpha"]', "0.8")
    page.do(lambda: page.tab.fill('[data-key="power"]', "3"))
    assert page.text("p.message") == ""
    assert not page.tab.query_selector(".tada.stale")


def test_a_side_that_diverges_says_so_and_the_other_stays(page):
    page.open("eta=10&J=32&sigma_0=0.5")
    assert "eta = 10 is too large here" in page.tab.locator("text.diverged").first.text_content()
    assert page.number("test error, %", "a") is None
    assert page.number("test error, %", "b") is not None
    assert page.curve("loss", "b")


def test_mistakes_in_the_address_are_told_in_one_message(page):
    page.open(f"{QUICK}&alpha=7&foo=1")
    said = page.text("p.message")
    assert "alpha = 7 is not allowed here" in said
    assert "no parameter foo" in said
    assert page.tab.input_value('[data-key="alpha"]') == "0.8"
    assert "alpha" not in page.tab.url


OUTSIDE = """() => {
  const app = document.querySelector('#App');
  const root = document.querySelector('marimo-anywidget').shadowRoot;
  const page = document.documentElement;
  const wrong = [];
  if (app.scrollWidth > app.clientWidth || page.scrollWidth > innerWidth)
    wrong.push('scrolls sideways');
  const seen = (e) => e.checkVisibility() && e.getBoundingClientRect().width > 0;
  for (const e of root.querySelectorAll('.tada *')) {
    const box = e.getBoundingClientRect();
    if (seen(e) && (box.right > innerWidth + 0.5 || box.left < -0.5))
      wrong.push(`${e.tagName} ${e.getAttribute('class')}: ${box.right}`);
  }
  const texts = [...root.querySelectorAll('.figure text')].map(
    (e) => [e.textContent, e.getBoundingClientRect()]);
  const svg = root.querySelector('.figure svg').getBoundingClientRect();
  texts.forEach(([one, a], i) => {
    if (a.left < svg.left - 0.5 || a.right > svg.right + 0.5 || a.bottom > svg.bottom + 0.5)
      wrong.push(`cut off: ${one}`);
    for (const [other, b] of texts.slice(i + 1))
      if (a.left < b.right && b.left < a.right && a.top + 2 < b.bottom && b.top + 2 < a.bottom)
        wrong.push(`${one} over ${other}`);
  });
  for (const e of root.querySelectorAll('button, summary, label, th, td'))
    if (seen(e) && e.scrollWidth > e.clientWidth + 1) wrong.push(`cut off: ${e.textContent}`);
  return wrong;
}"""


@pytest.mark.parametrize(
    "size", [LAPTOP, PHONE, (1024, 768), (700, 900)], ids=lambda size: f"{size[0]}"
)
def test_nothing_overlaps_or_is_cut_off(page, size):
    page.open("preset=T4&a.optimiser=sam&b.strength=0.5&log_values=1&at=3", size)
    assert page.tab.evaluate(OUTSIDE) == []
    for more in page.tab.locator("summary:text-is('more'):visible").all():
        more.click()
    for menu in ("Code", "Save"):
        page.click(f"summary:text-is('{menu}')")
        assert page.tab.evaluate(OUTSIDE) == []
        page.click(f"summary:text-is('{menu}')")
    page.click("button.hide")
    assert page.tab.evaluate(OUTSIDE) == []


def test_pointing_at_a_step_reads_its_values(page):
    page.open(QUICK)
    final = page.legend("fast_alignment", "b")
    box = page.tab.locator(".figure svg").bounding_box()
    page.tab.mouse.move(box["x"] + 60, box["y"] + 80)
    assert page.legend("fast_alignment", "b") < final
    page.tab.mouse.move(1, 1)
    assert page.legend("fast_alignment", "b") == final
