"""Compute the missing records of named experiments: the command ``run``."""

from __future__ import annotations

from pathlib import Path

from empirical.commands.options import Root, Workers
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
    workers: Workers = None,
    root: Root = None,
    out: Path = OUTPUT,
    dry_run: bool = False,
    machine: Machine = DEFAULT_MACHINE,
) -> int:
    """Compute the missing records of named experiments.

    Args:
        names: experiments; python -m empirical list shows them.
        seeds: number of seeds, from the first one on; if not given, all of the experiment's.
        out: folder for records and artifacts.
        dry_run: print what would be computed, and stop.
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
