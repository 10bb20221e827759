"""Test the explorer's page as marimo runs it, without a browser, and the command that serves it."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from figures.labels import FAST, SLOW
from theory.explore.fields import DEFAULTS
from theory.measures import CURVES

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SMALL = {"n": 20, "d": 100, "J": 3, "steps": 60}


@pytest.fixture(scope="module")
def page():
    """Return a function that runs the page at an address, as marimo does."""
    pytest.importorskip("marimo")
    from theory.explore.app import app

    def run(query):
        return app.run(defs={"query": query})[1]["explorer"].widget

    return run


def ask(widget, number=1, **changes):
    state = {key.replace("_dot_", "."): value for key, value in changes.items()}
    widget.request = {"number": number, "state": DEFAULTS | SMALL | state, "preset": "start"}
    return widget.picture


def test_the_page_opens_at_its_address(page):
    widget = page({"n": "20", "d": "100", "steps": "60", "a.method": "useful", "at": "7"})
    assert widget.picture["message"] == ""
    assert widget.picture["sides"]["a"]["name"] == "USEFUL(5), GD"
    assert widget.picture["state"]["at"] == 7
    assert widget.picture["address"] == {"n": "20", "d": "100", "steps": "60", "a.method": "useful"}
    assert (
        page({"alpha": "x", **{key: str(value) for key, value in SMALL.items()}})
        .picture["message"]
        .count("alpha = x")
        == 1
    )


def test_the_page_answers(page):
    widget = page({key: str(value) for key, value in SMALL.items()})
    before = widget.picture["sides"]
    after = ask(widget, b_dot_k=9)
    assert after["number"] == 1
    assert after["sides"]["a"] == before["a"]
    assert after["sides"]["b"] != before["b"]


def test_what_the_configuration_refuses_becomes_one_line(page):
    widget = page({key: str(value) for key, value in SMALL.items()})
    for changes, expected in (
        ({"power": 4}, "power = 4 is not allowed"),
        ({"alpha": "much"}, "alpha = much is not allowed here"),
        ({"n": ""}, "n =  is not allowed here"),
        ({"orthogonal": True, "b_dot_kappa": 0.5}, "kappa = 0.5 is not allowed"),
    ):
        answer = ask(widget, 2, **changes)
        assert set(answer) == {"number", "message"}
        assert answer["message"].startswith(expected)
        assert "\n" not in answer["message"]
    assert "sides" in ask(widget, 3)


def test_a_side_that_diverges_says_so(page):
    answer = ask(page({}), eta=10.0, J=32, sigma_0=0.5, n=100, d=2000, seed=1)
    json.dumps(answer, allow_nan=False)
    assert re.match(r"training diverged at step \d+: eta = 10", answer["sides"]["a"]["diverged"])
    assert answer["sides"]["a"]["curves"] == {}
    assert answer["sides"]["b"]["diverged"] == ""
    last = [row for row in answer["table"] if row["group"].startswith("After")]
    assert {row["a"] for row in last} == {row["difference"] for row in last} == {"–"}
    assert "–" not in {row["b"] for row in last}


def test_colours_are_those_of_the_figures_and_every_curve_is_drawn():
    script = (ROOT / "theory/explore/page.js").read_text()
    assert set(re.findall(r'curve: "(\w+)"', script)) == set(CURVES)
    assert f'curve: "fast_alignment", label: "fast", colour: "{FAST}"' in script
    assert f'curve: "slow_alignment", label: "slow", colour: "{SLOW}"' in script
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", script)


@contextmanager
def explore(*words, code="", **options):
    """Run the command in a process that is killed at the end in any case."""
    started = [
        sys.executable,
        *(["-c", code] if code else ["-m", "theory", "explore", "--no-browser"]),
        *map(str, words),
    ]
    with subprocess.Popen(
        started, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_ctrl_c_ends_the_server():
    pytest.importorskip("marimo")
    with explore() as server:
        assert re.fullmatch(
            r"explorer at http://127\.0\.0\.1:\d+/  \(Ctrl-C ends it\)\n", server.stdout.readline()
        )
        server.send_signal(signal.SIGINT)
        out, err = server.communicate(timeout=20)
    assert (server.returncode, out, err) == (130, "explorer ended\n", "")


def test_a_port_that_is_taken_and_one_that_is_none():
    pytest.importorskip("marimo")
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        explore("--port", taken.getsockname()[1]) as server,
    ):
        out, err = server.communicate(timeout=20)
    assert (server.returncode, out) == (2, "")
    assert re.fullmatch(r"error: .*in use.*\n", err)
    with explore("--port", 70000) as server:
        assert server.communicate(timeout=20) == (
            "",
            "error: port is 70000; allowed: 1 to 65535, or 0 for any that is free\n",
        )
    assert server.returncode == 2


@pytest.mark.parametrize("missing", ["marimo", "anywidget"])
def test_without_its_extra_it_says_what_to_install(missing):
    run = "runpy.run_module('theory', run_name='__main__')"
    code = (
        f"import sys, runpy; sys.modules[{missing!r}] = None; "
        f"sys.argv = ['theory', 'explore', '--no-browser']; {run}"
    )
    with explore(code=code, env={**os.environ, "PYTHONPATH": str(ROOT)}) as server:
        out, err = server.communicate(timeout=20)
    assert (server.returncode, out) == (2, "")
    assert err == f"error: the explorer needs {missing}, which is not installed: make setup\n"
