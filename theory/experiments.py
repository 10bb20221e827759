"""Define the named experiments, lists of runs and seeds, and compute their missing records.

Neither numpy nor scipy is loaded until something has to be computed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import Any

from figures.records import (
    Plan,
    Record,
    file_name,
    is_valid,
    json_value,
    provenance,
    run_jobs,
    write,
    write_plan,
)
from theory.config import (
    Axis,
    Distribution,
    Method,
    Network,
    Optimiser,
    Probe,
    Quantity,
    Run,
    Selection,
    Sweep,
)

TOLERANCE = 1e-6  # allowed difference between machines, in test error or a probe's value
# the same in single precision, whose own error is 1e-6 (tests/benchmarks/theory.py precision)
SINGLE = 1e-3
SCALES = (0.5, 1.0, 1.25, 1.5, 1.75, 2.0)  # s, on both sides of s⁴ = k+1 for k = 2, 5, 8
CHUNK = 10  # seeds per job: enough to batch, few enough to distribute
# The main comparison: the slow feature is learned late, so that noise can win. Chosen after sweeps
# on seeds below 1000; the seeds from FRESH on were used for nothing before.
RACING = Distribution(beta_d=0.45)
RACE_STEPS = 1000
FRESH = 1000
RADII = (0.05, 0.1, 0.2)  # of SAM, at which its factor is measured
PATHS = (3, 5)  # exponents p of the fidelity φ = 1 - t^p along a path of strength


@dataclass(frozen=True)
class Experiment:
    """Named list of ``runs``, each with ``seeds`` seeds from ``first`` on; one record for each."""

    name: str
    about: str
    runs: tuple[Run, ...]
    seeds: int
    metric: str = "test_error"  # the number that must agree between machines
    tolerance: float = TOLERANCE  # the allowed difference
    first: int = 0  # the first seed

    @property
    def folder(self) -> str:
        """Folder of the records, relative to the root."""
        return f"theory/{self.name}"

    def chosen(self, count: int | None = None) -> range:
        """Return the seeds of an experiment, or only the first ``count`` of them."""
        return range(self.first, self.first + (count or self.seeds))


@dataclass(frozen=True)
class Job:
    """One run with some of its missing seeds, and the root below which their records go."""

    run: Run
    seeds: tuple[int, ...]
    root: Path


def _every_method(name: str, distribution: Distribution, steps: int) -> tuple[Run, ...]:
    """Return a run of every method, with SAM beside gradient descent."""
    gd = Optimiser("gd", rho=0.0, steps=steps)
    sam = Optimiser("sam", rho=0.1, steps=steps)
    factors = (2, 3, 5, 8)
    variations = (
        ("original", gd, Method("original", k=1)),
        ("sam", sam, Method("original", k=1)),
        *((f"useful-{k}", gd, Method("useful", k=k)) for k in factors),
        *((f"tada-{k}", gd, Method("tada", k=k)) for k in factors),
        ("syn-all", gd, Method("syn-all")),
        ("syn-rand", gd, Method("syn-rand")),
    )
    return tuple(
        Run(name, label, distribution, optimiser=optimiser, method=method)
        for label, optimiser, method in variations
    )


def _methods() -> Experiment:
    about = "every method during the race: features, noise, test error (T2, T6, T7, T9)"
    runs = _every_method("methods", RACING, RACE_STEPS)
    return Experiment("methods", about, runs, seeds=60, first=FRESH)


def _convergence() -> Experiment:
    about = "every method at convergence: a stronger slow feature, twice the steps (T5-T7)"
    return Experiment("convergence", about, _every_method("convergence", Distribution(), 2000), 30)


def _race() -> Experiment:
    about = "who learns the slow feature, against the race law, by beta_d (T9)"
    gd = Optimiser("gd", rho=0.0)
    weak = Axis("distribution.beta_d", tuple(0.3 + 0.05 * i for i in range(8)))
    original, variants = Method("original", k=1), Method("tada")
    methods = {
        "original": original,
        **{f"useful-{k}": Method("useful", k=k) for k in (2, 5)},
        **{f"tada-{k}": Method("tada", k=k) for k in (2, 5, 8)},
        "syn-all": Method("syn-all"),
        "syn-rand": Method("syn-rand"),
    }
    runs = [
        Sweep("race", label, optimiser=gd, method=method, axes=(weak,), race=True)
        for label, method in methods.items()
    ]
    noise = Axis("distribution.sigma_p", (1.0, 2.0, 2.5))
    beyond = {  # the distribution, network, optimiser and further axis of each
        "noise": (Distribution(), Network(), gd, (noise,)),
        "n-50": (Distribution(n=50), Network(), gd, ()),
        "n-200": (Distribution(n=200), Network(), gd, ()),
        "J-4": (Distribution(), Network(J=4), gd, ()),
        "J-30": (Distribution(), Network(J=30), gd, ()),
        "orthogonal": (Distribution(orthogonal=True), Network(), gd, ()),
        "patches-3": (Distribution(noise_patches=3), Network(), gd, ()),
        "power-5": (Distribution(sigma_p=0.75), Network(sigma_0=0.3, power=5), gd, ()),
        "sam": (Distribution(), Network(), Optimiser("sam"), ()),
    }
    for name, (distribution, network, optimiser, more) in beyond.items():
        for label, method in (("original", original), ("tada-2", variants)):
            axes = (*more, weak)
            run = Sweep(
                "race", f"{name}-{label}", distribution, network, optimiser, method, axes, race=True
            )
            runs.append(run)
    return Experiment("race", about, tuple(runs), seeds=20, tolerance=SINGLE, first=FRESH)


def _homogeneity() -> Experiment:
    about = "ratio of learning speeds and times to learn against k (T1)"
    gd = Optimiser("gd", rho=0.0, steps=1000)
    amplified = [Method(name, k=k) for name in ("useful", "tada") for k in range(2, 9)]
    methods = {"original": Method("original", k=1)}
    methods |= {f"{method.name}-{method.k}": method for method in amplified}
    runs = tuple(
        Run("homogeneity", label, optimiser=gd, method=method) for label, method in methods.items()
    )
    return Experiment("homogeneity", about, runs, seeds=20)


def _minibatch() -> Experiment:
    about = "mini-batch SGD on copies and on variants (T5)"
    sgd = Optimiser("gd", rho=0.0, batch=10)
    runs = tuple(
        Run("minibatch", f"{name}-5", optimiser=sgd, method=Method(name, k=5))
        for name in ("useful", "tada")
    )
    return Experiment("minibatch", about, runs, seeds=30)


def _strength() -> Experiment:
    about = "variants along two paths of strength t: κ = sqrt(1-t), φ = 1-t³ or 1-t⁵ (T8)"
    gd = Optimiser("gd", rho=0.0, steps=RACE_STEPS)
    runs = []
    for power in PATHS:
        for t in (tenth / 10 for tenth in range(1, 10)):
            method = Method("tada", k=3, kappa=sqrt(1 - t), fidelity=1 - t**power)
            label = f"path-{power}-{t:g}"
            runs.append(Run("strength", label, RACING, optimiser=gd, method=method))
    for theta in (0.0, 0.5):
        method = Method("tada", k=3, targeting=theta)
        runs.append(Run("strength", f"targeting-{theta:g}", RACING, optimiser=gd, method=method))
    for phi in (0.0, 0.5):
        method = Method("tada", k=3, fidelity=phi)
        runs.append(Run("strength", f"fidelity-{phi:g}", RACING, optimiser=gd, method=method))
    return Experiment("strength", about, tuple(runs), seeds=30, first=FRESH)


def _landscape() -> Experiment:
    about = "variants by what they keep: noise κ, features φ, the lack of the fast one θ (T8)"
    gd = Optimiser("gd", rho=0.0, steps=RACE_STEPS)
    shares = tuple(i / 12 for i in range(13))
    kept = Axis("method.fidelity", shares)
    runs = tuple(
        Sweep(
            "landscape", label, RACING, optimiser=gd, method=Method("tada", k=3), axes=(axis, kept)
        )
        for label, axis in (
            ("noise", Axis("method.kappa", shares)),
            ("targeting", Axis("method.targeting", shares)),
        )
    )
    return Experiment("landscape", about, runs, seeds=12, tolerance=SINGLE, first=FRESH)


def _tolerance() -> Experiment:
    about = "variants by k and the relative size s of their noise (T3)"
    gd = Optimiser("gd", rho=0.0)
    factors = Axis("method.k", tuple(range(2, 9)))
    sizes = Axis("method.scale", tuple(0.5 + i / 10 for i in range(16)))
    both = (factors, sizes)
    runs = (
        Sweep("tolerance", "tada", optimiser=gd, method=Method("tada"), axes=both),
        Sweep("tolerance", "useful", optimiser=gd, method=Method("useful"), axes=(factors,)),
    )
    return Experiment("tolerance", about, runs, seeds=20, tolerance=SINGLE)


def _regimes() -> Experiment:
    about = "targeted against full augmentation over α and β_d/β_e, in two moments (T6, T9)"
    gd = Optimiser("gd", rho=0.0)
    present = Axis("distribution.alpha", tuple(0.5 + i / 30 for i in range(15)))
    ratios = Axis("distribution.beta_d", tuple(0.2 + 0.05 * i for i in range(15)))
    methods = {
        "original": Method("original", k=1),
        "tada-2": Method("tada"),
        "syn-all": Method("syn-all"),
    }
    runs = tuple(
        Sweep(
            "regimes",
            label,
            optimiser=gd,
            method=method,
            axes=(present, ratios),
            early=RACE_STEPS,
            race=True,
        )
        for label, method in methods.items()
    )
    return Experiment("regimes", about, runs, seeds=12, tolerance=SINGLE, first=FRESH)


def _radius() -> Experiment:
    about = "SAM by its radius ρ, alone and with augmentation (T2)"
    axis = Axis("optimiser.rho", tuple(i / 40 for i in range(21)))
    methods = {
        "original": Method("original", k=1),
        "useful-5": Method("useful", k=5),
        "tada-2": Method("tada"),
    }
    runs = tuple(
        Sweep("radius", label, optimiser=Optimiser("sam"), method=method, axes=(axis,))
        for label, method in methods.items()
    )
    return Experiment("radius", about, runs, seeds=30, tolerance=SINGLE)


def _separability() -> Experiment:
    about = "clusters of early outputs against the true slow examples (E9 where truth is known)"
    gd = Optimiser("gd", rho=0.0)
    method = Method("original", k=1)
    runs = (Selection("separability", "original", optimiser=gd, method=method),)
    return Experiment("separability", about, runs, seeds=30, metric="accuracy", tolerance=0.05)


def _claims() -> Experiment:
    about = "single quantities beside their closed forms (T1-T4, T9)"
    gd = Optimiser("gd", rho=0.0, steps=1000)
    original = Method("original", k=1)
    balanced = Method("useful", k=28)  # 28: k* of the default distribution
    # k -> data sets per record: the smaller k, the smaller the difference that is measured
    draws = {2: 75, 3: 50, 5: 25, 8: 25}
    orthogonal = Distribution(orthogonal=True)
    runs = [
        Probe("claims", "speed-useful-28", optimiser=gd, method=balanced, quantity="speed-ratio"),
    ]
    for rho in RADII:
        sam = Optimiser("sam", rho=rho)
        label = f"sam-{rho:g}"
        runs.append(
            Probe("claims", label, RACING, optimiser=sam, method=original, quantity="sam-factor")
        )
    for k in (2, 5, 8):
        for s in SCALES:
            method = Method("tada", k=k, scale=s)
            runs.append(_probe("noise-alignment", f"noise-{k}-{s:g}", method))
    for s in (1.0, 1.75):
        method = Method("tada", k=5, scale=s)
        label = f"orthogonal-5-{s:g}"
        runs.append(_probe("noise-alignment", label, method, distribution=orthogonal))
    for k, number in draws.items():
        runs.append(_probe("gradient-variance", f"variance-{k}", Method("tada", k=k), number))
    exact = Distribution(beta_d=0.45, orthogonal=True)
    clocked = (
        ("original", original, gd, RACING),
        ("useful-5", Method("useful", k=5), gd, RACING),
        ("tada-5", Method("tada", k=5), gd, RACING),
        ("syn-all", Method("syn-all"), gd, RACING),
        ("syn-rand", Method("syn-rand"), gd, RACING),
        ("sam", original, Optimiser("sam", steps=1000), RACING),
        ("orthogonal-original", original, gd, exact),
        ("orthogonal-useful-5", Method("useful", k=5), gd, exact),
        ("orthogonal-tada-5", Method("tada", k=5), gd, exact),
    )
    for label, method, optimiser, distribution in clocked:
        runs.append(
            Probe(
                "claims",
                f"clocks-{label}",
                distribution,
                optimiser=optimiser,
                method=method,
                quantity="race-identity",
            )
        )
    return Experiment("claims", about, tuple(runs), seeds=30, metric="value")


def _probe(
    quantity: Quantity,
    label: str,
    method: Method,
    draws: int = 1,
    distribution: Distribution = Distribution(),  # noqa: B008
) -> Probe:
    gd = Optimiser("gd", rho=0.0)
    return Probe(
        "claims", label, distribution, optimiser=gd, method=method, quantity=quantity, draws=draws
    )


BUILDERS = (
    _methods,
    _convergence,
    _race,
    _homogeneity,
    _minibatch,
    _strength,
    _landscape,
    _tolerance,
    _regimes,
    _radius,
    _separability,
    _claims,
)
EXPERIMENTS = {experiment.name: experiment for experiment in (build() for build in BUILDERS)}


def record_path(run: Run, seed: int, root: Path) -> Path:
    """Return ``<root>/theory/<experiment>/<label>-s<seed>-<digest>.json``."""
    return root / "theory" / run.experiment / file_name(run.label, run, seed)


def find(name: str) -> Experiment:
    """Return the experiment of that name; a ValueError lists the known names."""
    if name not in EXPERIMENTS:
        raise ValueError(f"no experiment {name!r}; allowed: {', '.join(EXPERIMENTS)}")
    return EXPERIMENTS[name]


def plan(experiment: Experiment, seeds: int, root: Path) -> list[Job]:
    """Write the plan of the runs with their first ``seeds`` seeds; return the missing jobs.

    A job is missing if the records of its seeds below ``root`` are missing or damaged.
    """
    chosen = experiment.chosen(seeds)
    names = tuple(record_path(run, seed, root).name for run in experiment.runs for seed in chosen)
    command = f"python -m theory run {experiment.name}"
    planned = Plan(experiment.folder, names, command, experiment.metric, experiment.tolerance)
    write_plan(root, planned)
    return [job for run in experiment.runs for job in missing_jobs(run, chosen, root)]


def complete(experiment: Experiment, jobs: Sequence[Job], workers: int) -> list[tuple[Job, str]]:
    """Run the jobs; return those that failed, each with its message.

    Raises Interrupted on Ctrl-C; records that are finished by then are kept.
    """
    total = sum(len(job.seeds) for job in jobs)
    return run_jobs(compute, jobs, total=total, workers=workers, label=experiment.name)


def missing_jobs(run: Run, seeds: Iterable[int], root: Path) -> list[Job]:
    """Return jobs for those of the seeds whose records are missing or damaged.

    A job has at most 10 seeds; for a sweep, one.
    """
    missing = tuple(seed for seed in seeds if not is_valid(record_path(run, seed, root), run))
    size = 1 if isinstance(run, Sweep) else CHUNK
    return [Job(run, missing[i : i + size], root) for i in range(0, len(missing), size)]


def compute(job: Job, advance: Callable[[int], None]) -> None:
    """Compute and write the records of a job, batch by batch.

    advance: called with the number of records written since the last call. Raises Diverged if η is
    too large.
    """
    from theory.kernel import engine

    start = time.perf_counter()
    for batch in measurements(job.run, job.seeds):
        seconds = (time.perf_counter() - start) / len(batch)
        for seed, metrics in batch.items():
            made = {**provenance("numpy", "scipy"), "engine": str(engine()), "seconds": seconds}
            write(
                record_path(job.run, seed, job.root),
                Record(json_value(job.run), seed, metrics, made),
            )
        advance(len(batch))
        start = time.perf_counter()


def measurements(run: Run, seeds: Sequence[int]) -> Iterator[dict[int, dict[str, Any]]]:
    """Yield {seed: metrics} for some of the seeds at a time.

    The metrics are those of a training, a grid, a selection or a probed quantity.
    """
    if isinstance(run, Probe):
        from theory.probes import probe

        return ({seed: probe(run, seed)} for seed in seeds)
    if isinstance(run, Sweep):
        from theory.sweeps import sweep

        return ({seed: sweep(run, seed)} for seed in seeds)
    if isinstance(run, Selection):
        from theory.selection import selection

        return ({seed: selection(run, seed)} for seed in seeds)
    from theory.simulation import simulate_batches

    return simulate_batches(run, seeds)
