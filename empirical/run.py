"""Many runs at once: what is missing is computed, in parallel processes of one thread each; what is whole is left alone.

torch is imported by the workers alone, so that a finished experiment is recognised at once.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from empirical.bfloat16 import notes
from empirical.cache import find_or_decode
from empirical.config import Run, Sheet
from empirical.grid import Experiment
from empirical.machine import USUAL, Machine
from figures.records import Plan, Record, file_name, is_whole, plain, provenance, run_jobs, write, write_plan

PACKAGES = ("numpy", "scikit-learn", "torch", "torchvision", "diffusers")
GENERATOR_STEP = 6  # a step of the generator costs as much as so many of the classifier
TOLERANCES = {"test_error": 0.03, "losses": 0.1}  # what the rounding of another processor moves a run, or a sheet, of this size by


@dataclasses.dataclass(frozen=True)
class Job:
    """Shared stages of ``runs`` (path is None), or one run and the record it ends in. root: artifacts; cost: in gradient steps."""

    runs: tuple[Run | Sheet, ...]
    seed: int
    root: Path
    cost: float
    path: Path | None = None
    machine: Machine = USUAL


def cost(run: Run | Sheet) -> float:
    """Rough cost in gradient steps of the classifier, for the progress bar."""
    if isinstance(run, Sheet):
        return shared_cost((run,)) + 100
    n = (run.data.train or 50_000) * {"original": 1, "syn-all": 2}.get(run.method.name, 1 + 0.3 * (run.method.k - 1))
    steps = run.training.steps or run.training.epochs * n / run.training.batch
    return steps * run.training.gradients


def shared_cost(runs: Sequence[Run | Sheet]) -> float:
    """The same for the stages before training, the generator above all."""
    generators = {run.generator for run in runs if isinstance(run, Sheet) or run.method.generates}
    return 50 + GENERATOR_STEP * sum(generator.steps for generator in generators if generator.model is None)


def perform(job: Job, advance: Callable[[float], None]) -> None:
    """Do one job, in a worker process."""
    import torch

    from empirical import pipeline, sheets

    torch.set_num_threads(1)
    if job.path is None:
        done = []
        pipeline.prepare(job.runs, job.seed, job.root, lambda n: (done.append(n), advance(GENERATOR_STEP * n)), job.machine)
        advance(job.cost - GENERATOR_STEP * sum(done))
        return
    (run,), start = job.runs, time.perf_counter()
    execute = sheets.execute if isinstance(run, Sheet) else pipeline.execute
    metrics = execute(run, job.seed, job.root, lambda fraction: advance(fraction * job.cost), job.machine)
    device = job.machine.on(run.data)
    accelerator = {"accelerator": torch.cuda.get_device_name(device)} if device.type == "cuda" else {}
    origin = {**provenance(*PACKAGES), "seconds": round(time.perf_counter() - start, 1), **accelerator}
    write(job.path, Record(plain(run), job.seed, metrics, origin))


def plan_of(experiment: Experiment, seeds: int) -> Plan:
    """All runs of the first ``seeds`` seeds, whatever is there already."""
    names = tuple(file_name(run.label, run, seed) for seed in range(seeds) for run in experiment.runs)
    metric = "losses" if isinstance(experiment.runs[0], Sheet) else "test_error"
    return Plan(
        f"empirical/{experiment.name}",
        names,
        f"python -m empirical run {experiment.name}",
        metric,
        TOLERANCES[metric],
        experiment.records and experiment.folder,
    )


def missing_jobs(experiment: Experiment, seeds: int, out: Path, machine: Machine = USUAL) -> tuple[list[Job], list[Job]]:
    """What is left to do: the shared stages of each seed, then the runs."""
    shared, single = [], []
    for seed in range(seeds):
        paths = {run: out / "records" / experiment.folder / file_name(run.label, run, seed) for run in experiment.runs}
        missing = tuple(run for run, path in paths.items() if not is_whole(path, run))
        if trained := tuple(run for run in missing if isinstance(run, Run)):
            shared.append(Job(trained, seed, out / "artifacts", shared_cost(trained), machine=machine))
        single += [Job((run,), seed, out / "artifacts", cost(run), paths[run], machine) for run in missing]
    return shared, single


def run_experiment(experiment: Experiment, seeds: int, workers: int, out: Path, machine: Machine = USUAL) -> list[str]:
    """Compute the missing records of the first ``seeds`` seeds into ``out``/records; returns a line for every failure."""
    write_plan(out / "records", plan_of(experiment, seeds))
    shared, single = missing_jobs(experiment, seeds, out, machine)
    print(f"{experiment.name}: {seeds * len(experiment.runs) - len(single)} records are there, {len(single)} to compute", flush=True)
    if not single:
        return []
    for data in sorted({job.runs[0].data for job in single}, key=str):
        machine.check(data)
        if not data.from_library:
            find_or_decode(data, out / "artifacts")  # here, so that images that are not there are told once, before any work
    for note in notes((job.runs[0] for job in single), machine):
        print(note, flush=True)
    total = sum(job.cost for job in shared + single)
    failures = run_jobs(perform, shared, single, total=total, workers=workers, label=experiment.name, unit="step")
    return [f"{experiment.name}: {job.path.stem if job.path else f'shared stages, seed {job.seed}'}: {why}" for job, why in failures]
