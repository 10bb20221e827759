"""Named experiments: lists of runs, the seeds of each, and how their missing records are computed.

Loads neither numpy nor scipy until something has to be computed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from figures.records import Plan, Record, file_name, is_whole, provenance, run_jobs, write, write_plan
from theory.config import Method, Optimiser, Run

TOLERANCE = 1e-6  # in test error, between machines
CHUNK = 10  # seeds of a job: enough to batch, few enough to share out


@dataclass(frozen=True)
class Experiment:
    """Each of ``runs`` with seeds 0 ... seeds-1; one record each."""

    name: str
    about: str
    runs: tuple[Run, ...]
    seeds: int

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
    runs = tuple(Run("methods", label, optimiser=optimiser, method=method) for label, optimiser, method in variations)
    return Experiment("methods", "every method: learning of features and noise, test error (T1-T3, T6, T7)", runs, seeds=30)


def _homogeneity() -> Experiment:
    gd = Optimiser("gd", rho=0.0, steps=1000)
    methods = (Method("original", k=1), *(Method(name, k=k) for name in ("useful", "tada") for k in range(2, 9)))
    labels = (method.name if method.name == "original" else f"{method.name}-{method.k}" for method in methods)
    runs = tuple(Run("homogeneity", label, optimiser=gd, method=method) for label, method in zip(labels, methods, strict=True))
    return Experiment("homogeneity", "ratio of learning speeds and times to learn against k (T1)", runs, seeds=20)


EXPERIMENTS = {experiment.name: experiment for experiment in (_methods(), _homogeneity())}


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
    names = tuple(record_path(run, seed, root).name for run in experiment.runs for seed in range(seeds))
    write_plan(root, Plan(experiment.folder, names, f"python -m theory run {experiment.name}", metric="test_error", tolerance=TOLERANCE))
    return [job for run in experiment.runs for job in missing_jobs(run, seeds, root)]


def complete(experiment: Experiment, jobs: Sequence[Job], workers: int) -> list[tuple[Job, str]]:
    """Do the jobs; returns those that failed, each with its message. Raises Interrupted on Ctrl-C; what is finished by then stays."""
    total = sum(len(job.seeds) for job in jobs)
    return run_jobs(compute, jobs, total=total, workers=workers, label=experiment.name)


def missing_jobs(run: Run, seeds: int, root: Path) -> list[Job]:
    """The seeds below ``seeds`` of which no whole record stands, in jobs of at most 10."""
    missing = tuple(seed for seed in range(seeds) if not is_whole(record_path(run, seed, root)))
    return [Job(run, missing[i : i + CHUNK], root) for i in range(0, len(missing), CHUNK)]


def compute(job: Job, advance: Callable[[int], None]) -> None:
    """Write the records of a job, batch by batch; ``advance`` by the number written. Raises Diverged if η is too large."""
    from theory.simulation import simulate_batches

    start = time.perf_counter()
    for batch in simulate_batches(job.run, job.seeds):
        seconds = (time.perf_counter() - start) / len(batch)
        for seed, metrics in batch.items():
            path = record_path(job.run, seed, job.root)
            write(path, Record(job.run, seed, metrics, {**provenance("numpy", "scipy"), "seconds": seconds}))
        advance(len(batch))
        start = time.perf_counter()
