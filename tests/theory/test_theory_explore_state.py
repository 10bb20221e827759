"""Test the explorer's state: values, addresses, the runs of both sides, code that repeats them."""

from dataclasses import asdict, replace

import numpy as np
import pytest
import tyro
from javascript import javascript

import theory
from theory import Distribution, Method, Network, Optimiser, Run, commands, simulate
from theory.explore.fields import DEFAULTS, FIELDS, VIEW
from theory.explore.presets import PRESETS

pytestmark = pytest.mark.slow


def some_states(count):
    """Return states with random values of every field, the same ones at every call."""
    rng = np.random.default_rng(7)

    def value(field):
        if field.optional and rng.random() < 0.5:
            return None
        if field.kind == "choice":
            return field.choices[rng.integers(len(field.choices))]
        if field.kind == "switch":
            return bool(rng.random() < 0.3)
        if field.kind == "whole":
            return int(rng.integers(field.least, field.most + 1))
        return float(rng.uniform(field.least, field.most))

    return [{key: value(field) for key, field in FIELDS.items()} for _ in range(count)]


RUNS_OF = """
const runs = (state) => { try { return runsOf(state); } catch (error) { return error.message; } };
return DATA.map((state) => [runs(state), typeof runs(state) === "string" ? "" : pythonCode(state),
  typeof runs(state) === "string" ? "" : shellCode(state)]);"""


def python_runs(state):
    """Return the two runs of a state as the configuration of the theory makes them."""
    sides = []
    for side in ("a", "b"):
        own = {name: state[f"{side}.{name}"] for name in ("method", "optimiser", "rho", "k")}
        names = ("kappa", "scale", "fidelity", "targeting")
        generated = own["method"] not in ("original", "useful")
        shares = {name: state[f"{side}.{name}"] for name in names if generated}
        k = {} if own["method"] == "original" else {"k": own["k"]}
        rho = {"rho": own["rho"]} if own["optimiser"] == "sam" else {}
        of = {
            part: {name: state[name] for name in asdict(part()) if name in state}
            for part in (Distribution, Network, Optimiser)
        }
        run = Run(
            distribution=Distribution(**of[Distribution]),
            network=Network(**of[Network]),
            optimiser=Optimiser(own["optimiser"], **of[Optimiser], **rho),
            method=Method(own["method"], **k, **shares),
        )
        sides.append(run)
    return sides


def test_states_are_refused_where_the_configuration_refuses_them():
    states = some_states(150)
    accepted = 0
    for state, (runs, _, _) in zip(states, javascript(RUNS_OF, states), strict=True):
        refused = ""
        try:
            expected = python_runs(state)
        except ValueError as error:
            refused = str(error)
        if refused or isinstance(runs, str):
            assert isinstance(runs, str), (state, refused)
            assert runs == refused or "would take too long" in runs
            continue
        accepted += 1
        for one, run in zip(runs, expected, strict=True):
            whole = asdict(run)
            assert one == {part: whole[part] for part in one}
    assert accepted >= 20


def test_code_and_commands_give_the_very_same_runs(monkeypatch):
    states = [{**state, "rectified": False, "power": 3, "n": 20} for state in some_states(40)]
    called = []

    def note(run, seed):
        called.append((run, seed))
        return {"test_error": [0.5]}

    monkeypatch.setattr(theory, "simulate", note)
    monkeypatch.setattr(commands, "simulate_one", note)
    monkeypatch.setattr(commands, "table", lambda metrics: "")
    checked = 0
    for state, (runs, code, shell) in zip(states, javascript(RUNS_OF, states), strict=True):
        if isinstance(runs, str):
            continue
        expected = [(run, state["seed"]) for run in python_runs(state)]
        called.clear()
        exec(code, {})
        assert called == expected
        called.clear()
        for line in shell.splitlines():
            words = line.split()
            assert words[:4] == ["python", "-m", "theory", "simulate"]
            tyro.cli(commands.simulate, args=words[4:])
        assert called == [(replace(run, label=run.method.name), seed) for run, seed in expected]
        checked += 1
    assert checked >= 10


def test_code_prints_the_numbers_of_the_page(capsys):
    state = DEFAULTS | {"n": 30, "steps": 60, "eta": 1.0, "b.optimiser": "sam", "seed": 3}
    code = """const [a, b] = runsOf(DATA).map((run) => simulate(run, DATA.seed));
    return [pythonCode(DATA), [a, b].map((one) => one.curves.test_error.at(-1))];"""
    lines, shown = javascript(code, state)
    exec(lines, {})
    printed = [float(word) for word in capsys.readouterr().out.split()]
    assert printed == pytest.approx(shown, abs=1e-6)
    assert shown[0] == pytest.approx(simulate(python_runs(state)[0], 3)["test_error"][-1], abs=1e-6)


def test_the_address_restores_the_state():
    code = "return DATA.map(([state, preset]) => readAddress(writeAddress(state, preset)));"
    presets = list(PRESETS)
    asked = [[state, presets[i % len(presets)]] for i, state in enumerate(some_states(200))]
    restored = 0
    for (state, preset), back in zip(asked, javascript(code, asked), strict=True):
        if not back["message"]:
            assert (back["state"], back["preset"]) == (state, preset)
            restored += 1
    assert restored >= 20


