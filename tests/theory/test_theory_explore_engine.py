"""Test the explorer's engine: the same streams, data, training and measures as in Python."""

from dataclasses import asdict, replace
from itertools import pairwise

import javascript as js
import numpy as np
import pytest
from javascript import javascript

from theory import Distribution, Method, Network, Optimiser, Run
from theory.batches import batch_weights
from theory.closed_forms import (
    balancing_factor,
    growth_rates,
    noise_alignment_ratio,
    shared_noise,
    slow_gradient_variance,
    speed_ratio,
)
from theory.config import MethodName
from theory.data import draw, stream
from theory.dynamics import train
from theory.measures import (
    CURVES,
    early_speeds,
    learning_times,
    measure,
    predicted_ratio,
)
from theory.population import chi_tail
from theory.probes import factors, mean_alignment, squares
from theory.problem import padded, stack
from theory.race import clocks, predictions

pytestmark = pytest.mark.slow

MANY = 1_000_000
SUM = """
const words = new Uint32Array(new Float64Array(values).buffer);
let sum = 0;
words.forEach((word, i) => { sum = (sum + Math.imul(i + 1, word)) >>> 0; });
"""  # depends on every bit and on the order


def checksum(values) -> int:
    """Return in Python what SUM computes."""
    words = np.asarray(values, dtype="<f8").view("<u4").astype(np.uint64)
    return int((words * np.arange(1, len(words) + 1, dtype=np.uint64)).sum() % 2**32)


DOFS = np.arange(MANY) % 300 + 2
DRAWS = {  # name -> body of a loop, and the same in numpy
    "normal": ("rng.normal()", lambda rng: rng.standard_normal(MANY)),
    "uniform": ("rng.uniform()", lambda rng: rng.random(MANY)),
    "exponential": ("rng.exponential()", lambda rng: rng.standard_exponential(MANY)),
    "chisquare": ("rng.chisquare((i % 300) + 2)", lambda rng: rng.chisquare(DOFS)),
    "integers": ("rng.below(699)", lambda rng: rng.integers(700, size=MANY)),
    "two": ("rng.below(1)", lambda rng: rng.integers(2, size=MANY)),
}


@pytest.mark.parametrize("name", DRAWS)
def test_a_million_draws_are_numpys_bit_for_bit(name):
    body, numpys = DRAWS[name]
    code = f"""const rng = new Stream(123456, [3]), values = new Float64Array({MANY});
    for (let i = 0; i < {MANY}; i++) values[i] = {body};
    {SUM} return [sum, values[{MANY} - 1]];"""
    expected = numpys(np.random.default_rng(np.random.SeedSequence(123456, spawn_key=(3,))))
    assert javascript(code) == [checksum(expected), expected[-1]]


def test_seeds_purposes_and_permutations_are_numpys():
    seeds = [0, 1, 7, 999_999, 2**32, 2**40 + 5]
    code = """return DATA.map((seed) => [new Stream(seed, []).permutation(999),
      ...["labels", "originals", "features", "variants", "subset", "batches", "presence"]
        .map((purpose) => stream(seed, purpose).normal())]);"""
    for seed, (order, *normals) in zip(seeds, javascript(code, seeds), strict=True):
        assert order == np.random.default_rng(seed).permutation(999).tolist()
        assert normals == [stream(seed, purpose).standard_normal() for purpose in range(7)]


def test_a_gamma_of_one_half_agrees_to_the_last_bit_but_one():
    code = "const rng = new Stream(5, []); return DATA.map((dof) => rng.chisquare(dof));"
    dofs = [1] * 2000
    expected = np.random.default_rng(5).chisquare(dofs)
    assert np.array(javascript(code, dofs)) == pytest.approx(expected, rel=1e-15, abs=0)


LATE = Distribution(beta_d=0.45)  # of the main comparison
SMALL = Distribution(n=30, d=300, alpha=0.7)
BRIEF = Optimiser(steps=40, eta=0.4)
SAMPLES = [
    Run(distribution=SMALL, method=Method("original")),
    Run(distribution=SMALL, method=Method("useful", k=4)),
    Run(distribution=SMALL, method=Method("tada", k=3, kappa=0.6, scale=1.2, fidelity=0.7)),
    Run(distribution=SMALL, method=Method("syn-all", k=3, targeting=0.4)),
    Run(distribution=SMALL, method=Method("syn-rand", k=4)),
    Run(distribution=replace(SMALL, noise_patches=3), method=Method("tada", k=2)),
    Run(distribution=replace(SMALL, d=25), method=Method("tada", k=5)),
    Run(distribution=replace(SMALL, orthogonal=True), method=Method("syn-rand", k=3, scale=0.5)),
    Run(distribution=replace(SMALL, alpha=1.0), method=Method("tada", k=2)),
]


