"""Test the draws: the law of Gram matrices, what methods share, what a variant keeps."""

from dataclasses import replace

import numpy as np
import pytest
import weight_space
from hypothesis import given, settings
from hypothesis import strategies as st

from theory import Distribution, Method, Network, Optimiser, Run, simulate
from theory.data import ORIGINALS, VARIANTS, draw, gaussian_factor, stream
from theory.problem import stack

METHODS = ("original", "useful", "tada", "syn-all", "syn-rand")


@pytest.mark.slow
@pytest.mark.parametrize("dimension", [1, 3, 6, 50])
def test_gram_has_the_moments_of_explicit_gaussian_vectors(dimension):
    draws, originals, variants = 4000, 3, 3
    factors = np.stack(
        [gaussian_factor(seed, originals, variants, dimension) for seed in range(draws)]
    )
    ours = factors @ factors.swapaxes(1, 2)
    explicit = np.random.default_rng(0).standard_normal((draws, originals + variants, dimension))
    theirs = explicit @ explicit.swapaxes(1, 2)
    for moment in (1, 2):
        a, b = ours**moment, theirs**moment
        error = np.sqrt((a.var(0) + b.var(0)) / draws)
        assert (np.abs(a.mean(0) - b.mean(0)) < 5 * error).all()
    triple = [(g[:, 0, 1] * g[:, 1, 4] * g[:, 4, 0]) for g in (ours, theirs)]  # mean: the dimension
    assert abs(triple[0].mean() - dimension) < 5 * triple[0].std() / np.sqrt(draws)
    assert abs(triple[1].mean() - dimension) < 5 * triple[1].std() / np.sqrt(draws)


def test_rows_have_no_more_coordinates_than_the_dimension():
    assert gaussian_factor(0, 5, 4, dimension=1000).shape == (9, 9)
    assert gaussian_factor(0, 5, 4, dimension=2).shape == (9, 2)
    assert np.array_equal(gaussian_factor(0, 5, 4, 1000), np.tril(gaussian_factor(0, 5, 4, 1000)))


@settings(max_examples=40, deadline=None)
@given(
    name=st.sampled_from(METHODS),
    k=st.integers(1, 4),
    n=st.integers(1, 30),
    d=st.integers(3, 60),
    Q=st.integers(1, 2),
    alpha=st.sampled_from((1e-9, 0.5, 1.0)),
    seed=st.integers(0, 2**40),
)
def test_originals_and_weights_are_the_same_under_every_method(name, k, n, d, Q, alpha, seed):
    base = Run(
        distribution=Distribution(n=n, d=d, noise_patches=Q, alpha=alpha), network=Network(J=3)
    )
    plain = draw(base, seed)
    ours = draw(replace(base, method=Method(name, k=k)), seed)
    r = plain.noise.shape[-1]
    assert np.array_equal(plain.noise, ours.noise[:n, :, :r])
    assert not ours.noise[:n, :, r:].any()
    assert np.array_equal(plain.other_weights, ours.other_weights[:, :r])
    assert np.array_equal(plain.feature_weights, ours.feature_weights)
    assert np.array_equal(plain.labels, ours.labels[:n])
    assert np.array_equal(plain.slow, ours.slow)

    sources = {"original": 0, "syn-all": n}.get(name, ours.slow.sum())
    extra = sources * (k - 1)
    assert ours.multiplicities.sum() == n + extra
    assert len(ours.labels) == (n if name == "useful" else n + extra)


def test_variants_are_shared_between_methods(tiny):
    two, five, every, chosen = (
        draw(tiny(Method(name, k=k, kappa=0.5)), 0)
        for name, k in (("tada", 2), ("tada", 5), ("syn-all", 2), ("syn-rand", 2))
    )
    n = len(two.slow)
    slow = two.slow.sum()
    r = two.noise.shape[-1]
    assert slow > 0
    for other in (five, every):
        np.testing.assert_array_equal(two.noise[n:], other.noise[n : n + slow, :, :r])
        np.testing.assert_array_equal(two.labels[n:], other.labels[n : n + slow])
    rows = {row.tobytes() for row in every.noise[n:]}
    assert len(chosen.noise) == n + slow
    assert all(row.tobytes() in rows for row in chosen.noise[n:])


@pytest.mark.parametrize(
    ("kappa", "scale", "fidelity"), [(0.0, 1.0, 1.0), (0.6, 0.5, 0.9), (0.3, 2.0, 0.0)]
)
def test_variants_keep_label_and_features_and_redraw_the_noise(kappa, scale, fidelity):
    run = Run(
        distribution=Distribution(n=400, d=4000),
        method=Method("syn-all", kappa=kappa, scale=scale, fidelity=fidelity),
    )
    sample = draw(run, 0)
    n = len(sample.slow)
    source = np.argsort(~sample.slow, kind="stable")
    noise = sample.noise[source, 0]
    variants = sample.noise[n:, 0]
    np.testing.assert_array_equal(sample.labels[n:], sample.labels[source])
    np.testing.assert_array_equal(sample.strengths[n:], fidelity * sample.strengths[source])

    norm = 1.5**2 * (4000 - 2) / 4000
    own = (variants * noise).sum(1)
    size = (variants**2).sum(1)
    assert own.mean() == pytest.approx(kappa * norm, abs=0.01)
    assert size.mean() == pytest.approx((kappa**2 + (1 - kappa**2) * scale**2) * norm, rel=0.01)
    others = (variants @ sample.noise[:n, 0].T)[~np.eye(n, dtype=bool)[source]]
    assert others.mean() == pytest.approx(0, abs=0.001)
    assert others.std() == pytest.approx(np.sqrt(size.mean() * norm / 4000), rel=0.05)


