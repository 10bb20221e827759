"""Test that interrupted runs end with the same bits as others.

Also damaged checkpoints, divergence, and the reports of progress.
"""

import copy
import itertools
import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from empirical.config import Training
from empirical.data.images import Images, on_device
from empirical.runtime.machine import Machine
from empirical.training import fit
from empirical.training.evaluation import History
from empirical.training.fit import evenly_spaced_steps, load_checkpoint, save_checkpoint
from empirical.training.networks import classifier
from empirical.training.optimisers import build
from empirical.training.progress import Progress
from empirical.training.trainer import Diverged, Trainer
from figures.records import no_progress

pytestmark = pytest.mark.slow

N, STEPS, EVALUATIONS = 40, 11, 4
RNG = np.random.default_rng(0)
IMAGES = Images(
    RNG.integers(0, 256, (N, 8, 8, 3), dtype=np.uint8), RNG.integers(0, 3, N), ("a", "b", "c")
)
SLOW = np.arange(N) % 3 == 0
SGD = Training(width=8, batch=16, augment="crop-flip")  # 2.5 steps an epoch
RECIPES = {
    "sgd": SGD,
    "sam": Training(width=8, batch=16, optimiser="sam", augment="crop-flip-trivial", nesterov=True),
    "adamw": Training(
        width=8,
        batch=16,
        optimiser="adamw",
        lr=1e-2,
        augment="trivial",
        schedule="cosine",
        warmup=0.3,
    ),
    "asam": Training(
        width=8, batch=16, optimiser="asam", gradient_accumulation=2, label_smoothing=0.1
    ),
    "asam-adamw": Training(  # batches that span three epochs
        width=8, batch=54, optimiser="asam-adamw", lr=1e-2, gradient_accumulation=2, augment="crop"
    ),
    "bfloat16": Training(width=8, batch=16, precision="bfloat16", augment="crop-flip"),
}
ALWAYS = Machine(checkpoint=0)  # a checkpoint after every step


class Stopped(Exception):
    """An interruption, as by a loss of power."""


def keeper(every, stops):
    """Return a ``save_checkpoint`` that writes after every ``every`` steps.

    It raises Stopped once after each of the steps ``stops``.
    """
    left = set(stops)

    def save(path, state):
        step = state["trainer"]["step"]
        if step % every == 0:
            save_checkpoint(path, state)
        if step in left:
            left.remove(step)
            raise Stopped

    return save


def run_once(config, path, machine, reports, advance=no_progress, steps=STEPS):
    """Do one process's part of a run with new objects; return the network and the history."""
    network, history = classifier(IMAGES, config, 3), History(SLOW)
    images = on_device(IMAGES, "cpu")
    fit.fit(
        network,
        images,
        images,
        config,
        steps,
        history,
        EVALUATIONS,
        np.random.default_rng(5),
        path,
        machine,
        advance,
        reports.append,
    )
    return network, history


def run(config, folder, stops=(), every=1, machine=ALWAYS):
    """Do a run with interruptions; return what must not depend on them.

    Weights and statistics, the history and its metrics, loss and error by step as reported, and the
    sum of the fractions reported by each process.
    """
    reports = []
    fractions = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fit, "save_checkpoint", keeper(every, stops))
        for _ in range(len(stops) + 1):
            fractions.append(0.0)
            try:
                network, history = run_once(
                    config,
                    folder / "run.pt",
                    machine,
                    reports,
                    lambda part: fractions.append(fractions.pop() + part),
                )
            except Stopped:
                continue
            return (
                network.state_dict(),
                history.state_dict(),
                history.metrics(),
                {p.step: (p.loss, p.error) for p in reports},
                fractions,
            )
    raise AssertionError("stopped too often")