def test_samples_are_the_same_numbers():
    code = """return DATA.map(([run, seed]) => {
      const { labels, multiplicities, fast, weak, features, noise, norms, other, slow } =
        drawSample(run, seed);
      const parts = { labels, multiplicities, fast, weak, features, other, slow,
        noise: noise ?? norms };
      return Object.fromEntries(Object.entries(parts).map(([name, x]) => [name, Array.from(x)]));
    });"""
    found = javascript(code, [[asdict(run), seed] for seed, run in enumerate(SAMPLES)])
    for seed, (run, one) in enumerate(zip(SAMPLES, found, strict=True)):
        sample = draw(run, seed)
        exact = run.distribution.d > 100  # else one number may differ in the last bit

        def same(name, values, one=one, exact=exact):
            got = np.array(one[name])
            assert got == pytest.approx(np.ravel(values), rel=0 if exact else 1e-14, abs=0), name

        same("labels", sample.labels)
        same("multiplicities", sample.multiplicities)
        same("fast", sample.strengths[:, 0])
        same("weak", sample.strengths[:, 1])
        same("features", sample.feature_weights)
        same("noise", sample.noise)
        same("slow", sample.slow)
        if (
            not sample.orthogonal
        ):  # there, weights beside variants that are not used differ in place
            same("other", sample.other_weights)


# every method with every optimiser, and every parameter, over 1,000 steps
STEPS = {
    "gd": {},
    "sam": {"name": "sam"},
    "sgd": {"batch": 7},
    "sam-sgd": {"name": "sam", "batch": 7},
}
RUNS = {
    f"{name}, {kind}": Run(
        distribution=replace(SMALL, beta_d=0.5),
        optimiser=Optimiser(steps=1000, eta=0.4, **options),
        method=Method(name, k=3),
    )
    for name in MethodName.__args__
    for kind, options in STEPS.items()
} | {
    "late": Run(distribution=LATE, optimiser=Optimiser(steps=1000), method=Method("tada", k=5)),
    "kept noise": Run(
        distribution=replace(SMALL, noise_patches=2),
        network=Network(J=7),
        optimiser=Optimiser(steps=1000, eta=0.4),
        method=Method("tada", k=3, kappa=0.5, scale=1.3, fidelity=0.8, targeting=0.5),
    ),
    "orthogonal": Run(
        distribution=replace(SMALL, orthogonal=True, noise_patches=2),
        network=Network(J=5),
        optimiser=Optimiser("sam", steps=1000, eta=0.4),
        method=Method("syn-rand", k=3, scale=0.7),
    ),
    "rectified": Run(
        distribution=SMALL,
        network=Network(J=6, power=2, rectified=True),
        optimiser=Optimiser(steps=1000, eta=0.1),
        method=Method("useful"),
    ),
    "fifth power": Run(
        distribution=SMALL,
        network=Network(J=3, power=5, sigma_0=0.2),
        optimiser=Optimiser("sam", steps=1000, eta=0.1),
        method=Method("tada"),
    ),
    "few dimensions": Run(
        distribution=replace(SMALL, d=20), network=Network(J=17), optimiser=Optimiser(steps=1000)
    ),
    "one neuron": Run(
        distribution=replace(SMALL, alpha=1.0),
        network=Network(J=1, sigma_0=0.2),
        optimiser=Optimiser(steps=1000),
    ),
}
SIMULATE = """return DATA.map(([run, seed]) => {
  const one = simulate(run, seed), { race } = one;
  return { steps: one.steps, curves: one.curves, numbers: one.numbers(),
    clocks: measuredClocks(one.training),
    race: race && [race.ratio, race.kEff, race.step].map((x) => (Number.isFinite(x) ? x : null)) };
});"""


