"""Compute experiments on a machine, a cluster or a job array: the command ``benchmark``."""

from __future__ import annotations

import shlex
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from empirical.commands.options import ModelKind, Root, Workers
from empirical.config import require
from empirical.data.sources.locate import set_data_root
from empirical.experiments import cost
from empirical.experiments.jobs import STAGES, Graph, Job, graph, missing, priced
from empirical.experiments.registry import choose
from empirical.experiments.runner import (
    Chosen,
    complete,
    find_inputs,
    planned,
    records_of,
    write_plans,
)
from empirical.experiments.stages import failure, leases
from empirical.runtime.machine import DEFAULT_MACHINE, Machine
from figures.records import OUTPUT
from figures.records.command_line.arguments import Names

if TYPE_CHECKING:
    from empirical.runtime.leases import Leases

Scale = Literal["reduced", "paper"]
STATES = ("done", "running", "failed", "missing")  # of a job


def benchmark(
    names: Names,
    /,
    scale: Scale = "reduced",
    seeds: int | None = None,
    workers: Workers = None,
    cluster: str | None = None,
    gpus_per_run: float = 1.0,
    task: int | None = None,
    status: bool = False,
    dry_run: bool = False,
    retries: int = 1,
    root: Root = None,
    out: Path = OUTPUT,
    model: str | None = None,
    kind: ModelKind = "auto",
    machine: Machine = DEFAULT_MACHINE,
) -> int:
    """Compute the missing records of experiments; every stage is computed once for all of them.

    It may be interrupted, and started several times at once: no record is made twice.

    Args:
        names: experiments, with or without their scale; or claims, such as E7, for the experiments
            that they rest on; or all.
        scale: scale of the experiments that are named without one.
        seeds: number of seeds, from the first one on; if not given, all of the experiment's.
        cluster: Ray cluster to compute on, local, auto or host:port; all of its machines must see
            the output folder; if not given, this machine computes.
        gpus_per_run: number of GPUs that a job takes on a cluster, above 0, such as 0.25.
        task: run only job number TASK (listed by --dry-run) and those of its prerequisites that are
            missing.
        status: print how many jobs are done, running, failed and missing, and stop.
        dry_run: print the jobs and their cost, and stop.
        retries: number of times that a failed job is tried again, at least 0.
        out: folder for records and artifacts.
        model: pre-trained diffusion model, a folder or a name on the Hugging Face hub, in place of
            the experiments' external generator.
    """
    require(seeds is None or seeds >= 1, "seeds", seeds, "at least 1")
    require(workers is None or workers >= 1, "workers", workers, "at least 1")
    require(retries >= 0, "retries", retries, "at least 0")
    require(gpus_per_run > 0, "gpus_per_run", gpus_per_run, "above 0")
    places = {"--cluster": cluster, "--workers": workers, "--task": task}
    given = [option for option, value in places.items() if value is not None]
    both = " and ".join(given)
    require(len(given) <= 1, "option", both, "one of them: each says where jobs are computed")
    require(
        kind == "auto" or model is not None, "kind", kind, "only with --model, whose kind it is"
    )
    set_data_root(root)
    out = out.absolute()  # workers on a cluster have other working folders
    chosen = [(each, each.first(seeds)) for each in choose(names, scale, model, kind)]
    if status:
        print(*format_status(chosen, out), sep="\n")
        return 0
    if dry_run:
        require(not given, "option", both, "without --dry-run, which computes nothing")
        print(*format_plan(chosen, out, machine), sep="\n")
        return 0
    command = None
    if model is not None:
        full = [each.name for each, _ in chosen]
        words = ["python", "-m", "empirical", "benchmark", *full, "--model", model, "--kind", kind]
        command = shlex.join(words)
    if task is not None:
        left = jobs_of_task(graph(chosen, out, machine), task)
        find_inputs(left)
        write_plans(chosen, out, command)
        return complete(left, out, machine, 1, retries)
    jobs = planned(chosen, out, machine, command, here=cluster is None)
    return complete(jobs, out, machine, workers, retries, cluster, gpus_per_run)