def test_variants_that_retain_everything_are_copies(tiny):
    variants, copies = (
        simulate(tiny(Method(name, k=3, kappa=1.0)), 0) for name in ("tada", "useful")
    )
    assert variants["examples"] == copies["examples"] > 24
    for curve in ("fast_alignment", "slow_alignment", "noise_memorised_slow", "loss", "test_error"):
        np.testing.assert_allclose(variants[curve], copies[curve], rtol=0, atol=1e-10)
    fresh = simulate(tiny(Method("tada", k=3)), 0)
    assert abs(fresh["noise_memorised_slow"][-1] - copies["noise_memorised_slow"][-1]) > 1e-3


def test_presence_follows_alpha_and_labels_are_even():
    sample = draw(Run(distribution=Distribution(n=20000, d=3, alpha=0.8), network=Network(J=1)), 0)
    assert sample.slow.mean() == pytest.approx(0.2, abs=0.01)
    assert sample.labels.mean() == pytest.approx(0, abs=0.02)


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("Q", [1, 2])
def test_orthogonal_noise_is_orthogonal_and_shared_between_methods(tiny, name, Q):
    distribution = Distribution(n=24, d=300, alpha=0.7, noise_patches=Q, orthogonal=True)
    plain, ours = (
        draw(tiny(Method(method, k=3, scale=0.5), distribution=distribution), 2)
        for method in ("original", name)
    )
    patches = weight_space.patches(ours).numpy()[:, 2:].reshape(len(ours.labels) * Q, -1)
    sizes = np.repeat([1.5**2] * 24 + [0.75**2] * (len(ours.labels) - 24), Q)
    np.testing.assert_allclose(patches @ patches.T, np.diag(sizes), atol=1e-15)
    assert np.array_equal(plain.labels, ours.labels[:24])
    assert np.array_equal(plain.feature_weights, ours.feature_weights)
    assert np.array_equal(plain.other_weights[:, : 24 * Q], ours.other_weights[:, : 24 * Q])


@pytest.mark.slow
def test_weights_beside_orthogonal_noise_have_the_length_of_gaussian_vectors():
    distribution = Distribution(n=8, d=50, orthogonal=True)
    runs = [
        Run(distribution=distribution, network=Network(J=3, sigma_0=1.0), method=Method(name, k=3))
        for name in ("original", "syn-all")
    ]
    for run in runs:
        drawn = [draw(run, seed).other_weights for seed in range(3000)]
        grams = np.stack([weights @ weights.T for weights in drawn])
        error = grams.std(0) / np.sqrt(len(grams))
        assert (np.abs(grams.mean(0) - 48 * np.eye(3)) < 5 * error).all()
        assert grams[:, 0, 0].var() == pytest.approx(2 * 48, rel=0.15)


def test_a_step_on_orthogonal_noise_does_not_need_the_square_of_n():
    run = Run(
        distribution=Distribution(n=20_000, d=10**6, orthogonal=True),
        network=Network(J=2),
        optimiser=Optimiser(steps=3),
    )
    sample = draw(run, 0)
    assert sample.noise.size == 20_000
    assert stack([sample], run.network).gram.size == 20_000
    assert len(simulate(run, 0)["loss"]) == 4


def test_orthogonal_noise_has_its_limits():
    tight = Run(distribution=Distribution(n=30, d=32, orthogonal=True))
    with pytest.raises(ValueError, match=r"30 orthogonal .* d = 32; allowed: d above 32"):
        draw(tight, 0)
    with pytest.raises(ValueError, match=r"kappa = 0\.5 .* orthogonal"):
        Run(distribution=Distribution(orthogonal=True), method=Method("tada", kappa=0.5))


def test_a_variant_may_miss_the_target():
    """Without targeting a variant has the fast feature as often as any example; copies never do."""
    run = Run(distribution=Distribution(n=400, d=10, alpha=0.7), method=Method("tada", k=4))
    full = draw(run, 0)
    plain = len(full.slow)
    assert not full.strengths[plain:, 0].any()
    seen = {}
    for theta in (0.0, 0.5, 1.0):
        found = draw(replace(run, method=Method("tada", k=4, targeting=theta)), 0)
        assert np.array_equal(found.noise, full.noise)
        assert np.array_equal(found.strengths[:, 1], full.strengths[:, 1])
        seen[theta] = found.strengths[plain:, 0] > 0
    assert seen[0.0].mean() == pytest.approx(0.7, abs=0.08)
    assert seen[0.5].mean() == pytest.approx(0.35, abs=0.08)
    assert not (seen[0.5] & ~seen[0.0]).any(), "who follows at one targeting follows at a larger"
    shorter = draw(replace(run, method=Method("tada", k=2, targeting=0.0)), 0)
    count = len(shorter.labels) - plain
    assert np.array_equal(
        shorter.strengths[plain:],
        0.0
        + draw(replace(run, method=Method("tada", k=4, targeting=0.0)), 0).strengths[
            plain : plain + count
        ],
    )


@pytest.mark.parametrize("dimension", [1, 6, 9, 40])
def test_the_factor_takes_one_number_after_another_from_its_streams(dimension):
    factor = gaussian_factor(7, 8, 5, dimension)
    for purpose, start, stop in ((ORIGINALS, 0, 8), (VARIANTS, 8, 13)):
        rng = stream(7, purpose)
        for i in range(start, stop):
            row = [rng.standard_normal() for _ in range(min(i, dimension))]
            if i < dimension:
                row.append(np.sqrt(rng.chisquare(dimension - i)))
            expected = np.zeros(factor.shape[1])
            expected[: len(row)] = row
            np.testing.assert_array_equal(factor[i], expected)
