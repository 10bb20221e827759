"""Compute what is missing of experiments, by processes of one thread each, or on a cluster.

Valid records are left alone. Only the workers load torch, so that a finished experiment is
recognised at once.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from empirical.config import Data
from empirical.data.decoded import find_or_decode
from empirical.experiments import scheduler
from empirical.experiments.experiment import Experiment
from empirical.experiments.jobs import Graph, Job, graph, missing, urgency
from empirical.experiments.kinds import kind_of
from empirical.experiments.progress_board import Board
from empirical.experiments.ray_cluster import Cluster
from empirical.experiments.stages import leases, perform
from empirical.generation.backends.resolve import check_model
from empirical.runtime.machine import DEFAULT_MACHINE, Machine
from empirical.runtime.precision import slow_precision_notes
from figures.records import Plan, Pool, default_workers, file_name, write_plan

Chosen = Sequence[tuple[Experiment, int]]  # experiments, and of how many seeds


def plan_of(experiment: Experiment, seeds: int, command: str | None = None) -> Plan:
    """Return the plan of an experiment: all runs of its first ``seeds`` seeds."""
    names = tuple(
        file_name(run.label, run, seed) for seed in range(seeds) for run in experiment.runs
    )
    first = experiment.runs[0]
    return Plan(
        f"empirical/{experiment.name}",
        names,
        command or f"python -m empirical run {experiment.name}",
        first.metric,
        kind_of(first).tolerance,
        experiment.records and experiment.folder,
    )


def write_plans(chosen: Chosen, out: Path, command: str | None = None) -> None:
    """Write the plans of experiments, by which figures find their records."""
    for experiment, seeds in chosen:
        write_plan(out / "records", plan_of(experiment, seeds, command))


def planned(
    chosen: Chosen,
    out: Path,
    machine: Machine = DEFAULT_MACHINE,
    command: str | None = None,
    here: bool = True,
) -> Graph:
    """Check the inputs, write the plans, and return the jobs that are left to do.

    command: what makes the records, as written in the plans; None for the usual command. here: see
    ``find_inputs``.
    """
    left = missing(graph(chosen, out, machine))
    find_inputs(left, here)
    write_plans(chosen, out, command)
    for experiment, seeds in chosen:
        n = records_of(left, experiment)
        there = seeds * len(experiment.runs) - n
        print(f"{experiment.name}: {there} records are there, {n} to compute", flush=True)
    return left


def records_of(jobs: Graph, experiment: Experiment) -> int:
    """Return how many of the jobs end in a record of the experiment."""
    return sum(job.path is not None and experiment.name in job.experiments for job in jobs.values())


def compute(
    left: Graph, out: Path, workers: scheduler.Workers, width: int, retries: int = 1
) -> list[str]:
    """Do the jobs that are left; returns a line for each failure and for each blocked experiment.

    width: how many jobs are done side by side, for the estimate of the time left.
    """
    held = leases(out)
    view = scheduler.View(Job.is_done, lambda job: held.holder(job.name) is not None)
    with contextlib.closing(Board(left, width)) as board:
        outcome = scheduler.complete(left, workers, view, board, retries, urgency(left))
    return format_failures(left, outcome)


def complete(
    left: Graph,
    out: Path,
    machine: Machine,
    workers: int | None = None,
    retries: int = 1,
    cluster: str | None = None,
    gpus: float = 1.0,
) -> int:
    """Do the jobs that are left; returns the exit code, 1 if something failed, else 0.

    workers: number of processes, or None for the default. cluster: address of a Ray cluster, or
    None for this machine. gpus: GPUs that a job takes on a cluster. Failures go to standard error.
    """
    if not left:
        return 0
    for note in slow_precision_notes((run for job in left.values() for run in job.runs), machine):
        print(note, flush=True)
    with (
        on_cluster(cluster, left, machine, gpus) if cluster else pool(left, machine, workers) as (
            there,
            width,
        )
    ):
        return report(compute(left, out, there, width, retries))


def report(lines: Sequence[str]) -> int:
    """Print lines to standard error; returns the exit code, 1 if there are any, else 0."""
    for line in lines:
        print(line, file=sys.stderr)
    return 1 if lines else 0


def format_failures(jobs: Graph, outcome: scheduler.Outcome) -> list[str]:
    """Return a line for each failed job and for each experiment that a failed job blocks."""
    lines = []
    for name, error in outcome.failed.items():
        lines.append(f"failed: {jobs[name].experiments[0]}: {jobs[name].label}: {error}")
    for cause in dict.fromkeys(outcome.blocked.values()):
        blocked = [jobs[name] for name, by in outcome.blocked.items() if by == cause]
        for experiment in dict.fromkeys(name for job in blocked for name in job.experiments):
            mine = [job for job in blocked if experiment in job.experiments]
            records = sum(job.path is not None for job in mine)
            stages = f" and {len(mine) - records} stages" if records < len(mine) else ""
            why = f"as this failed: {jobs[cause].label}"
            lines.append(f"not begun: {experiment}: {records} records{stages}, {why}")
    return lines


def find_inputs(jobs: Graph, here: bool = True) -> None:
    """Check that data and models of all jobs exist, and decode the data.

    What is missing is thus reported once, before any work. here: whether this machine does the
    jobs, so that its device is checked as well.
    """
    loading = [job for job in jobs.values() if job.stage in ("variants", "train")]
    for generator in {run.generator for job in loading for run in job.runs if run.generates}:
        check_model(generator)
    for job in {job.runs[0].data: job for job in jobs.values()}.values():
        if here:
            job.machine.check(job.runs[0].data)
        if not job.runs[0].data.from_library:
            find_or_decode(job.runs[0].data, job.out / "artifacts")


@contextlib.contextmanager
def pool(
    left: Graph, machine: Machine, workers: int | None = None
) -> Iterator[tuple[scheduler.Workers, int]]:
    """Start processes on this machine; yields them and their number.

    workers: how many, at least 1; None for one a core, or one a GPU where GPUs do the work.
    """
    usual, environments = places([job.runs[0].data for job in left.values()], machine)
    width = min(workers or usual, len(left))
    with Pool(perform, width, environments) as processes:
        yield processes, width


@contextlib.contextmanager
def on_cluster(
    address: str, left: Graph, machine: Machine, gpus: float
) -> Iterator[tuple[scheduler.Workers, int]]:
    """Connect to a Ray cluster; yields it and the number of jobs it has room for."""
    heavy = [
        name
        for name, job in left.items()
        if machine.device != "cpu" and not job.runs[0].data.from_library
    ]
    with Cluster(address, perform, gpus, frozenset(heavy)) as there:
        yield there, there.slots


def places(data: Sequence[Data], machine: Machine) -> tuple[int, list[dict[str, str]]]:
    """Return the default number of worker processes and their environment variables.

    Each process sees one of several GPUs.
    """
    heavy = [each for each in set(data) if not each.from_library]
    if machine.device == "cpu" or not heavy or (kind := machine.on(heavy[0]).type) == "cpu":
        return default_workers(), [{}]
    if kind != "cuda":
        return 1, [{}]
    import torch

    n, visible = torch.cuda.device_count(), os.environ.get("CUDA_VISIBLE_DEVICES")
    numbers = visible.split(",")[:n] if visible else [str(i) for i in range(n)]
    return n, [{"CUDA_VISIBLE_DEVICES": number} for number in numbers] if n > 1 else [{}]
