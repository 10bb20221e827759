"""Test the explorer in a real browser: a reader's actions, and what the page then shows."""

import csv
import io
import json
import re
import time

import pytest
from javascript import CHROMIUM, FLAGS, NAMES

from theory import Distribution, Method, Optimiser, Run, simulate
from theory.explore.page import write_page
from theory.explore.presets import PRESETS

pytestmark = pytest.mark.browser

QUICK = "steps=200&eta=1&n=40&d=200"  # milliseconds a run
LAPTOP, PHONE = (1440, 900), (390, 844)


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "explorer.html"
    write_page(path)
    return path.as_uri()


@pytest.fixture(scope="module")
def chromium():
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed: make setup"
    )
    if not CHROMIUM:
        pytest.skip(
            f"no browser here: none of {', '.join(NAMES)} is installed "
            "(Debian, Ubuntu: apt install chromium)"
        )
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS.split())
        yield browser
        browser.close()


PATIENCE = 10.0  # seconds that a picture may take to follow


class Page:
    """The page as a reader sees it: ``open`` it, ``do`` something, read what it shows."""

    def __init__(self, tab, address):
        self.tab, self.address, self.complaints = tab, address, []
        tab.set_default_timeout(60_000)  # a busy machine is slow; a healthy one answers at once
        tab.on("console", lambda m: self.complaints.append(m.text) if m.type == "error" else None)
        tab.on("pageerror", lambda error: self.complaints.append(str(error)))
        tab.on("request", lambda request: self.request(request.url))

    def request(self, url):
        if not url.startswith((self.address, "data:", "blob:")):
            self.complaints.append(url)

    def open(self, query="", size=LAPTOP):
        self.tab.set_viewport_size({"width": size[0], "height": size[1]})
        self.tab.goto("about:blank")
        self.tab.goto(f"{self.address}#{query}")
        self.tab.wait_for_selector("body[data-version]", state="attached")
        return self

    def do(self, act):
        """Act, and wait until both sides are complete again."""
        old = self.tab.get_attribute("body", "data-version")
        act()
        self.tab.wait_for_selector(f'body:not([data-version="{old}"])', state="attached")

    def type(self, key, value):
        self.do(lambda: self.tab.fill(f'input[data-key="{key}"]', str(value)))

    def text(self, selector):
        return self.tab.locator(selector).first.text_content()

    def value(self, curve, side):
        selector = f'.value[data-curve="{curve}"][data-side="{side}"]'
        return float(self.text(selector).replace("−", "-"))

    def drawn(self, curve, side):
        selector = f'.sofar path[data-curve="{curve}"][data-side="{side}"]'
        return self.tab.locator(selector).get_attribute("d")

    def redrawn(self, curve, side, before):
        """Return whether a curve comes to differ from ``before``: it is drawn after its result."""
        ends = time.monotonic() + PATIENCE
        while self.drawn(curve, side) == before:
            if time.monotonic() > ends:
                return False
            self.tab.wait_for_timeout(50)
        return True

    def box(self, selector):
        """Return where an element is in the window; it may be replaced while it is looked for."""
        ends = time.monotonic() + PATIENCE
        while (found := self.tab.locator(selector).first.bounding_box()) is None:
            assert time.monotonic() < ends, f"{selector} is not shown"
            self.tab.wait_for_timeout(50)
        return found


@pytest.fixture
def page(chromium, address):
    context = chromium.new_context(
        permissions=["clipboard-read", "clipboard-write"], reduced_motion="reduce"
    )
    page = Page(context.new_page(), address)
    yield page
    context.close()
    assert page.complaints == []


def test_the_page_says_in_words_what_happened_as_python_computes_it(page):
    page.open()
    late = {"distribution": Distribution(beta_d=0.45), "optimiser": Optimiser(steps=1000)}
    a, b = (
        simulate(Run(method=Method(name, k=5), **late), seed=PRESETS["start"].state["seed"])
        for name in ("useful", "tada")
    )
    said = page.text("#point")
    assert "only B learns the slow feature" in said
    assert f"A errs on {100 * a['test_error'][-1]:.2f}%" in said
    assert page.value("noise_memorised_slow", "a") == pytest.approx(
        a["noise_memorised_slow"][-1], abs=0.005
    )
    assert page.value("slow_alignment", "b") == pytest.approx(b["slow_alignment"][-1], abs=0.005)
    assert page.tab.locator("#strip svg").count() == 1


