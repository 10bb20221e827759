"""The command ``run``: compute what is missing of named experiments."""

from __future__ import annotations

from pathlib import Path

from empirical.config import require
from empirical.data.sources.locate import set_data_root
from empirical.experiments.cost import duration
from empirical.experiments.jobs import graph, missing
from empirical.experiments.registry import experiment
from empirical.experiments.runner import complete, planned, records_of
from empirical.runtime.machine import DEFAULT_MACHINE, Machine
from figures.records import OUTPUT
from figures.records.command_line.arguments import Names


def run(
    names: Names,
    /,
    seeds: int | None = None,
    workers: int | None = None,
    root: Path | None = None,
    out: Path = OUTPUT,
    dry_run: bool = False,
    machine: Machine = DEFAULT_MACHINE,
) -> int:
    """Compute what is missing of named experiments.

    Args:
        names: experiments; `python -m empirical list` says which there are.
        seeds: the first so many seeds; all of the experiment's if not given.
        workers: parallel processes, one thread each; if not given, one for each core, or one for each GPU.
        root: where data sets lie; the environment variable TADA_DATA, or the folder data, if not given.
        out: folder for records and artifacts.
        dry_run: say what would be computed, and stop.
    """
    set_data_root(root)
    chosen = [experiment(name) for name in names]
    require(
        len(chosen) >= 1, "number of names", 0, "at least 1; the command list says which there are"
    )
    require(seeds is None or seeds >= 1, "seeds", seeds, "at least 1")
    require(workers is None or workers >= 1, "workers", workers, "at least 1")
    counted = [(each, each.first(seeds)) for each in chosen]
    if dry_run:
        left = missing(graph(counted, out, machine))
        for each, count in counted:
            seconds = sum(job.seconds for job in left.values() if each.name in job.experiments)
            n = f"{records_of(left, each)} of {count * len(each.runs)}"
            print(f"{each.name}: {n} records to compute, about {duration(seconds)} of one core")
        return 0
    return complete(planned(counted, out, machine), out, machine, workers)
