"""Test the explorer's state, without a page.

Values and addresses, presets, code and command lines, pictures and their numbers.
"""

import json
from dataclasses import replace

import pytest
import tyro
from hypothesis import given
from hypothesis import strategies as st

import theory
from theory import commands
from theory.experiments import EXPERIMENTS
from theory.explore.address import read, write
from theory.explore.fields import DEFAULTS, FIELDS, SIDES, VIEW, parse, text
from theory.explore.picture import picture
from theory.explore.presets import PRESETS
from theory.explore.runs import along_path, command, python, runs
from theory.measures import CURVES, LEARNED

SMALL = {"n": 20, "d": 100, "J": 3, "steps": 60}


def values(field):
    """Return a strategy for the values of a field."""
    kinds = {
        "number": st.floats(field.least, field.most),
        "whole": st.integers(int(field.least), int(field.most)),
        "choice": st.sampled_from(field.choices or ("",)),
        "switch": st.booleans(),
    }
    return st.none() | kinds[field.kind] if field.optional else kinds[field.kind]


STATES = st.fixed_dictionaries({key: values(field) for key, field in FIELDS.items()})


def accepted(state):
    try:
        return bool(runs(state))
    except ValueError:
        return False


@pytest.mark.slow
@given(STATES, st.sampled_from(list(PRESETS)))
def test_every_value_comes_back_from_its_text(state, preset):
    assert {key: parse(key, text(value)) for key, value in state.items()} == state
    assert {key: type(parse(key, text(value))) for key, value in state.items()} == {
        key: type(value) for key, value in state.items()
    }


@pytest.mark.slow
@given(STATES.filter(accepted), st.sampled_from(list(PRESETS)))
def test_the_address_restores_the_state(state, preset):
    assert read(write(state, preset)) == (state, preset, "")


def test_addresses_are_short():
    assert write(DEFAULTS) == {}
    assert write(PRESETS["T3"].state, "T3") == {"preset": "T3"}
    assert write(DEFAULTS | {"a.k": 9, "log_values": True}) == {"a.k": "9", "log_values": "1"}


BAD = {
    "alpha": ("7", "alpha = 7 is not allowed here; it must be a number from 0.01 to 1"),
    "n": ("12.5", "n = 12.5 is not allowed here; it must be a whole number from 10 to 400"),
    "eta": ("nan", "eta = nan is not allowed here; it must be a number from 0.01 to 10"),
    "a.method": (
        "magic",
        "a.method = magic is not allowed here; "
        "it must be one of original, useful, tada, syn-all, syn-rand",
    ),
    "rectified": ("yes", "rectified = yes is not allowed here; it must be 0 or 1"),
    "batch": (
        "0",
        "batch = 0 is not allowed here; it must be a whole number from 1 to 400, or empty",
    ),
    "foo": ("1", "there is no parameter foo"),
    "preset": ("T9", f"preset = T9 is not allowed here; it must be one of {', '.join(PRESETS)}"),
    "power": (
        "4",
        "power = 4 is not allowed; "
        "it must be an odd whole number of at least 3 (any from 2 on if rectified)",
    ),
}


@pytest.mark.parametrize("key", BAD)
def test_a_bad_value_in_the_address_is_named_and_falls_back(key):
    raw, expected = BAD[key]
    state, preset, message = read({key: raw})
    assert message == f"From the address, left out: {expected}."
    assert (state, preset) == (DEFAULTS, "start")
    beside = read({key: raw, "log_values": "1"})
    assert beside[0] == DEFAULTS | {"log_values": True}


def test_several_mistakes_give_one_line():
    message = read({"alpha": "x", "b.k": "99", "access_token": "1", "seed": ["1", "2"]})[2]
    assert message.count("\n") == 0
    assert "alpha = x" in message
    assert "b.k = 99" in message
    assert "token" not in message
    assert read({"seed": ["1", "2"]})[0]["seed"] == 2


def test_what_would_take_too_long_is_refused():
    state = DEFAULTS | {"n": 400, "alpha": 0.1, "b.k": 30}
    with pytest.raises(ValueError, match=r"tada would take too long.*lower n, k"):
        runs(state)
    assert runs(state | {"b.method": "useful"})


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_valid_and_say_what_to_look_at(name):
    state = PRESETS[name].state
    assert set(state) == set(FIELDS)
    assert {key: parse(key, value) for key, value in state.items()} == state
    a, b = runs(state)
    assert a != b
    assert len(PRESETS[name].look) > 80


def test_presets_are_one_for_each_claim_and_distinct():
    assert [name for name in PRESETS if name != "start"] == list(theory.claims.CLAIMS)
    assert len({(runs(preset.state), preset.state["seed"]) for preset in PRESETS.values()}) == len(
        PRESETS
    )


