"""Command ``benchmark``: experiments of the grid on one machine, a cluster, or a job array, and how far they are."""

from __future__ import annotations

import shlex
import sys
from collections import Counter
from pathlib import Path
from typing import Literal

from empirical.config import require
from empirical.config.generation import KindName
from empirical.data.sources.locate import set_data_root
from empirical.experiments import cost as expected
from empirical.experiments.jobs import STAGES, Graph, graph, missing, priced
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

Scale = Literal["reduced", "paper"]


def benchmark(
    names: Names,
    /,
    scale: Scale = "reduced",
    seeds: int | None = None,
    workers: int | None = None,
    cluster: str | None = None,
    gpus_per_run: float = 1.0,
    task: int | None = None,
    status: bool = False,
    dry_run: bool = False,
    retries: int = 1,
    root: Path | None = None,
    out: Path = OUTPUT,
    model: str | None = None,
    kind: KindName = "auto",
    machine: Machine = DEFAULT_MACHINE,
) -> int:
    """Compute what is missing of experiments, each stage once for all of them: here, on a cluster, or as tasks of a job array.

    It may be interrupted, and begun several times at once: no record is made twice.

    Args:
        names: experiments, with or without their scale; claims, such as E7, for the experiments that bear on them; or all.
        scale: of names without one.
        seeds: the first so many seeds; all of the experiment's if not given.
        workers: parallel processes, one thread each; if not given, one for each core, or one for each GPU.
        cluster: do it on a Ray cluster: local, auto, or host:port; all its machines must see the output folder.
        gpus_per_run: on a cluster, GPUs that a job takes, such as 0.25.
        task: do this job alone, with what it needs and is not there; --dry-run says which there are.
        status: say what is done, running, failed and missing, and stop.
        dry_run: say which jobs there are and what they cost, and stop.
        retries: times that a failed job is tried again.
        root: where data sets lie; the environment variable TADA_DATA, or the folder data, if not given.
        out: folder for records and artifacts.
        model: folder or hub name of a model that takes the place of the experiments' external generator.
        kind: of that model.
    """
    require(seeds is None or seeds >= 1, "seeds", seeds, "at least 1")
    require(workers is None or workers >= 1, "workers", workers, "at least 1")
    require(retries >= 0, "retries", retries, "at least 0")
    require(gpus_per_run > 0, "gpus_per_run", gpus_per_run, "above 0")
    alone = {"--cluster": cluster, "--workers": workers, "--task": task}
    given = [option for option, value in alone.items() if value is not None]
    require(
        len(given) <= 1, "option", " and ".join(given), "one of them: they say who does the work"
    )
    require(
        kind == "auto" or model is not None, "kind", kind, "with --model alone, whose kind it is"
    )
    set_data_root(root)
    out = out.absolute()  # workers on a cluster stand in other folders
    chosen = [(each, each.first(seeds)) for each in choose(names, scale, model, kind)]
    if status:
        print(*format_status(chosen, out), sep="\n")
        return 0
    if dry_run:
        require(
            not given,
            "option",
            " and ".join(given),
            "without --dry-run, which tells what there is to do, not who does it",
        )
        print(*format_plan(chosen, out, machine), sep="\n")
        return 0
    command = None
    if model is not None:
        full = [each.name for each, _ in chosen]
        command = shlex.join(
            ["python", "-m", "empirical", "benchmark", *full, "--model", model, "--kind", kind]
        )
    if task is not None:
        left = jobs_of_task(graph(chosen, out, machine), task)
        find_inputs(left)
        write_plans(chosen, out, command)
        return complete(left, out, machine, 1, retries)
    return complete(
        planned(chosen, out, machine, command, here=cluster is None),
        out,
        machine,
        workers,
        retries,
        cluster,
        gpus_per_run,
    )


def jobs_of_task(jobs: Graph, task: int) -> Graph:
    """The job of this number, and what it needs and is not there; nothing where no missing record needs it."""
    require(0 <= task < len(jobs), "task", task, f"0 to {len(jobs) - 1}")
    name, left = list(jobs)[task], missing(jobs)
    chain = [name] if name in left else []
    for job in chain:
        chain += [need for need in left[job].needs if need not in chain]
    print(f"task {task}: {jobs[name].label}: {len(chain)} jobs to do", flush=True)
    return {job: left[job] for job in left if job in chain}


# --- which


# --- said, not done


def format_status(chosen: Chosen, out: Path) -> list[str]:
    """A line for each experiment, then what runs and what failed."""
    jobs, held = graph(chosen, out), leases(out)
    state = {name: _job_state(job, held) for name, job in jobs.items()}
    width = max(len(each.name) for each, _ in chosen)
    lines = [f"{'':{width}s} {'done':>7s} {'running':>7s} {'failed':>7s} {'missing':>7s}"]
    for each, _ in chosen:
        count = Counter(
            state[name]
            for name, job in jobs.items()
            if job.path is not None and each.name in job.experiments
        )
        lines.append(
            f"{each.name:{width}s} "
            + " ".join(f"{count[s]:7d}" for s in ("done", "running", "failed", "missing"))
        )
    for name, job in jobs.items():
        if state[name] == "running":
            by = held.holder(name) or {}
            lines.append(
                f"running: {job.label}, by process {by.get('process')} of {str(by.get('place')).split(' ')[0]}"
            )
        elif state[name] == "failed":
            lines.append(f"failed: {job.label}: {failure(job)}")
    return lines


def _job_state(job, held) -> str:
    if job.is_done():
        return "done"
    if held.holder(job.name) is not None:
        return "running"
    return "failed" if failure(job) is not None else "missing"


def format_plan(chosen: Chosen, out: Path, machine: Machine) -> list[str]:
    """All jobs with their numbers, what they cost, and how a job array does them."""
    jobs = graph(chosen, out, machine)
    left = missing(jobs)
    lines = [
        f"{each.name}: {records_of(left, each)} of {seeds * len(each.runs)} records to compute"
        for each, seeds in chosen
    ]
    lines.append(f"{'task':>5s} {'expected':>10s}")
    for i, (name, job) in enumerate(jobs.items()):
        lines.append(
            f"{i:5d} {expected.duration(left[name].seconds) if name in left else 'there':>10s}  {job.label}"
        )
    for stage in STAGES:
        todo = [job for job in left.values() if job.stage == stage]
        if todo:
            core = expected.duration(sum(job.seconds for job in todo))
            gpu = expected.duration(sum(priced(job, expected.H200).seconds for job in todo))
            lines.append(
                f"{stage:9s} {len(todo):5d} jobs to do, {core} of one core, {gpu} of an H200 (estimated)"
            )
    words = shlex.join(
        [
            "python",
            "-m",
            "empirical",
            *(word for word in sys.argv[1:] if word.replace("_", "-") != "--dry-run"),
        ]
    )
    asked = (
        ""
        if machine.device == "cpu" or all(job.runs[0].data.from_library for job in jobs.values())
        else "--gres=gpu:1 "
    )
    wrapped = shlex.quote(f"{words} --task $SLURM_ARRAY_TASK_ID")
    return [*lines, f"as a job array: sbatch {asked}--array=0-{len(jobs) - 1}%8 --wrap {wrapped}"]