def assert_same(one, other):
    (weights, seen, metrics, losses, _), (weights_2, seen_2, metrics_2, losses_2, _) = one, other
    assert weights.keys() == weights_2.keys()
    assert all(torch.equal(value, weights_2[name]) for name, value in weights.items())
    assert seen["steps"] == seen_2["steps"]
    assert torch.equal(seen["right"], seen_2["right"])
    assert torch.equal(seen["losses"], seen_2["losses"])
    assert metrics == metrics_2
    assert losses == losses_2


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Run each recipe without interruption and without a checkpoint."""
    return {
        name: run(config, tmp_path_factory.mktemp(name), machine=Machine())
        for name, config in RECIPES.items()
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize(("stops", "every"), [((1, 6, 10), 1), ((4, 7), 3)])
def test_an_interrupted_run_ends_with_the_same_bits(whole, tmp_path, name, stops, every):
    again = run(RECIPES[name], tmp_path, stops, every)
    assert_same(whole[name], again)
    # the last process reports the parts before it, too
    assert again[-1][-1] == pytest.approx(1)


@pytest.mark.slow
@settings(max_examples=8)
@given(stops=st.sets(st.integers(1, STEPS - 1), max_size=3), every=st.integers(1, 5))
def test_it_may_be_interrupted_after_any_steps(whole, tmp_path_factory, stops, every):
    assert_same(whole["sgd"], run(SGD, tmp_path_factory.mktemp("sgd"), stops, every))


def test_the_recipes_are_all_different(whole):
    ends = [tuple(result[0]["0.weight"].flatten().tolist()) for result in whole.values()]
    assert len(set(ends)) == len(RECIPES)


def test_a_checkpoint_is_kept_no_more_often_than_asked_for(tmp_path, monkeypatch):
    kept, clock = [], iter(np.arange(0, 100, 0.5))
    monkeypatch.setattr(fit.time, "monotonic", lambda: float(next(clock)))
    monkeypatch.setattr(
        fit, "save_checkpoint", lambda path, state: kept.append(state["trainer"]["step"])
    )
    run_once(SGD, tmp_path / "run.pt", Machine(checkpoint=1e9), [])
    assert kept == []
    run_once(SGD, tmp_path / "run.pt", Machine(checkpoint=1.4), [])
    assert 1 < len(kept) < STEPS - 1
    assert STEPS not in kept  # the record follows at once


def test_seconds_of_the_processes_before_are_kept(tmp_path, monkeypatch):
    clock = iter(np.arange(0.0, 1000.0))
    reports = []
    path = tmp_path / "run.pt"
    monkeypatch.setattr(fit.time, "monotonic", lambda: float(next(clock)))
    spent = [0.0]
    for stop in (4, 8):
        monkeypatch.setattr(fit, "save_checkpoint", keeper(1, [stop]))
        with pytest.raises(Stopped):
            run_once(SGD, path, ALWAYS, reports)
        spent.append(load_checkpoint(path, torch.device("cpu"))["seconds"])
    run_once(SGD, path, ALWAYS, reports)
    assert 0 < spent[1] < spent[2]
    assert list(dict.fromkeys(progress.earlier for progress in reports)) == spent


def damaged(raw):
    """Yield damaged versions of a file's bytes."""
    half = len(raw) // 2
    yield from (
        b"",
        raw[:50],
        raw[:half],
        raw[:-1],
        b"x" * len(raw),
        raw[:half] + bytes([raw[half] ^ 0x55]) + raw[half + 1 :],
    )


@pytest.mark.slow
def test_a_damaged_checkpoint_begins_anew_with_the_same_result(whole, tmp_path):
    path = tmp_path / "run.pt"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fit, "save_checkpoint", keeper(1, [7]))
        with pytest.raises(Stopped):
            run_once(SGD, path, ALWAYS, [])
    raw = path.read_bytes()
    assert load_checkpoint(path, torch.device("cpu"))["trainer"]["step"] == 7
    for spoilt in damaged(raw):
        path.write_bytes(spoilt)
        assert load_checkpoint(path, torch.device("cpu")) is None
        assert_same(whole["sgd"], run(SGD, tmp_path, machine=Machine()))


def test_every_damage_of_a_checkpoints_numbers_is_noticed(tmp_path):
    path, state = tmp_path / "some.pt", {"weights": torch.arange(200.0), "step": 3}
    save_checkpoint(path, state)
    raw = path.read_bytes()
    for place in range(0, len(raw), 11):
        path.write_bytes(raw[:place] + bytes([raw[place] ^ 0x55]) + raw[place + 1 :])
        found = load_checkpoint(path, torch.device("cpu"))
        assert found is None or (
            torch.equal(found["weights"], state["weights"]) and found["step"] == 3
        )


def test_a_checkpoint_is_whole_or_not_there_and_none_is_left(tmp_path, monkeypatch):
    path = tmp_path / "run.pt"
    (tmp_path / f".12345.{path.name}").write_bytes(b"of a process that was killed")
    save_checkpoint(path, {"step": 1})

    def half(state, file):
        file.write_bytes(b"half")
        raise Stopped

    monkeypatch.setattr(torch, "save", half)
    with pytest.raises(Stopped):
        save_checkpoint(path, {"step": 2})
    assert load_checkpoint(path, torch.device("cpu")) == {"step": 1}
    fit.forget_checkpoint(path)
    assert list(tmp_path.iterdir()) == []


