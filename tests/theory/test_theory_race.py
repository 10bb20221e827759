"""Test the race law: clocks along exact training, closed forms, and who learns what."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from theory import Axis, Distribution, Method, Network, Optimiser, Run, Sweep, simulate, sweep
from theory.batches import batch_weights
from theory.data import draw
from theory.dynamics import train
from theory.problem import stack
from theory.race import PREDICTED, Race, blow_up, clocks, noise_starts, race

METHODS = (
    Method("original", k=1),
    Method("useful", k=4),
    Method("tada", k=3),
    Method("tada", k=3, fidelity=0.6, scale=1.3),
    Method("tada", k=4, targeting=0.3),
    Method("syn-all", k=2),
    Method("syn-rand", k=3),
)


def slow_entries(sample):
    """Return which entries lack the fast feature: the originals, then the variants."""
    return sample.strengths[:, 0] == 0


@pytest.mark.parametrize("method", METHODS, ids=str)
@pytest.mark.parametrize("optimiser", [Optimiser(steps=80), Optimiser("sam", steps=80)])
@pytest.mark.parametrize("batch", [None, 7])
def test_the_clocks_of_slow_examples_explain_the_slow_feature(tiny, method, optimiser, batch):
    optimiser = replace(optimiser, batch=batch)
    run = tiny(method, optimiser=optimiser)
    sample = draw(run, 1)
    problem = stack([sample], run.network)

    def batches():
        return batch_weights([sample], [1], batch) if batch else None

    found = clocks(problem, train(problem, optimiser, batches()), optimiser, batches())
    ahead = race(replace(run, optimiser=Optimiser()), sample)
    noise = found.noise[0, : len(sample.labels)][slow_entries(sample)]
    assert found.fast[0] > 0
    assert found.slow[0] - found.fast[0] == pytest.approx(ahead.pulls @ noise, abs=1e-12)
    mean = np.average(noise, weights=ahead.pulls)
    explained = ahead.k_eff * ahead.slow_examples * mean
    assert found.slow[0] - found.fast[0] == pytest.approx(explained, abs=1e-12)


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        (Method("original", k=1), 1),
        (Method("useful", k=7), 1),
        (Method("tada", k=5), 5),
        (Method("syn-all", k=3), 3),
        (Method("tada", k=3, fidelity=0.5), 1 + 2 / 8),
    ],
)
def test_copies_count_once_and_variants_count_each(tiny, method, expected):
    assert race(tiny(method)).k_eff == pytest.approx(expected)


@pytest.mark.parametrize("method", [Method("useful", k=3), Method("tada", k=2)], ids=str)
@pytest.mark.parametrize("power", [3, 5])
def test_each_alignment_obeys_its_equation_on_its_own_clock(tiny, method, power):
    network = Network(J=4, sigma_0=0.3 if power == 3 else 0.5, power=power)
    optimiser = Optimiser(eta=0.005, steps=500)
    distribution = Distribution(n=24, d=200, alpha=0.7, orthogonal=True)
    run = tiny(method, network=network, optimiser=optimiser, distribution=distribution)
    sample = draw(run, 2)
    problem = stack([sample], network)
    *_, last = train(problem, optimiser)
    found = clocks(problem, train(problem, optimiser), optimiser)
    ahead = race(run, sample)

    def left(end, clock):
        """Return x^{2-q} in units of x(0)^{2-q}; it falls linearly on the clock, to 0."""
        return 1 - clock / end

    start = sample.feature_weights.max(axis=0)
    reached = (last.features[0].max(axis=0) / start) ** (2 - power)
    assert reached[0] == pytest.approx(left(ahead.fast, found.fast[0]), abs=0.02)
    assert reached[1] == pytest.approx(left(ahead.slow, found.slow[0]), abs=0.02)
    assert reached[0] < 0.5
    number = len(sample.labels)
    starts, squares = noise_starts(sample)
    ends = blow_up(starts, squares, power)[:, 0]
    grows = np.isfinite(ends)
    signed = (sample.labels * last.projections[0, :, :number]).max(axis=0)  # (N,)
    reached = (signed[grows] / starts[grows, 0]) ** (2 - power)
    expected = left(ends[grows], found.noise[0, :number][grows])
    np.testing.assert_allclose(reached, expected, atol=0.02)
    assert reached.min() < 0.9
    assert found.slow[0] < ahead.budget()


@settings(max_examples=30, deadline=None)
@given(st.floats(0.05, 0.8), st.floats(0.1, 3.0), st.sampled_from([3, 5, 7]), st.floats(1.2, 4.0))
def test_the_time_to_a_level_is_that_of_the_differential_equation(start, s, power, times):
    level = times * start
    end = float(blow_up(start, s, power, level))
    solved = solve_ivp(
        lambda _, x: power / 2 * s * x ** (power - 1), (0, end), [start], rtol=1e-9, atol=1e-12
    )
    assert solved.y[0, -1] == pytest.approx(level, rel=1e-5)
    assert end < float(blow_up(start, s, power))
    assert float(blow_up(level, s, power, start)) == 0
    assert float(blow_up(-start, s, power)) == math.inf


times = st.floats(0.5, 50.0)


@settings(max_examples=60, deadline=None)
@given(
    fast=times,
    learned=times,
    noise=st.lists(times, min_size=1, max_size=6),
    data=st.data(),
)
def test_the_time_to_learn_is_where_the_budget_is_enough(fast, learned, noise, data):
    def listed(values):
        return np.array(
            data.draw(st.lists(values, min_size=len(noise), max_size=len(noise))), dtype=float
        )

    weights = listed(st.floats(0.01, 0.3))
    pulls = listed(st.floats(0.1, 1.0))
    one = Race(fast, learned + 1, learned, np.array(noise), weights, pulls, 0.4, len(noise))
    time = one.learning_time()
    if math.isinf(time):
        assert one.budget() <= learned
        assert not one.learned_by(1e9)
    else:
        assert one.budget(time) == pytest.approx(learned, rel=1e-9)
        assert one.learned_by(time * 1.001 + 1e-9) or one.budget() == pytest.approx(learned)
        assert not one.learned_by(time * 0.999)


def test_the_ratio_compares_the_median_noise_with_what_the_fast_feature_leaves():
    noise = np.array([1.0, 2.0, 90.0, 7.0])  # three originals, one variant
    one = Race(5.0, 20.0, 18.0, noise, np.full(4, 0.1), np.ones(4), 0.6, 3)
    assert one.k_eff == pytest.approx(4 / 3)
    assert one.ratio == pytest.approx(3 * 2 / 15)
    assert not one.learned
    assert replace(one, noise=4 * noise).learned
    assert replace(one, slow=4.0).ratio == math.inf
    assert replace(one, slow=math.inf).ratio == 0
    without = replace(one, noise=noise[:0], weights=noise[:0], pulls=noise[:0], slow_examples=0)
    assert (without.k_eff, without.ratio, without.learned) == (1, 0, False)


def test_what_no_neuron_begins_is_never_learned(tiny):
    run = tiny()
    sample = draw(run, 0)
    still = replace(sample, feature_weights=-np.abs(sample.feature_weights))
    ahead = race(run, still)
    assert ahead.fast == ahead.slow == ahead.learning_time() == math.inf
    assert not ahead.learned


def test_variants_without_the_slow_feature_do_not_count(tiny):
    run = tiny(Method("tada", k=3, fidelity=0.0), network=Network(J=1))
    ahead = race(run, seed=4)
    assert not np.isfinite(ahead.noise).all(), "some noise has no neuron that is aligned with it"
    assert ahead.k_eff == 1
    assert len(ahead.noise) == ahead.slow_examples
    assert not math.isnan(ahead.budget(3.0))
    assert ahead.budget() == math.inf


def test_several_patches_are_memorised_by_the_first(tiny):
    run = tiny(distribution=Distribution(n=24, d=200, noise_patches=2))
    sample = draw(run, 0)
    starts, squares = noise_starts(sample)
    assert starts.shape == squares.shape == (24, 2)
    expected = np.min(1 / (1.5 * squares * starts), axis=1)[slow_entries(sample)]
    np.testing.assert_allclose(race(run, sample).noise, expected)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"optimiser": Optimiser("sam")}, "SAM; allowed: gd"),
        ({"network": Network(power=2, rectified=True)}, "rectified network; allowed: an odd"),
        ({"method": Method("tada", kappa=0.5)}, r"kappa = 0.5; allowed: 0"),
    ],
)
def test_what_the_law_does_not_cover_is_named(changes, message):
    with pytest.raises(ValueError, match=message):
        race(Run(**changes))


def test_records_hold_the_prediction_beside_the_outcome(tiny):
    run = tiny(Method("tada", k=2))
    for seed in (3, 4):
        metrics = simulate(run, seed)
        ahead = race(run, seed=seed)
        values = (ahead.ratio, ahead.k_eff, ahead.learning_time() / run.optimiser.eta)
        expected = [value if math.isfinite(value) else None for value in values]
        assert [metrics[name] for name in PREDICTED] == expected
    sam = simulate(replace(run, optimiser=replace(run.optimiser, name="sam")), 4)
    assert [sam[name] for name in PREDICTED] == expected
    kept = simulate(replace(run, method=Method("tada", kappa=0.5)), 3)
    assert [kept[name] for name in PREDICTED] == [None, None, None]


@pytest.mark.slow
def test_the_law_tells_who_learns_and_when():
    weak = Axis("distribution.beta_d", (0.4, 0.45, 0.5, 0.55, 0.6))
    optimiser = Optimiser("gd", steps=1200)
    right, pace = [], []
    for method in (Method("original", k=1), Method("useful", k=5), Method("tada", k=5)):
        for seed in (1, 2, 3):
            config = Sweep("x", "x", optimiser=optimiser, method=method, axes=(weak,), race=True)
            found = sweep(config, seed)
            for time, due in zip(found["time_slow"], found["race_steps"], strict=True):
                right.append((time is not None) == (due is not None and due <= 1200))
                pace += [time / due] if time and due else []
    assert np.mean(right) >= 0.9
    assert 0.95 < np.median(pace) < 1.1
    assert len(pace) > 10
