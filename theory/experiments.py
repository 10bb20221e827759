"""Named experiments: lists of runs, the seeds of each, and how their missing records are computed.

Loads neither numpy nor scipy until something has to be computed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import Any

from figures.records import (
    Plan,
    Record,
    file_name,
    is_whole,
    provenance,
    run_jobs,
    write,
    write_plan,
)
from theory.config import Axis, Method, Optimiser, Probe, Quantity, Run, Selection, Sweep

TOLERANCE = 1e-6  # in test error or a probe's value, between machines
SINGLE = 1e-3  # the same for runs in single precision, whose own error is 1e-6 (tests/benchmarks/theory.py precision)
SCALES = (0.5, 1.0, 1.25, 1.5, 1.75, 2.0)  # s, on both sides of s⁴ = k+1 for k = 2, 5, 8
CHUNK = 10  # seeds of a job: enough to batch, few enough to share out


@dataclass(frozen=True)
class Experiment:
    """Each of ``runs`` with seeds 0 ... seeds-1; one record each."""

    name: str
    about: str
    runs: tuple[Run, ...]
    seeds: int
    metric: str = "test_error"  # the number whose agreement between machines counts
    tolerance: float = TOLERANCE  # and how near it has to be

    @property
    def folder(self) -> str:
        return f"theory/{self.name}"


@dataclass(frozen=True)
class Job:
    """One run with some of its missing seeds, and where their records go."""

    run: Run
    seeds: tuple[int, ...]
    root: Path


def _methods() -> Experiment:
    gd, sam = Optimiser("gd", rho=0.0), Optimiser("sam", rho=0.1)
    factors = (2, 3, 5, 8)
    variations = (
        ("original", gd, Method("original", k=1)),
        ("sam", sam, Method("original", k=1)),
        *((f"useful-{k}", gd, Method("useful", k=k)) for k in factors),
        *((f"tada-{k}", gd, Method("tada", k=k)) for k in factors),
        ("syn-all", gd, Method("syn-all")),
        ("syn-rand", gd, Method("syn-rand")),
    )
    runs = tuple(
        Run("methods", label, optimiser=optimiser, method=method)
        for label, optimiser, method in variations
    )
    return Experiment(
        "methods",
        "every method: learning of features and noise, test error (T1-T3, T6, T7)",
        runs,
        seeds=30,
    )


def _homogeneity() -> Experiment:
    gd = Optimiser("gd", rho=0.0, steps=1000)
    methods = (
        Method("original", k=1),
        *(Method(name, k=k) for name in ("useful", "tada") for k in range(2, 9)),
    )
    labels = (
        method.name if method.name == "original" else f"{method.name}-{method.k}"
        for method in methods
    )
    runs = tuple(
        Run("homogeneity", label, optimiser=gd, method=method)
        for label, method in zip(labels, methods, strict=True)
    )
    return Experiment(
        "homogeneity", "ratio of learning speeds and times to learn against k (T1)", runs, seeds=20
    )


def _minibatch() -> Experiment:
    optimiser = Optimiser("gd", rho=0.0, batch=10)
    runs = tuple(
        Run("minibatch", f"{name}-5", optimiser=optimiser, method=Method(name, k=5))
        for name in ("useful", "tada")
    )
    return Experiment("minibatch", "mini-batch SGD on copies and on variants (T5)", runs, seeds=30)


def _strength() -> Experiment:
    gd = Optimiser("gd", rho=0.0)
    path = {
        t / 10: Method("tada", k=3, kappa=sqrt(1 - t / 10), fidelity=1 - (t / 10) ** 3)
        for t in range(1, 10)
    }
    runs = tuple(
        Run("strength", f"strength-{t:g}", optimiser=gd, method=method)
        for t, method in path.items()
    )
    return Experiment(
        "strength",
        "variants along a path of strength t: κ = sqrt(1-t), φ = 1-t³ (T8)",
        runs,
        seeds=30,
    )


def _landscape() -> Experiment:
    gd, shares = Optimiser("gd", rho=0.0), tuple(i / 16 for i in range(17))
    axes = (Axis("method.kappa", shares), Axis("method.fidelity", shares))
    runs = (Sweep("landscape", "tada-3", optimiser=gd, method=Method("tada", k=3), axes=axes),)
    about = "variants by what they keep of the noise, κ, and of the features, φ (T8)"
    return Experiment("landscape", about, runs, seeds=10, tolerance=SINGLE)


def _tolerance() -> Experiment:
    gd, factors, sizes = (
        Optimiser("gd", rho=0.0),
        Axis("method.k", tuple(range(2, 9))),
        tuple(0.5 + i / 10 for i in range(16)),
    )
    runs = (
        Sweep(
            "tolerance",
            "tada",
            optimiser=gd,
            method=Method("tada"),
            axes=(factors, Axis("method.scale", sizes)),
        ),
        Sweep("tolerance", "useful", optimiser=gd, method=Method("useful"), axes=(factors,)),
    )
    return Experiment(
        "tolerance",
        "variants by k and the relative size s of their noise (T3)",
        runs,
        seeds=20,
        tolerance=SINGLE,
    )


def _regimes() -> Experiment:
    present, ratios = (
        tuple(0.5 + i / 30 for i in range(15)),
        tuple(0.2 + 0.05 * i for i in range(15)),
    )
    axes = (Axis("distribution.alpha", present), Axis("distribution.beta_d", ratios))
    methods = {
        "original": Method("original", k=1),
        "tada-2": Method("tada"),
        "syn-all": Method("syn-all"),
    }
    runs = tuple(
        Sweep("regimes", label, optimiser=Optimiser("gd", rho=0.0), method=m, axes=axes)
        for label, m in methods.items()
    )
    return Experiment(
        "regimes",
        "targeted against full augmentation over α and β_d/β_e (T6)",
        runs,
        seeds=20,
        tolerance=SINGLE,
    )


def _radius() -> Experiment:
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
    return Experiment(
        "radius",
        "SAM by its radius ρ, alone and with augmentation (T2)",
        runs,
        seeds=30,
        tolerance=SINGLE,
    )


def _separability() -> Experiment:
    runs = (
        Selection(
            "separability",
            "original",
            optimiser=Optimiser("gd", rho=0.0),
            method=Method("original", k=1),
        ),
    )
    about = "clusters of early outputs against who is slow in truth (E9 where the truth is known)"
    return Experiment("separability", about, runs, seeds=30, metric="accuracy", tolerance=0.05)


def _claims() -> Experiment:
    gd, sam = Optimiser("gd", rho=0.0, steps=1000), Optimiser("sam", rho=0.1)
    balanced = Method("useful", k=28)  # 28: k* of the default distribution
    draws = {
        2: 75,
        3: 50,
        5: 25,
        8: 25,
    }  # k -> data sets a record: the difference is the smaller, the smaller k
    runs = (
        Probe("claims", "speed-useful-28", optimiser=gd, method=balanced, quantity="speed-ratio"),
        Probe(
            "claims", "sam", optimiser=sam, method=Method("original", k=1), quantity="sam-factor"
        ),
        *(
            _probe("noise-alignment", f"noise-{k}-{s:g}", Method("tada", k=k, scale=s))
            for k in (2, 5, 8)
            for s in SCALES
        ),
        *(
            _probe("gradient-variance", f"variance-{k}", Method("tada", k=k), draws=m)
            for k, m in draws.items()
        ),
    )
    return Experiment(
        "claims",
        "single quantities beside their closed forms (T1-T4)",
        runs,
        seeds=30,
        metric="value",
    )


def _probe(quantity: Quantity, label: str, method: Method, draws: int = 1) -> Probe:
    return Probe(
        "claims",
        label,
        optimiser=Optimiser("gd", rho=0.0),
        method=method,
        quantity=quantity,
        draws=draws,
    )


BUILDERS = (
    _methods,
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
    """``<root>/theory/<experiment>/<label>-s<seed>-<digest>.json``."""
    return root / "theory" / run.experiment / file_name(run.label, run, seed)


def find(name: str) -> Experiment:
    """The experiment of that name; ValueError lists the names there are."""
    if name not in EXPERIMENTS:
        raise ValueError(f"no experiment {name!r}; allowed: {', '.join(EXPERIMENTS)}")
    return EXPERIMENTS[name]


def plan(experiment: Experiment, seeds: int, root: Path) -> list[Job]:
    """Write down the runs with seeds 0 ... seeds-1; returns the jobs for those of which no whole record stands below ``root``."""
    names = tuple(
        record_path(run, seed, root).name for run in experiment.runs for seed in range(seeds)
    )
    write_plan(
        root,
        Plan(
            experiment.folder,
            names,
            f"python -m theory run {experiment.name}",
            experiment.metric,
            experiment.tolerance,
        ),
    )
    return [job for run in experiment.runs for job in missing_jobs(run, seeds, root)]


def complete(experiment: Experiment, jobs: Sequence[Job], workers: int) -> list[tuple[Job, str]]:
    """Do the jobs; returns those that failed, each with its message. Raises Interrupted on Ctrl-C; what is finished by then stays."""
    total = sum(len(job.seeds) for job in jobs)
    return run_jobs(compute, jobs, total=total, workers=workers, label=experiment.name)


def missing_jobs(run: Run, seeds: int, root: Path) -> list[Job]:
    """The seeds below ``seeds`` of which no whole record stands, in jobs of at most 10; a sweep is a job for each seed."""
    missing = tuple(
        seed for seed in range(seeds) if not is_whole(record_path(run, seed, root), run)
    )
    size = 1 if isinstance(run, Sweep) else CHUNK
    return [Job(run, missing[i : i + size], root) for i in range(0, len(missing), size)]


def compute(job: Job, advance: Callable[[int], None]) -> None:
    """Write the records of a job, batch by batch; ``advance`` by the number written. Raises Diverged if η is too large."""
    start = time.perf_counter()
    for batch in measurements(job.run, job.seeds):
        seconds = (time.perf_counter() - start) / len(batch)
        for seed, metrics in batch.items():
            path = record_path(job.run, seed, job.root)
            write(
                path,
                Record(
                    job.run, seed, metrics, {**provenance("numpy", "scipy"), "seconds": seconds}
                ),
            )
        advance(len(batch))
        start = time.perf_counter()


def measurements(run: Run, seeds: Sequence[int]) -> Iterator[dict[int, dict[str, Any]]]:
    """{seed: metrics} of some of the seeds at a time: of training, of a grid, or of the one quantity that is probed."""
    if isinstance(run, Probe):
        from theory.probes import probe as one
    elif isinstance(run, Sweep):
        from theory.sweeps import sweep as one
    elif isinstance(run, Selection):
        from theory.selection import selection as one
    else:
        from theory.simulation import simulate_batches

        return simulate_batches(run, seeds)
    return ({seed: one(run, seed)} for seed in seeds)