def test_a_run_finished_by_another_process_stops_no_one(tmp_path, monkeypatch):
    save, path = torch.save, tmp_path / "run.pt"
    monkeypatch.setattr(
        torch, "save", lambda state, file: (save(state, file), fit.forget_checkpoint(path))
    )
    save_checkpoint(path, {"step": 1})
    assert list(tmp_path.iterdir()) == []


def test_a_step_to_be_captured_goes_on_from_one_that_was_not():
    """Resume in a trainer whose rate is a tensor, which is set in place for captured steps.

    A checkpoint must not replace it by a number.
    """
    images = on_device(IMAGES, "cpu")
    for name in ("sgd", "adamw"):
        one, other = (
            Trainer(classifier(IMAGES, SGD, 0), *images, RECIPES[name], 9, np.random.default_rng(0))
            for _ in range(2)
        )
        next(one.run())
        other.optimiser, other.base = build(other.network, RECIPES[name], capturable=True)
        rate = other.base.param_groups[0]["lr"]
        other.load_state_dict(copy.deepcopy(one.state_dict()))
        assert other.base.param_groups[0]["lr"] is rate
        one.load_state_dict(copy.deepcopy(other.state_dict()))
        assert isinstance(one.base.param_groups[0]["lr"], float)
        next(one.run())
        next(other.run())
        assert all(
            torch.allclose(a, b)
            for a, b in zip(one.network.parameters(), other.network.parameters(), strict=True)
        )


@pytest.mark.parametrize("moment", ["in training", "at a check"])
def test_divergence_is_named_and_leaves_no_checkpoint(tmp_path, monkeypatch, moment):
    config, path = Training(width=8, batch=16, lr=1e25), tmp_path / "run.pt"
    if moment == "in training":
        monkeypatch.setattr(fit, "evenly_spaced_steps", lambda steps, count: [steps])
    kept = []
    monkeypatch.setattr(
        fit,
        "save_checkpoint",
        lambda path, state: (kept.append(path), save_checkpoint(path, state)),
    )
    with pytest.raises(
        Diverged,
        match=r"training loss is (nan|inf) at step \d+: lower training\.lr \(1e\+25\)",
    ):
        run_once(config, path, ALWAYS, [])
    assert kept
    assert list(tmp_path.iterdir()) == []


def test_the_last_step_is_looked_at_too(tmp_path):
    """One step that ruins the weights has a finite loss itself."""
    with pytest.raises(Diverged, match="training loss is nan at step 1"):
        run_once(
            Training(width=8, batch=16, lr=float("inf")),
            tmp_path / "run.pt",
            Machine(),
            [],
            steps=1,
        )


def test_progress_is_reported_once_an_epoch(whole):
    losses = whole["sgd"][3]
    assert list(losses) == [3, 5, 8, 10, 11]  # 16 images a step, 40 an epoch; and at the end
    # the first evaluation is after step 3
    assert [error is None for _, error in losses.values()] == [False] * 5
    assert list(whole["asam-adamw"][3]) == list(range(1, STEPS + 1))


def test_the_loss_reported_is_the_mean_over_the_epoch(tmp_path, monkeypatch):
    each, update = [], Trainer._update

    def noted(self, *arguments):
        value = update(self, *arguments)
        each.append(value.item())
        return value

    monkeypatch.setattr(Trainer, "_update", noted)
    reports = []
    run_once(SGD, tmp_path / "run.pt", Machine(), reports)
    bounds = [0, *(p.step for p in reports)]
    means = [np.mean(each[a:b]) for a, b in itertools.pairwise(bounds)]
    np.testing.assert_allclose([p.loss for p in reports], means, rtol=1e-5)
    assert [p.epoch for p in reports] == [p.step * 16 / N for p in reports]


def test_the_line_of_an_epoch():
    line = str(Progress(391, 78200, 1.0, 1.5, 12345.6, 3725.0, 0.0525))
    assert line == (
        "epoch    1.0  step 391/78200  loss 1.5000  training error  5.25%  12,346 images/s  "
        "62:05 left"
    )
    assert "training error" not in str(Progress(1, 2, 0.5, 1.5, 1, 0, None))
    assert re.search(r"1:00 left$", str(Progress(1, 2, 0.5, 1.5, 1, 59.7, None)))


@given(steps=st.integers(1, 500), checks=st.integers(1, 60))
def test_checks_are_even_and_end_with_the_last_step(steps, checks):
    places = evenly_spaced_steps(steps, checks)
    assert len(places) == min(steps, checks)
    assert places[-1] == steps
    assert min(places) >= 1
    gaps = np.diff([0, *places])
    assert gaps.max() - gaps.min() <= 1
