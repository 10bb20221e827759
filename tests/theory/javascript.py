"""Run the explorer's scripts from Python: in node where it is installed, else in Chromium."""

import functools
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from theory.explore.page import description, engine

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync"
)
STATE = Path(__file__).parents[2] / "theory/explore/page/state.js"


@functools.cache
def scripts() -> str:
    """Return the engine and the page's state, which touch no document."""
    return "\n".join((engine(), description(), STATE.read_text()))


def javascript(code: str, data=None):
    """Return what the body of a function of DATA returns, beside the engine and the state."""
    script = f"{scripts()}\nconst answer = ((DATA) => {{ {code} }});"
    node = shutil.which("node")
    if node:
        script += (
            'let text = ""; process.stdin.on("data", (part) => { text += part; });'
            'process.stdin.on("end", () => process.stdout.write('
            "JSON.stringify(answer(JSON.parse(text)))));"
        )
        done = subprocess.run(
            [node, "-e", script],
            input=json.dumps(data),
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return json.loads(done.stdout)
    return in_chromium(script, data)


def in_chromium(script: str, data):
    """Return the same from a page of headless Chromium."""
    playwright = pytest.importorskip("playwright.sync_api", reason="neither node nor playwright")
    if not CHROMIUM:
        pytest.skip(f"neither node nor a browser here: none of {', '.join(NAMES)} is installed")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS.split())
        page = browser.new_page()
        text = page.evaluate(f"(data) => {{ {script} return JSON.stringify(answer(data)); }}", data)
        browser.close()
    return json.loads(text)
