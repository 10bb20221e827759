"""Test grids of runs: each point equals its run, wherever and beside whatever it was computed."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from theory import Distribution, Method, Network, Optimiser, simulate
from theory.config import Axis, Sweep, varied
from theory.race import PREDICTED
from theory.sweeps import BLOCK, MEASURED, blocks, groups, points, sweep

ALPHAS = (0.5, 0.6, 0.9)
RATIOS = (0.3, 0.5, 0.7, 0.9)
COMPARED = (
    "test_error",
    "test_error_slow",
    "fast_alignment",
    "slow_alignment",
    "noise_memorised_slow",
    "loss",
)


@pytest.fixture
def small():
    """Return a function that makes a sweep over α (noisy) and β_d (quiet).

    Its arguments are the method and changes of the sweep's other fields.
    """

    def make(method=None, **changes):
        settings = {
            "distribution": Distribution(n=24, d=200),
            "network": Network(J=4, sigma_0=0.1),
            "optimiser": Optimiser(eta=0.3, steps=150),
            "axes": (Axis("distribution.alpha", ALPHAS), Axis("distribution.beta_d", RATIOS)),
        }
        settings |= {"method": method or Method("tada", k=3), **changes}
        return Sweep("grid", "small", **settings)

    return make


@pytest.mark.slow
@pytest.mark.parametrize(("precision", "tolerance"), [("float64", 1e-9), ("float32", 2e-3)])
@pytest.mark.parametrize("order", [1, -1])
def test_every_point_is_the_run_it_stands_for(small, precision, tolerance, order):
    config = small(precision=precision)
    config = replace(config, axes=config.axes[::order])
    values = sweep(config, 3)
    assert set(values) == set(MEASURED)
    for i, j in product(range(3), range(4)):
        run = varied(config, "distribution.alpha", ALPHAS[i])
        alone = simulate(varied(run, "distribution.beta_d", RATIOS[j]), 3)
        first, second = (i, j)[::order]
        at = {name: column[first][second] for name, column in values.items()}
        for name in COMPARED:
            assert at[name] == pytest.approx(alone[name][-1], abs=tolerance), name
        assert at["time_fast"] == pytest.approx(alone["time_fast"], abs=1)
    assert np.ptp(values["test_error"]) > 0.01, "all points have the same error"


def test_runs_that_differ_in_what_leaves_the_noise_alone_share_a_block(small):
    ratios = Axis("distribution.beta_d", tuple(np.linspace(0.2, 0.9, 70)))
    factors = Axis("method.k", (2, 3))
    config = small(axes=(ratios, factors))
    sizes = [len(block) for block in blocks(groups(points(config, 0)))]
    assert sizes == [64, 6, 64, 6]
    shared = small(Method("useful", k=2), axes=(Axis("distribution.alpha", ALPHAS), factors))
    assert [len(block) for block in blocks(groups(points(shared, 0)))] == [6]


def test_runs_that_differ_in_their_noise_are_joined_too(small):
    scales = Axis("method.scale", tuple(np.linspace(0.2, 0.9, 70)))
    config = small(Method("syn-all"), axes=(scales, Axis("optimiser.eta", (0.1, 0.2))))
    grouped = list(groups(points(config, 0)))
    assert {len(group) for group in grouped} == {2}
    assert [len(block) for block in blocks(grouped)] == [BLOCK, BLOCK, 140 - 2 * BLOCK]


def test_one_axis_gives_a_list_and_three_give_lists_of_lists_of_lists(small):
    axes = (
        Axis("optimiser.rho", (0.0, 0.1)),
        Axis("distribution.alpha", ALPHAS),
        Axis("network.sigma_0", (0.05, 0.1)),
    )
    optimiser = Optimiser("sam", steps=30)
    config = small(optimiser=optimiser, axes=axes)
    values = sweep(config, 0)["loss"]
    assert np.shape(values) == (2, 3, 2)
    run = varied(config, "optimiser.rho", 0.1)
    run = varied(run, "distribution.alpha", 0.9)
    alone = simulate(varied(run, "network.sigma_0", 0.05), 0)
    assert values[1][2][0] == pytest.approx(alone["loss"][-1], abs=1e-6)
    single = small(optimiser=optimiser, axes=axes[:1])
    expected = [simulate(varied(single, "optimiser.rho", rho), 0)["loss"][-1] for rho in (0.0, 0.1)]
    assert sweep(single, 0)["loss"] == pytest.approx(expected, abs=1e-6)


def test_a_point_that_diverges_is_empty_and_spoils_no_other(small):
    config = small(
        distribution=Distribution(n=24, d=200, sigma_p=5.0),
        axes=(Axis("optimiser.eta", (0.01, 50.0, 0.02)),),
    )
    values = sweep(config, 0)
    assert [value is None for value in values["test_error"]] == [False, True, False]
    calm = sweep(replace(config, axes=(Axis("optimiser.eta", (0.01, 0.02)),)), 0)
    assert [values["loss"][i] for i in (0, 2)] == pytest.approx(calm["loss"], abs=1e-6)


def test_progress_counts_every_run(small):
    seen = []
    sweep(small(), 0, seen.append)
    assert sum(seen) == 12


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ((), r"axes = \(\)"),
        ((("network.J", (1, 2)),), r"axis = 'network\.J' .* distribution\.n, "),
        ((("distribution.alpha", ()),), r"distribution\.alpha = \(\)"),
        ((("distribution.alpha", (0.5, 1.5)),), r"alpha = 1\.5"),
        ((("method.k", (2, 2.5)),), r"k = 2\.5"),
    ],
)
def test_a_mistaken_axis_is_named(small, axes, message):
    with pytest.raises(ValueError, match=message):
        small(axes=tuple(Axis(*axis) for axis in axes))


def test_a_sweep_has_no_mini_batches(small):
    with pytest.raises(ValueError, match=r"batch = 5 .* None"):
        small(optimiser=Optimiser(batch=5))


@pytest.mark.slow
def test_an_early_moment_is_the_end_of_a_shorter_sweep(small):
    config = small(early=60)
    values = sweep(config, 2)
    shorter = sweep(small(optimiser=Optimiser(eta=0.3, steps=60)), 2)
    for name in ("test_error", "test_error_slow"):
        np.testing.assert_allclose(values[f"{name}_early"], shorter[name], atol=1e-5)
    assert not np.allclose(values["test_error"], values["test_error_early"], atol=1e-4)
    with pytest.raises(ValueError, match=r"early = 151 .*at most the 150 steps"):
        small(early=151)


def test_predictions_stand_beside_the_outcomes(small):
    config = small(race=True, axes=(Axis("distribution.beta_d", RATIOS),))
    values = sweep(config, 2)
    for i, ratio in enumerate(RATIOS):
        alone = simulate(varied(config, "distribution.beta_d", ratio), 2)
        for name in PREDICTED:
            assert values[name][i] == pytest.approx(alone[name])
