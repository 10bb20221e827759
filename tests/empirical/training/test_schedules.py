"""Test learning rates over a run: the paper's proportions, cosine, warm-up; the recipes."""

import dataclasses
import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from empirical.config import Training
from empirical.config.recipes import PAPER_SAM_CIFAR100, PAPER_SGD, RECIPES
from empirical.training.schedules import (
    SCHEDULES,
    cosine,
    factor,
    set_rate,
    step_decay,
    with_warmup,
)


@given(steps=st.integers(1, 400))
def test_step_decay_keeps_the_papers_proportions(steps):
    factors = [step_decay(step, steps) for step in range(steps)]
    assert sorted(factors, reverse=True) == factors
    assert factors.count(1.0) == -(-steps // 2)
    assert factors.count(0.01) == steps - -(-3 * steps // 4)


def test_step_decay_is_the_papers():
    epoch = 391  # steps of 128 in 50,000
    rates = [
        factor(PAPER_SGD, step, 200 * epoch)
        for step in (0, 100 * epoch - 1, 100 * epoch, 150 * epoch - 1, 150 * epoch)
    ]
    assert rates == [1.0, 1.0, 0.1, 0.1, 0.01]


@given(steps=st.integers(2, 300))
def test_cosine_falls_from_one_and_is_half_in_the_middle(steps):
    factors = [cosine(step, steps) for step in range(steps)]
    assert factors[0] == 1.0
    assert all(a > b > 0 for a, b in itertools.pairwise(factors))
    assert cosine(steps, 2 * steps) == pytest.approx(0.5)
    assert factors[-1] == pytest.approx(math.sin(math.pi / 2 / steps) ** 2)


@given(
    steps=st.integers(1, 300), warmup=st.floats(0, 0.99), name=st.sampled_from(sorted(SCHEDULES))
)
def test_warm_up_is_a_straight_line_from_one_part_to_all(steps, warmup, name):
    config = Training(schedule=name, warmup=warmup)
    warm = round(warmup * steps)
    rates = [factor(config, step, steps) for step in range(steps)]
    assert rates[:warm] == [(step + 1) / warm for step in range(warm)]
    assert all(0 < rate <= 1 for rate in rates)
    if name == "constant":
        assert rates[warm:] == [1.0] * (steps - warm)
    if name == "step":
        assert rates[warm:] == [step_decay(step, steps) for step in range(warm, steps)]
    if name == "cosine" and warm < steps:
        assert rates[warm] == 1.0


@given(steps=st.integers(1, 3000))
def test_the_generators_schedule_is_a_rise_and_half_a_cosine(steps):
    """Compare bit for bit with the formula by which the committed generators were trained."""
    rise = max(1, round(0.05 * steps))
    for step in range(steps):
        fall = 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, steps - rise)))
        expected = (step + 1) / rise if step < rise else fall
        assert with_warmup("cosine", step, steps, rise) == expected


def test_rates_are_set_in_every_group_and_in_place_in_a_tensor():
    one, two = torch.nn.Parameter(torch.zeros(1)), torch.nn.Parameter(torch.zeros(1))
    base = torch.optim.SGD([{"params": [one]}, {"params": [two]}], lr=1.0)
    set_rate(base, 0.25)
    assert [group["lr"] for group in base.param_groups] == [0.25, 0.25]
    rate = torch.tensor(1.0)
    base = torch.optim.SGD([one], lr=rate)
    set_rate(base, 0.25)
    assert base.param_groups[0]["lr"] is rate
    assert rate == 0.25


def test_recipes_are_the_papers():
    assert (PAPER_SGD.epochs, PAPER_SGD.batch) == (200, 128)
    assert (PAPER_SGD.lr, PAPER_SGD.schedule, PAPER_SGD.warmup) == (0.1, "step", 0.0)
    assert (PAPER_SGD.momentum, PAPER_SGD.nesterov) == (0.9, False)
    assert (PAPER_SGD.weight_decay, PAPER_SGD.label_smoothing) == (5e-4, 0.0)
    assert RECIPES["paper-sam"] == dataclasses.replace(PAPER_SGD, optimiser="sam", rho=0.1)
    assert PAPER_SAM_CIFAR100.rho == 0.2
    assert all(recipe.base == "adamw" for name, recipe in RECIPES.items() if name.endswith("adamw"))