def jobs_of_task(jobs: Graph, task: int) -> Graph:
    """Return job number ``task`` and those of its prerequisites that are missing.

    Empty if no missing record needs that job. Raises ValueError if there is no such number.
    """
    require(0 <= task < len(jobs), "task", task, f"0 to {len(jobs) - 1}")
    name = list(jobs)[task]
    left = missing(jobs)
    chain = [name] if name in left else []
    for job in chain:
        chain += [need for need in left[job].needs if need not in chain]
    print(f"task {task}: {jobs[name].label}: {len(chain)} jobs to do", flush=True)
    return {job: left[job] for job in left if job in chain}


def format_status(chosen: Chosen, out: Path) -> list[str]:
    """Format how many records of each experiment are done, then the running and failed jobs."""
    jobs = graph(chosen, out)
    held = leases(out)
    state = {name: _job_state(job, held) for name, job in jobs.items()}
    width = max(len(each.name) for each, _ in chosen)
    lines = [f"{'':{width}s} {' '.join(f'{word:>7s}' for word in STATES)}"]
    for each, _ in chosen:
        records = [
            name
            for name, job in jobs.items()
            if job.path is not None and each.name in job.experiments
        ]
        count = Counter(state[name] for name in records)
        lines.append(f"{each.name:{width}s} {' '.join(f'{count[word]:7d}' for word in STATES)}")
    for name, job in jobs.items():
        if state[name] == "running":
            holder = held.holder(name) or {}
            place = str(holder.get("place")).split(" ")[0]
            lines.append(f"running: {job.label}, by process {holder.get('process')} of {place}")
        elif state[name] == "failed":
            lines.append(f"failed: {job.label}: {failure(job)}")
    return lines


def _job_state(job: Job, held: Leases) -> str:
    """Return the state of a job, one of ``STATES``."""
    if job.is_done():
        return "done"
    if held.holder(job.name) is not None:
        return "running"
    return "failed" if failure(job) is not None else "missing"


def format_plan(chosen: Chosen, out: Path, machine: Machine) -> list[str]:
    """Format all jobs with numbers and costs, and the command that runs them as a job array."""
    jobs = graph(chosen, out, machine)
    left = missing(jobs)
    lines = [
        f"{each.name}: {records_of(left, each)} of {seeds * len(each.runs)} records to compute"
        for each, seeds in chosen
    ]
    lines.append(f"{'task':>5s} {'expected':>10s}")
    for i, (name, job) in enumerate(jobs.items()):
        expected = cost.duration(left[name].seconds) if name in left else "there"
        lines.append(f"{i:5d} {expected:>10s}  {job.label}")
    for stage in STAGES:
        todo = [job for job in left.values() if job.stage == stage]
        if todo:
            core = cost.duration(sum(job.seconds for job in todo))
            gpu = cost.duration(sum(priced(job, cost.H200).seconds for job in todo))
            hours = f"{core} of one core, {gpu} of an H200 (estimated)"
            lines.append(f"{stage:9s} {len(todo):5d} jobs to do, {hours}")
    return [*lines, f"as a job array: {_array_command(jobs, machine)}"]


def _array_command(jobs: Graph, machine: Machine) -> str:
    """Return the command that submits every job as one task of a SLURM job array."""
    given = [word for word in sys.argv[1:] if word.replace("_", "-") != "--dry-run"]
    words = shlex.join(["python", "-m", "empirical", *given])
    library = all(job.runs[0].data.from_library for job in jobs.values())
    gpu = "" if machine.device == "cpu" or library else "--gres=gpu:1 "
    wrapped = shlex.quote(f"{words} --task $SLURM_ARRAY_TASK_ID")
    return f"sbatch {gpu}--array=0-{len(jobs) - 1}%8 --wrap {wrapped}"