def test_a_slider_moves_by_its_step_with_the_keyboard_and_only_its_side_changes(page):
    page.open(f"{QUICK}&tab=forms")
    before, other = page.drawn("loss", "b"), page.drawn("loss", "a")
    slider = page.tab.locator('[data-slider="b.k"]')
    slider.focus()
    page.do(lambda: page.tab.keyboard.press("ArrowRight"))
    assert page.tab.input_value('[data-key="b.k"]') == "6"
    assert slider.get_attribute("aria-valuetext") == "k, factor 6"
    assert page.redrawn("loss", "b", before)
    assert page.tab.locator(".ghost").count() > 0
    assert "b.k=6" in page.tab.url
    assert results_of(page, "a") == 40
    shared = page.tab.locator('[data-slider="sigma_p"]')  # a step changes every curve visibly
    shared.focus()
    page.do(lambda: page.tab.keyboard.press("ArrowLeft"))
    assert page.tab.input_value('[data-key="sigma_p"]') == "1.45"
    assert page.redrawn("loss", "a", other)


def results_of(page, side):
    return page.tab.evaluate(f"results.{side}.slow.length")


def test_what_cannot_be_is_said_and_leaves_the_state(page):
    page.open(QUICK)
    page.tab.fill('[data-key="alpha"]', "much")
    assert "alpha = much is not allowed here" in page.text("#message")
    assert page.tab.get_attribute('[data-key="alpha"]', "aria-invalid") == "true"
    assert "alpha" not in page.tab.url
    page.type("alpha", 0.7)
    assert page.text("#message") == ""
    page.tab.locator("summary:text-is('more')").last.click()
    page.tab.fill('[data-key="power"]', "4")
    assert page.text("#message").startswith("power = 4 is not allowed")
    assert page.tab.query_selector("body.stale")
    page.do(lambda: page.tab.fill('[data-key="power"]', "5"))
    assert not page.tab.query_selector("body.stale")


def test_a_side_that_diverges_is_said_where_the_picture_would_be(page):
    page.open("eta=10&J=32&sigma_0=0.5&n=40&a.method=original&b.k=30&alpha=0.9")
    told = page.tab.locator("text.diverged").all_text_contents()
    assert any("eta = 10 is too large here" in text or "diverged" in text for text in told)
    assert "diverged" in page.text("#point")


def test_mistakes_in_the_address_are_told_in_one_line(page):
    page.open(f"{QUICK}&alpha=7&foo=1")
    said = page.text("#message")
    assert "alpha = 7 is not allowed here" in said
    assert "no parameter foo" in said
    assert page.tab.input_value('[data-key="alpha"]') == "0.8"


def test_the_back_button_goes_through_presets(page):
    page.open(QUICK)
    page.do(lambda: page.tab.click('[data-preset="T1"]'))
    assert page.tab.url.endswith("#preset=T1")
    page.do(lambda: page.tab.click('[data-preset="T2"]'))
    page.do(page.tab.go_back)
    assert page.tab.url.endswith("#preset=T1")
    assert page.tab.get_attribute('[data-preset="T1"]', "aria-pressed") == "true"
    page.do(page.tab.go_back)
    assert page.tab.input_value('[data-key="n"]') == "40"


def test_seeds_stream_in_and_a_click_on_one_shows_it(page):
    page.open(f"{QUICK}&seed=45")
    page.tab.wait_for_selector('.count[data-done="20"]')
    dots = page.tab.locator(".dot[data-side=b]")
    assert dots.count() == 20
    assert page.tab.locator("path.seed").count() == 40
    learned = page.tab.locator('.dot[data-side=b][data-learned="true"]').count()
    assert f"B {learned} of 20" in page.text(".count")
    page.do(lambda: dots.nth(3).click())
    assert page.tab.input_value('[data-key="seed"]') == "43"
    assert page.tab.locator('.count[data-done="20"]').count() == 1


