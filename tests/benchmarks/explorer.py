"""Measure how fast the explorer answers in headless Chromium: python tests/benchmarks/explorer.py.

Prints medians over 20 repetitions, in milliseconds of wall time, which other programs lengthen,
and the processor time that the page itself used, over all of its threads. ``--times N`` changes the
number of repetitions.
"""

import argparse
import os
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parents[2])  # not this folder, which has a theory.py

from playwright.sync_api import sync_playwright

from theory.explore.page import write_page

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu"]
# milliseconds until curves show and until they are complete, after one step of the slider k of B
CHANGE = """async (direction) => {
  const frame = () => new Promise(requestAnimationFrame);
  const slider = document.querySelector('[data-slider="b.k"]'), old = document.body.dataset.version;
  const path = () => document.querySelector('.sofar path[data-side="b"]')?.getAttribute('d');
  const before = path(), start = performance.now();
  slider.value = Number(slider.value) + direction;
  slider.dispatchEvent(new Event('input'));
  let seen = 0;
  for (;;) {
    await frame();
    if (!seen && path() !== before) seen = performance.now() - start;
    if (document.body.dataset.version !== old) return [seen, performance.now() - start];
  }
}"""


def opened(browser, address: str, query: str = ""):
    """Return a new tab with the page, once its curves are complete."""
    tab = browser.new_page(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    tab.add_init_script(
        "const look = () => { if (document.querySelector('.sofar path[d^=M]')) "
        "window.firstPicture = performance.now(); else requestAnimationFrame(look); };"
        "addEventListener('DOMContentLoaded', look);"
    )
    tab.goto(address + query)
    tab.wait_for_selector("body[data-version]", timeout=60_000)
    return tab


def waited(tab, condition: str) -> float:
    """Return the milliseconds until a condition of the page holds."""
    return tab.evaluate(
        "async () => { const start = performance.now();"
        f"while (!({condition})) await new Promise(requestAnimationFrame);"
        "return performance.now() - start; }"
    )


def main() -> None:
    """Print all measurements."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=20)
    times = parser.parse_args().times
    results: dict[str, list[float]] = {}
    spent: dict[str, list[float]] = {}

    def cpu() -> float:
        """Return the milliseconds of processor time of all pages so far, over all threads."""
        processes = browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")
        return 1e3 * sum(
            one["cpuTime"] for one in processes["processInfo"] if one["type"] == "renderer"
        )

    def note(name: str, value: float) -> None:
        results.setdefault(name, []).append(value)

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        path = Path(folder) / "explorer.html"
        write_page(path)
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for _ in range(times):
            tab = opened(browser, path.as_uri())
            note("open: first picture", tab.evaluate("window.firstPicture"))
            note("open: complete", float(tab.evaluate("document.body.dataset.settled")))
            spent.setdefault("open: complete", []).append(cpu())
            tab.close()
        for n in (100, 300):
            tab = opened(browser, path.as_uri(), f"#n={n}&tab=forms&a.k=4")
            for i in range(times + 3):
                before = cpu()
                seen, complete = tab.evaluate(CHANGE, 1 if i % 24 < 12 else -1)
                if i >= 3:
                    spent.setdefault(f"slider, n = {n}: complete", []).append(cpu() - before)
                    note(f"slider, n = {n}: visible", seen)
                    note(f"slider, n = {n}: complete", complete)
            tab.close()
        for i in range(max(3, times // 4)):
            tab = opened(browser, path.as_uri(), f"#tab=forms&seed={20 * i}")
            before = cpu()
            tab.click("[data-tab=seeds]")
            done = "document.querySelector('.count')?.dataset.done === '20'"
            note("20 seeds of both sides", waited(tab, done))
            spent.setdefault("20 seeds of both sides", []).append(cpu() - before)
            before = cpu()
            tab.click("[data-tab=map]")
            note(
                "map, coarse",
                waited(tab, "document.querySelector('#pane').dataset.complete >= '0'"),
            )
            spent.setdefault("map, coarse", []).append(cpu() - before)
            tab.close()
        browser.close()
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    for name, values in results.items():
        line = (
            f"{name:26s}{statistics.median(values):7.0f} ms ({min(values):.0f}-{max(values):.0f})"
        )
        if name in spent:
            line += f"; processor time of all threads {statistics.median(spent[name]):.0f} ms"
        print(line)


if __name__ == "__main__":
    main()