def python_run(run, seed, wanted):
    """Return Python's measures at the wanted steps, numbers of the run, and clocks."""
    sample = draw(run, seed)
    problem = stack([sample], run.network)

    def batches():
        size = run.optimiser.batch
        return batch_weights([sample], [seed], size, padded(sample)) if size else None

    states = list(train(problem, run.optimiser, batches()))
    peaks = np.stack([state.features[0].max(axis=0) for state in states])
    rows = {step: measure(problem, [sample], [run], states[step])[0] for step in wanted}
    numbers = {
        **learning_times(peaks),
        **early_speeds(peaks, run.optimiser.eta, run.network.power),
        "speed_ratio_predicted": predicted_ratio(sample, run.network),
        "slow_fraction": float(sample.slow.mean()),
        "examples": int(sample.multiplicities.sum()),
    }
    measured = None if run.network.rectified else clocks(problem, states, run.optimiser, batches())
    return rows, numbers, measured, predictions(run, sample)


def alike(found, expected):
    """Check that numbers agree, and are missing together."""
    assert set(found) == set(expected)
    for name, value in expected.items():
        same = found[name] is None if value is None else found[name] == pytest.approx(value)
        assert same, (name, found[name], value)


@pytest.fixture(scope="module")
def found():
    """Return what the engine makes of RUNS, all in one process."""
    asked = [[asdict(run), 1000 + i] for i, run in enumerate(RUNS.values())]
    return dict(zip(RUNS, javascript(SIMULATE, asked), strict=True))


@pytest.mark.parametrize("name", RUNS)
def test_a_thousand_steps_are_pythons(found, name):
    run, one = RUNS[name], found[name]
    seed = 1000 + list(RUNS).index(name)
    wanted = [step for i, step in enumerate(one["steps"]) if i % 25 == 0 or step == 1000]
    rows, numbers, measured, ahead = python_run(run, seed, wanted)
    for step, row in rows.items():
        i = one["steps"].index(step)
        for curve in CURVES:
            value = one["curves"][curve][i]
            if value is None and curve.startswith("test_error"):
                continue  # not measured at this step
            tolerance = 1e-6 if curve.startswith("test_error") else 1e-9
            close = value is None if row[curve] is None else abs(value - row[curve]) <= tolerance
            assert close, (curve, step, value, row[curve])
    alike(one["numbers"], numbers)
    if ahead["race_factor"] is None:
        assert one["race"] is None
    else:
        alike(dict(zip(ahead, one["race"], strict=True)), ahead)
    if measured:
        assert one["clocks"]["fast"] == pytest.approx(measured.fast[0], rel=1e-9)
        assert one["clocks"]["slow"] == pytest.approx(measured.slow[0], rel=1e-9)


def test_the_law_of_the_clocks_holds_in_the_engine(found):
    for one in found.values():
        clock = one["clocks"]
        assert clock["slow"] - clock["fast"] - clock["noise"] == pytest.approx(0, abs=1e-11)


def test_every_step_is_recorded_up_to_300_then_geometrically(found):
    for one in found.values():
        steps, errors = one["steps"], one["curves"]["test_error_slow"]
        assert steps[:301] == list(range(301))
        assert steps[-1] == 1000
        gaps = np.diff(steps[300:])
        assert gaps.max() <= 10
        assert errors[0] is not None
        assert errors[-1] is not None
        known = [(i, value) for i, value in enumerate(errors) if value is not None]
        assert len(known) >= 40
        for (i, value), (j, other) in pairwise(known):
            assert j <= i + 3 or abs(other - value) <= 0.004


def test_plain_javascript_gives_the_same_numbers():
    runs = [RUNS["tada, gd"], RUNS["kept noise"], RUNS["syn-all, sam"]]
    code = "Workspace.wasm = false;" + SIMULATE
    data = [[asdict(run), seed] for seed, run in enumerate(runs)]
    slow, fast = javascript(code, data), javascript(SIMULATE, data)
    for one, other in zip(slow, fast, strict=True):
        assert one["curves"]["loss"] == pytest.approx(other["curves"]["loss"], abs=1e-11)
        assert one["curves"]["test_error"][-1] == pytest.approx(other["curves"]["test_error"][-1])