@pytest.mark.parametrize("kind", ["regimes", "landscape", "tolerance", "race", "factor"])
def test_maps_fill_and_lead_to_what_they_show(page, kind):
    page.open(f"{QUICK}&steps=60&tab=map&map={kind}")
    page.tab.wait_for_selector('#pane[data-finished="true"]', state="attached")
    assert "NaN" not in page.tab.inner_html("#map-picture")
    if kind == "factor":
        assert page.tab.locator("circle.factor").count() == 12
        return
    figure = page.tab.locator("#map-picture svg")
    box = page.box("#map-picture svg")
    before = page.tab.url
    place = {"x": 0.35 * box["width"], "y": 0.3 * box["height"]}
    figure.hover(position=place)
    told = page.text("#told")
    assert "Click to go there" in told
    page.do(lambda: figure.click(position=place))
    assert page.tab.url != before
    if kind == "tolerance":
        ratio, form = re.findall(r"B : A ([\d.]*\d), closed form ([\d.]*\d)", told)[0]
        assert float(ratio) == pytest.approx(float(form), rel=0.6)
    figure.focus()
    page.tab.keyboard.press("ArrowRight")
    assert page.text("#told") != told


def test_closed_forms_stand_beside_measurements(page):
    page.open("preset=T1")
    row = page.tab.locator('tr[data-row="R, measured"]')
    form = page.tab.locator('tr[data-row="R, closed form"]')
    assert "marked" in row.get_attribute("class")
    for side in "ab":
        measured, predicted = (
            float(one.locator(f"td[data-side={side}]").inner_text()) for one in (row, form)
        )
        assert measured == pytest.approx(predicted, rel=0.1)
    headings = page.tab.locator("#numbers .group").all_text_contents()
    assert headings[0].startswith("For this claim")


def test_the_variance_is_measured_over_many_data_sets(page):
    page.open("preset=T4&n=50&d=500")
    page.tab.wait_for_selector("#numbers .group:has-text('200 data sets')")
    measured = page.text('tr[data-row="variance, A − B, in V"] td')
    mean, half = map(float, measured.split(" ± "))
    predicted = float(page.text('tr[data-row="variance, closed form"] td'))
    assert abs(mean - predicted) < 3 * half


def saved(page, kind):
    page.tab.click("#save")
    with page.tab.expect_download() as download:
        page.tab.click(f'[data-save="{kind}"]')
    page.tab.keyboard.press("Escape")
    return download.value.path().read_bytes()


def test_files_hold_the_curves_the_seed_and_all_settings(page):
    page.open(QUICK)
    text = saved(page, "csv").decode()
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    rows = list(csv.DictReader(io.StringIO("\n".join(lines))))
    assert {row["method"] for row in rows} == {"USEFUL(5), GD", "TADA(5), GD"}
    assert [int(row["step"]) for row in rows if row["side"] == "a"] == list(range(201))
    assert '"sigma_0":0.05' in text
    whole = json.loads(saved(page, "json"))
    assert whole["sides"]["b"]["run"]["method"]["name"] == "tada"
    assert whole["sides"]["a"]["metrics"]["steps"][-1] == 200
    figure = saved(page, "svg")
    assert figure.startswith(b"<svg")
    for words in ("TADA(5), GD", "seed 1006", "sigma_p 1.5", "closed form"):
        assert words.encode() in figure
    assert saved(page, "png").startswith(b"\x89PNG")


def test_code_and_link_can_be_copied(page):
    page.open(QUICK)
    page.tab.click("#code")
    assert "simulate(run, seed=1006)" in page.text("#python")
    page.tab.click('[data-copy="python"]')
    copied = page.tab.evaluate("navigator.clipboard.readText()")
    assert copied == page.text("#python")
    page.tab.keyboard.press("Escape")
    assert not page.tab.locator("#code-dialog").is_visible()
    page.tab.click("#link")
    assert page.tab.evaluate("navigator.clipboard.readText()") == page.tab.url


