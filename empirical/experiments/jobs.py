"""Plan the jobs of experiments: early -> select -> generator -> variants -> train.

Every stage is one job for all runs that share it, whatever experiment they belong to, and a record
that several experiments need is one job. The plan follows from the settings only: the same command
gives the same jobs in the same order on every machine. torch is not loaded.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from empirical.config import Recorded
from empirical.experiments import cost
from empirical.experiments.experiment import Experiment
from empirical.experiments.kinds import kind_of
from empirical.runtime.machine import DEFAULT_MACHINE, Machine
from empirical.runtime.stage_code import code
from figures.records import digest, file_name, is_valid

STAGES = ("early", "select", "generator", "variants", "train")
SHARD = 8192  # variants of a job, about
Graph = Mapping[str, "Job"]  # by name, each after those that it needs


@dataclasses.dataclass(frozen=True)
class Job:
    """One stage of some runs.

    name: identifies the job among all jobs of all plans. needs: names of the jobs whose results it
    reads. runs: its run, of any kind in ``Recorded``; of a variants job, all runs that need
    variants of its store. path: of a train job, the record that it writes; else None. shard:
    (i, n), part i of n of a variants job. seconds: expected time on one core. experiments: those
    that need it. Results of stages lie in ``out``/artifacts.
    """

    stage: str
    name: str
    runs: tuple[Any, ...]
    seed: int
    out: Path
    needs: tuple[str, ...] = ()
    seconds: float = 0.0
    path: Path | None = None
    shard: tuple[int, int] = (0, 1)
    experiments: tuple[str, ...] = ()
    machine: Machine = DEFAULT_MACHINE

    @property
    def label(self) -> str:
        """Return the name that readers see."""
        if self.path is not None:
            return self.path.stem
        run = self.runs[0]
        of = {
            "early": run.training.network,
            "select": f"{run.training.network} {run.selection.label}",
        }.get(self.stage, run.data.name)
        part = f", part {self.shard[0] + 1} of {self.shard[1]}" if self.shard[1] > 1 else ""
        return f"{self.stage} {of}, seed {self.seed}{part} ({self.name.rpartition('-')[2]})"

    @property
    def notes(self) -> list[Path]:
        """Return the completion markers of a stage: one, or one for each run of a variants job.

        A marker is written when a stage has made its results with the present code. Markers lie
        beside the results, so that both are deleted together.
        """
        needed_by = self.runs if self.stage == "variants" else (None,)
        return [
            self.out / "artifacts" / f"made-{digest([code(self.stage), self.name, run])[:16]}.json"
            for run in needed_by
        ]

    def is_done(self) -> bool:
        """Return whether the record is valid (train jobs) or all markers exist (other stages).

        A marker does not guarantee that the result still exists; the next stage recomputes a
        missing one.
        """
        return (
            is_valid(self.path, self.runs[0])
            if self.path is not None
            else all(note.exists() for note in self.notes)
        )


def graph(
    chosen: Sequence[tuple[Experiment, int]], out: Path, machine: Machine = DEFAULT_MACHINE
) -> Graph:
    """Return all jobs of some experiments, finished or not, in the order of the stages.

    chosen: experiments, each with the number of its first seeds.
    """
    jobs: dict[str, Job] = {}
    for experiment, seeds in chosen:
        for seed in range(seeds):
            for run in experiment.runs:
                for job in _chain(run, seed, experiment, out, machine):
                    jobs[job.name] = _merged(jobs[job.name], job) if job.name in jobs else job
    whole = [part for job in jobs.values() for part in _shards(priced(job))]
    parts: dict[str, list[str]] = {}
    for job in whole:
        parts.setdefault(job.name.partition("~")[0], []).append(job.name)
    linked = (
        dataclasses.replace(job, needs=tuple(part for need in job.needs for part in parts[need]))
        for job in whole
    )
    return {job.name: job for job in sorted(linked, key=lambda job: STAGES.index(job.stage))}


def _chain(run: Any, seed: int, experiment: Experiment, out: Path, machine: Machine) -> list[Job]:
    """Return the jobs that lead to one record; the last one writes it."""

    def job(
        stage: str, depends: Any, *needs: Job, run: Any = run, seed: int = seed, **more: Any
    ) -> Job:
        name = f"{stage}-{digest(depends)[:12]}"
        names = tuple(need.name for need in needs)
        return Job(
            stage,
            name,
            (run,),
            seed,
            out,
            names,
            experiments=(experiment.name,),
            machine=machine,
            **more,
        )

    chain, needs = [], []
    for by, each in kind_of(run).selections(run, seed):
        early = job(
            "early", what := (by.data, by.early, by.training.early, each), run=by, seed=each
        )
        select = job("select", (what, by.selection), early, run=by, seed=each)
        chain += [early, select]
        needs.append(select)
    if run.generates:
        if run.generator.is_trained:
            one_for_all = (
                run.generator.trained_on == "external" and run.data.candidate_pool is not None
            )
            trained_with = 0 if one_for_all else seed
            chain.append(
                job("generator", (run.data, run.generator, trained_with), seed=trained_with)
            )
            needs.append(chain[-1])
        if kind_of(run).stores_variants:
            chain.append(
                job("variants", (run.data, run.generator, run.variants, seed, select.name), *needs)
            )
            needs = [select, chain[-1]]
    path = out / "records" / experiment.folder / file_name(run.label, run, seed)
    trained = dataclasses.replace(
        job("train", path.name, *needs, path=path),
        name=f"{experiment.folder}/{path.stem}".replace("/", "."),
    )
    return [*chain, trained]


def _merged(one: Job, other: Job) -> Job:
    """Join two requests for the same job."""
    runs = one.runs if one.stage != "variants" else tuple(dict.fromkeys((*one.runs, *other.runs)))
    return dataclasses.replace(
        one, runs=runs, experiments=tuple(dict.fromkeys((*one.experiments, *other.experiments)))
    )


def priced(job: Job, rates: cost.Rates = cost.HERE) -> Job:
    """Return the job with its expected seconds at the given rates."""
    run = job.runs[0]
    seconds = {
        "early": lambda: cost.early(run, rates),
        "select": lambda: 0.5,
        "generator": lambda: cost.generator(run.generator, run.data, rates),
        "variants": lambda: cost.variants(job.runs, rates),
        "train": lambda: _last(job, rates),
    }[job.stage]()
    return dataclasses.replace(job, seconds=seconds / job.shard[1])


def _last(job: Job, rates: cost.Rates) -> float:
    """Return the seconds of a job that ends in a record.

    On this processor, those that the committed record of the same run took; else as cost.
    """
    run, path = job.runs[0], job.path
    if rates is cost.HERE and path is not None:
        taken = cost.measured(path.parent.name, path.name)
        if taken:
            return taken
    return kind_of(run).seconds(run, rates)


def _shards(job: Job) -> list[Job]:
    """Split a variants job into shards of about SHARD images.

    Every shard keeps all runs, because the (source, copy) pairs are known only after selection.
    """
    n = math.ceil(cost.images(job.runs) / SHARD) if job.stage == "variants" else 1
    if n == 1:
        return [job]
    return [
        dataclasses.replace(
            job, name=f"{job.name}~{i:02d}of{n:02d}", shard=(i, n), seconds=job.seconds / n
        )
        for i in range(n)
    ]


# --- parts of a graph


def missing(
    jobs: Graph, wanted: Iterable[str] | None = None, done: Callable[[Job], bool] = Job.is_done
) -> Graph:
    """Return the jobs still to do for the ``wanted`` jobs, or for all records if None.

    These are the wanted jobs that are not done, and those of their needs that are not done. A
    variants job is kept only for the runs whose records are missing.
    """
    wanted = (
        [name for name, job in jobs.items() if job.path is not None]
        if wanted is None
        else list(wanted)
    )
    left, seen = set(), set(wanted)
    records = {
        job.runs[0]
        for job in jobs.values()
        if job.path is not None and job.name in seen and not done(job)
    }
    while wanted:
        job = _narrowed(jobs[wanted.pop()], records)
        if not done(job):
            left.add(job.name)
            wanted += [need for need in job.needs if need not in seen]
            seen.update(job.needs)
    kept = (_narrowed(job, records) for name, job in jobs.items() if name in left)
    return {
        job.name: dataclasses.replace(job, needs=tuple(need for need in job.needs if need in left))
        for job in kept
    }


def _narrowed(job: Job, records: set[Recorded]) -> Job:
    """Return a variants job for those of its runs whose records are asked for."""
    runs = tuple(run for run in job.runs if run in records) if job.stage == "variants" else job.runs
    return job if runs in ((), job.runs) else priced(dataclasses.replace(job, runs=runs))


def urgency(jobs: Graph) -> dict[str, float]:
    """Return, for each job, the seconds of the longest chain of jobs that begins with it."""
    after: dict[str, float] = {}
    for job in reversed(list(jobs.values())):
        total = job.seconds + after.get(job.name, 0.0)
        after[job.name] = total
        for need in job.needs:
            after[need] = max(after.get(need, 0.0), total)
    return after