@pytest.mark.browser
def test_chromium_gives_the_same_numbers():
    data = [[asdict(replace(RUNS["tada, sam"], optimiser=BRIEF)), 5]]
    browser = js.in_chromium(f"{js.scripts()}\nconst answer = ((DATA) => {{ {SIMULATE} }});", data)[
        0
    ]
    _, numbers, _, _ = python_run(replace(RUNS["tada, sam"], optimiser=BRIEF), 5, [])
    rows = python_run(replace(RUNS["tada, sam"], optimiser=BRIEF), 5, [40])[0]
    assert browser["curves"]["loss"][-1] == pytest.approx(rows[40]["loss"], abs=1e-9)
    assert browser["numbers"]["slow_fraction"] == numbers["slow_fraction"]


def test_a_step_size_that_is_too_large_is_told_as_in_python():
    run = Run(distribution=SMALL, network=Network(J=32, sigma_0=0.5), optimiser=Optimiser(eta=10.0))
    code = "try { simulate(DATA, 1); } catch (error) { return error.message; }"
    said = javascript(code, asdict(run))
    with pytest.raises(ArithmeticError) as caught:
        list(train(stack([draw(run, 1)], run.network), run.optimiser))
    assert said == str(caught.value)


def test_tails_of_chi_at_every_parity():
    code = """return DATA.map(([dof, x]) => chiTail(dof)(x));"""
    data = [
        [dof, x] for dof in (1, 2, 3, 10, 17, 64, 128) for x in (0.0, 0.01, 0.7, 5.0, 90.0, 600.0)
    ]
    expected = [float(chi_tail(dof, np.array([x]))[0]) for dof, x in data]
    assert javascript(code, data) == pytest.approx(expected, rel=1e-9, abs=1e-300)


def test_closed_forms_are_pythons():
    runs = [
        Run(distribution=replace(SMALL, alpha=alpha), network=network, method=method)
        for alpha in (0.3, 0.8)
        for network in (Network(), Network(power=2, rectified=True))
        for method in (
            *(Method(name, k=4) for name in MethodName.__args__),
            Method("syn-all", k=3, fidelity=0.6, targeting=0.3),
        )
    ]
    code = """return DATA.map(({ distribution, network, method }) => [
      ...growthRates(distribution, network, method),
      ...growthRates(distribution, network, method, 0.25),
      speedRatio(distribution, method.k, network.power, method.fidelity),
      balancingFactor(distribution, network.power),
      noiseAlignmentRatio(0.2, method.k, 1.3),
      sharedNoise(0.2, method.k, 100, 20),
      slowGradientVariance(distribution, network)]);"""
    for run, values in zip(runs, javascript(code, list(map(asdict, runs))), strict=True):
        distribution, network, method = run.distribution, run.network, run.method
        expected = [
            *growth_rates(distribution, network, method),
            *growth_rates(distribution, network, method, 0.25),
            speed_ratio(distribution, method.k, network.power, method.fidelity),
            balancing_factor(distribution, network.power),
            noise_alignment_ratio(0.2, method.k, 1.3),
            shared_noise(0.2, method.k, 100, 20),
        ]
        assert values[:-1] == pytest.approx(expected)
        if network.power == 3:
            assert values[-1] == pytest.approx(slow_gradient_variance(distribution, network))


def test_quantities_at_the_first_step_are_pythons():
    sam = Run(distribution=SMALL, optimiser=Optimiser("sam", eta=0.7))
    runs = [SAMPLES[1], SAMPLES[2], sam]
    code = """return DATA.map(([run, seed]) => {
      const training = begun(run, seed);
      return [meanAlignment(training), ...gradientSquares(training), samFactors(training, 0.3)];
    });"""
    data = [[asdict(run), seed] for seed, run in enumerate(runs)]
    for seed, (run, found) in enumerate(zip(runs, javascript(code, data), strict=True)):
        sample = draw(run, seed)
        problem = stack([sample], run.network)
        assert found[0] == pytest.approx(mean_alignment(problem))
        assert found[1:3] == pytest.approx(squares(problem))
        if run is sam:
            state = next(train(problem, replace(run.optimiser, name="gd")))
            expected = factors(problem, state, 0.3, sample.slow)
            for name in ("fast", "slow", "noise_slow", "noise_fast"):
                measured = [expected[name], expected[f"{name}_predicted"]]
                assert found[3][name] == pytest.approx(measured)