def test_the_tour_has_five_stops_and_escape_ends_it(page):
    page.open(QUICK)
    page.tab.click("#tour")
    for stop in range(1, 6):
        assert page.text("#tour-place") == f"{stop} of 5"
        assert len(page.text("#tour-text")) > 80
        if stop < 5:
            page.tab.click("#tour-next")
    page.tab.keyboard.press("Escape")
    assert not page.tab.locator("#tour-card").is_visible()


def test_words_are_explained_where_they_stand(page):
    page.open(QUICK)
    for button in page.tab.locator("#words button").all():
        button.click()
        assert len(page.text("#meaning")) > 40
        assert button.get_attribute("aria-expanded") == "true"


def test_pointing_reads_measured_values(page):
    page.open(f"{QUICK}&log_values=1")
    final = page.value("slow_alignment", "b")
    box = page.box("#charts svg")
    page.tab.mouse.move(box["x"] + 120, box["y"] + 90)
    shown = page.value("slow_alignment", "b")
    step = int(re.search(r"step (\d+)", page.text("#charts .now")).group(1))
    i = page.tab.evaluate(f"results.b.steps.indexOf({step})")
    assert i >= 0
    measured = page.tab.evaluate(f"results.b.curves.slow_alignment[{i}]")
    assert shown == pytest.approx(measured, abs=0.005)
    assert page.tab.evaluate(f"results.b.curves.test_error[{i}]") is not None
    page.tab.mouse.move(1, 1)
    assert page.value("slow_alignment", "b") == final


CROWDED = """(svg) => {
  const wrong = [], frame = svg.getBoundingClientRect();
  const texts = [...svg.querySelectorAll('text')].map((e) => [e, e.getBoundingClientRect()]);
  texts.forEach(([one, a], i) => {
    if (a.right > frame.right + 1 || a.left < frame.left - 1)
      wrong.push(`cut: ${one.textContent}`);
    for (const [other, b] of texts.slice(i + 1))
      if (a.left + 1 < b.right && b.left + 1 < a.right
          && a.top + 3 < b.bottom && b.top + 3 < a.bottom)
        wrong.push(`${one.textContent} over ${other.textContent}`);
  });
  return wrong;
}"""
OUTSIDE = """() => {
  const wrong = [], crowded = CROWDED;
  const page = document.documentElement;
  if (page.scrollWidth > innerWidth) wrong.push('scrolls sideways');
  const scrolling = '.presets *, #panels *';
  for (const node of document.querySelectorAll('body *')) {
    const box = node.getBoundingClientRect();
    const out = box.right > innerWidth + 0.5 || box.left < -0.5;
    if (node.checkVisibility() && box.width > 0 && out && !node.matches(scrolling)
        && !node.closest('defs'))
      wrong.push(`${node.tagName} ${node.id} ${node.textContent.slice(0, 40)}: ${box.right}`);
  }
  for (const svg of document.querySelectorAll('#charts svg, #pane svg, #strip svg'))
    wrong.push(...crowded(svg));
  for (const node of document.querySelectorAll('button, label, th, td'))
    if (node.checkVisibility() && node.scrollWidth > node.clientWidth + 1)
      wrong.push(`cut off: ${node.textContent}`);
  return wrong;
}""".replace("CROWDED", CROWDED)


@pytest.mark.parametrize("size", [LAPTOP, PHONE, (1024, 768), (700, 900)], ids=lambda s: str(s[0]))
def test_nothing_overlaps_or_is_cut_off(page, size):
    page.open(f"{QUICK}&a.optimiser=sam&batch=9&b.method=syn-rand", size)
    page.tab.wait_for_selector('.count[data-done="20"]')
    assert page.tab.evaluate(OUTSIDE) == []
    for more in page.tab.locator("summary:text-is('more'):visible").all():
        more.click()
    for tab in ("map", "forms"):
        page.tab.click(f"[data-tab={tab}]")
        page.tab.wait_for_selector(f"#pane[data-shows={tab}]")
        page.tab.wait_for_timeout(300)
        assert page.tab.evaluate(OUTSIDE) == []