@pytest.mark.slow
def test_presets_show_what_they_say():
    def numbers(name, **changes):
        return [
            side["metrics"]
            for side in picture(PRESETS[name].state | changes, name)["data"]["sides"].values()
        ]

    a, b = numbers("T1")
    assert a["speed_ratio"] > 5
    assert b["speed_ratio"] == pytest.approx(1, abs=0.1)
    for name in ("start", "T2", "T3", "T6", "T7"):
        a, b = numbers(name)
        assert b["test_error"][-1] < a["test_error"][-1] - 0.01
        assert b["noise_memorised_slow"][-1] < a["noise_memorised_slow"][-1]
    a, b = numbers("T8")
    assert a["test_error"][-1] < b["test_error"][-1] - 0.05


def test_strength_is_the_path_of_the_experiment():
    for run in EXPERIMENTS["strength"].runs:
        t = float(run.label.removeprefix("strength-"))
        assert along_path(t) == {"kappa": run.method.kappa, "fidelity": run.method.fidelity}
        state = DEFAULTS | {"b.strength": t, "b.k": 3, "b.kappa": 0.123}
        assert runs(state)[1].method == run.method


@pytest.mark.slow
@given(STATES.filter(accepted))
def test_code_gives_the_very_same_runs(state):
    called = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(theory, "simulate", lambda run, seed: called.append((run, seed)))
        exec(python(state), {})
        assert called == [(run, state["seed"]) for run in runs(state)]


@pytest.mark.slow
@given(STATES.filter(accepted))
def test_the_command_line_gives_the_very_same_runs(state):
    called = []

    def note(run, seed):
        called.append((run, seed))
        raise InterruptedError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(commands, "simulate_one", note)
        for run in runs(state):
            words = command(run, state["seed"]).split()
            assert words[:4] == ["python", "-m", "theory", "simulate"]
            with pytest.raises(InterruptedError):
                tyro.cli(commands.simulate, args=words[4:])
            assert called.pop() == (replace(run, label=run.method.name), state["seed"])


def test_code_runs_as_it_stands():
    state = DEFAULTS | SMALL
    names = {}
    exec(python(state), names)
    shown = picture(state, "start")["data"]["sides"]
    assert names["metrics_a"] == shown["a"]["metrics"]
    assert names["metrics_b"] == shown["b"]["metrics"]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"alpha": 0.01},  # no fast feature is drawn: its speed and its examples are missing
        {"alpha": 1.0},
        {"rectified": True, "power": 2},
        {"batch": 4, "a.optimiser": "sam"},
        {"orthogonal": True, "noise_patches": 2},
        {"J": 1, "seed": 5},
        {"b.method": "syn-rand", "b.fidelity": 0.0, "b.scale": 0.0},
    ],
)
def test_pictures_hold_no_nan_and_every_curve(changes):
    shown = picture(DEFAULTS | SMALL | changes, "start")
    json.dumps(shown, allow_nan=False)
    if changes == {"alpha": 0.01}:
        assert shown["sides"]["a"]["curves"]["noise_memorised_fast"] == [None] * len(
            shown["sides"]["a"]["steps"]
        )
    for side in SIDES:
        assert set(shown["sides"][side]["curves"]) == set(CURVES)
        assert len(shown["sides"][side]["steps"]) == len(shown["sides"][side]["curves"]["loss"])
    assert all(
        {"group", "label", "about", "a", "b", "difference"} == set(row) for row in shown["table"]
    )
    assert len({(row["group"], row["label"]) for row in shown["table"]}) == len(shown["table"])


def test_closed_forms_start_where_training_starts_and_end_with_the_early_phase():
    shown = picture(DEFAULTS, "start")
    for side in SIDES:
        curves, forms = shown["sides"][side]["curves"], shown["sides"][side]["predictions"]
        assert set(forms) == {"fast_alignment", "slow_alignment"}
        for curve, (steps, values) in forms.items():
            assert values[0] == pytest.approx(curves[curve][0])
            assert steps[0] == 0
            assert max(values) <= LEARNED * (1 + 1e-9)
        assert forms["fast_alignment"][1][-1] == pytest.approx(LEARNED)


def test_numbers_are_measured_predicted_and_compared():
    shown = picture(DEFAULTS, "start")
    rows = {(row["group"], row["label"]): row for row in shown["table"]}
    a, b = (shown["data"]["sides"][side]["metrics"] for side in SIDES)
    error = rows["After 1000 steps", "test error, %"]
    assert float(error["a"]) == pytest.approx(100 * a["test_error"][-1], abs=0.01)
    assert float(error["difference"].replace("−", "-")) == pytest.approx(
        100 * (b["test_error"][-1] - a["test_error"][-1]), abs=0.01
    )
    off = rows["Speed ratio, fast : slow", "difference, %"]["a"]
    assert float(off.replace("−", "-")) == pytest.approx(
        100 * (a["speed_ratio"] / a["speed_ratio_predicted"] - 1), abs=0.01
    )
    assert rows["Speed ratio, fast : slow", "balancing k*"]["b"] in ("28", "28.0")
    assert rows["Variants against copies", "noise alignment"]["a"] == "–"


def test_view_fields_do_not_train_anew():
    assert runs(DEFAULTS) == runs(
        DEFAULTS | {"at": 3, "log_steps": False, "log_values": True, "controls": False}
    )
    assert set(VIEW) == {"at", "log_steps", "log_values", "controls"}