def test_addresses_are_short():
    code = "return DATA.map(([state, preset]) => writeAddress(state, preset));"
    changed = DEFAULTS | {"a.k": 9, "log_values": True}
    asked = [[DEFAULTS, "start"], [PRESETS["T3"].state, "T3"], [changed, "start"]]
    assert javascript(code, asked) == ["", "preset=T3", "a.k=9&log_values=1"]


BAD = {
    "alpha=7": "alpha = 7 is not allowed here; it must be a number from 0.01 to 1",
    "n=12.5": "n = 12.5 is not allowed here; it must be a whole number from 10 to 400",
    "eta=nan": "eta = nan is not allowed here; it must be a number from 0.01 to 10",
    "a.method=magic": "a.method = magic is not allowed here; "
    "it must be one of original, useful, tada, syn-all, syn-rand",
    "rectified=yes": "rectified = yes is not allowed here; it must be 0 or 1",
    "batch=0": "batch = 0 is not allowed here; it must be a whole number from 1 to 400, or empty",
    "foo=1": "there is no parameter foo",
    "preset=T99": f"preset = T99 is not allowed here; it must be one of {', '.join(PRESETS)}",
    "power=4": "power = 4 is not allowed; "
    "it must be an odd whole number of at least 3 (any from 2 on if rectified)",
    "a.k=": "a.k =  is not allowed here; it must be a whole number from 1 to 30",
    "n=400&alpha=0.1&b.k=30": "TADA(30) would take too long for a page that answers at once; "
    "lower n, k, J, noise patches or steps",
}


def test_a_bad_value_in_the_address_is_named_and_falls_back():
    for answer, expected in zip(
        javascript("return DATA.map((text) => readAddress(text));", list(BAD)),
        BAD.values(),
        strict=True,
    ):
        assert answer["message"] == f"From the address, left out: {expected}."
        assert (answer["state"], answer["preset"]) == (DEFAULTS, "start")


def test_a_page_that_is_made_for_a_preset_shows_it_unless_the_address_says_otherwise():
    code = "return DATA.map((text) => readAddress(text, 'T3').preset);"
    assert javascript(code, ["", "#", "#preset=T1", "#a.k=3"]) == ["T3", "T3", "T1", "start"]


def test_headings_name_the_optimiser():
    base = DEFAULTS | {"a.optimiser": "sam"}
    code = "return DATA.map((state) => runsOf(state).map(nameOf));"
    assert javascript(code, [base, base | {"batch": 10}]) == [
        ["USEFUL(5), SAM", "TADA(5), GD"],
        ["USEFUL(5), mini-batch SAM", "TADA(5), SGD"],
    ]


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_valid_and_say_what_to_look_at(name):
    preset = PRESETS[name]
    assert set(preset.state) == set(FIELDS)
    a, b = python_runs(preset.state)
    assert a != b
    assert 80 < len(preset.look) < 330
    for key, value in preset.changes.items():
        field = FIELDS[key]
        if field.choices:
            assert value in field.choices
        elif field.kind != "switch":
            assert field.least <= value <= field.most


def test_presets_are_one_for_each_claim_and_distinct():
    from theory.claims import CLAIMS

    assert [name for name in PRESETS if name != "start"] == list(CLAIMS)
    shown = [
        (python_runs(one.state), one.state["seed"], one.state["tab"], one.state["map"])
        for one in PRESETS.values()
    ]
    assert all(shown.count(one) == 1 for one in shown)
    assert set(VIEW) == {"tab", "map", "log_steps", "log_values"}


def test_presets_show_what_they_say():
    """What a preset's words promise of the seed that it opens with."""
    code = """return Object.fromEntries(DATA.map((name) => {
      const state = presetState(name);
      return [name, runsOf(state).map((run) => {
        const one = simulate(run, state.seed);
        return { error: one.curves.test_error.at(-1), slow_error: one.curves.test_error_slow.at(-1),
          noise: one.curves.noise_memorised_slow.at(-1), loss: one.curves.loss, ...one.numbers() };
      })];
    }));"""
    found = javascript(code, ["start", "T1", "T2", "T5", "T6"])
    a, b = found["start"]
    assert a["time_slow"] is None
    assert b["time_slow"] is not None
    assert a["noise"] > b["noise"] + 1
    assert a["error"] > b["error"] + 0.02
    a, b = found["T1"]
    assert a["speed_ratio"] > 5
    assert b["speed_ratio"] == pytest.approx(1, abs=0.1)
    a, b = found["T2"]
    assert b["noise"] < a["noise"]
    assert b["speed_ratio"] < a["speed_ratio"]
    a, b = ([next(i for i, loss in enumerate(one["loss"]) if loss <= 0.1)] for one in found["T5"])
    assert a < b
    a, b = found["T6"]
    assert b["slow_error"] < a["slow_error"] - 0.1