STRIPS = """() => {
  const wrong = [], crowded = CROWDED, place = document.querySelector('#strip');
  for (const method of ['original', 'useful', 'tada', 'syn-all', 'syn-rand'])
    for (let width = 340; width < 1740; width += 20) {
      const optimiser = { 'a.optimiser': 'sam', 'b.optimiser': 'sam', batch: 9 };
      const sides = { 'a.method': method, 'b.method': method, 'a.k': 30, 'b.k': 30 };
      const runs = runsOf({ ...state, ...optimiser, ...sides });
      place.innerHTML = drawStrip({ runs, slow: results.a.slow, width, colours: LIGHT });
      wrong.push(...crowded(place.firstChild).map((text) => `${method} ${width}: ${text}`));
    }
  return wrong;
}""".replace("CROWDED", CROWDED)


def test_the_examples_and_their_words_fit_at_every_width(page):
    page.open(QUICK)
    assert page.tab.evaluate(STRIPS) == []


@pytest.mark.parametrize("size", [LAPTOP, (1024, 768)], ids=lambda s: str(s[0]))
@pytest.mark.parametrize("name", [name for name in PRESETS if name != "start"])
def test_presets_show_their_evidence_without_scrolling(page, name, size):
    page.open(f"preset={name}&n=20&steps=20&d=200", size)
    tab = PRESETS[name].state["tab"]
    evidence = {"forms": "tr.marked", "map": "#map-picture svg", "seeds": "#seeds-picture svg"}[tab]
    page.tab.wait_for_selector(evidence)
    for shown in (evidence, "#charts svg [data-panel=error]"):
        box = page.box(shown)
        assert box["y"] + min(box["height"], 150) <= size[1]


def test_on_a_phone_a_curve_stays_in_view_while_a_slider_moves(page):
    page.open(QUICK, PHONE)
    slider = page.tab.locator('[data-slider="b.k"]')
    slider.scroll_into_view_if_needed()
    page.do(lambda: slider.press("ArrowRight"))
    box = page.box("#charts svg")
    assert box["y"] >= 0
    assert box["y"] + box["height"] <= PHONE[1]


def test_a_dark_preference_is_followed_and_the_saved_figure_stays_light(page):
    page.tab.emulate_media(color_scheme="dark")
    page.open(QUICK)
    colour = page.tab.evaluate("getComputedStyle(document.body).backgroundColor")
    assert colour == "rgb(21, 23, 27)"
    assert "#45cf9c" in page.tab.inner_html("#charts")
    assert b"#45cf9c" not in saved(page, "svg")


def test_two_hundred_changes_leave_no_tasks_and_little_memory(page):
    page.open(QUICK)

    def heap():
        page.tab.context.new_cdp_session(page.tab).send("HeapProfiler.collectGarbage")
        return page.tab.evaluate("performance.memory.usedJSHeapSize")

    def change(count):
        page.tab.evaluate(
            """async (count) => {
          const slider = document.querySelector('[data-slider="b.k"]');
          for (let i = 0; i < count; i++) {
            slider.value = 2 + ((i * 7) % 23);
            slider.dispatchEvent(new Event('input'));
            await new Promise((done) => setTimeout(done, 15));
          }
        }""",
            count,
        )
        page.tab.wait_for_timeout(500)

    change(20)
    before = heap()
    change(200)
    assert heap() < before + 20e6
    page.tab.wait_for_selector('.count[data-done="20"]')
    assert page.tab.evaluate("pool.tasks.length") == 0


def test_it_plays_once_unless_motion_is_unwelcome(chromium, address):
    tab = chromium.new_page(viewport={"width": 1440, "height": 900})
    tab.goto(f"{address}#{QUICK}")
    tab.wait_for_selector("#play:text-is('Pause')")
    tab.wait_for_selector("#play:text-is('Play')", timeout=30_000)
    assert tab.text_content("#step") == "step 200 of 200"
    tab.close()
