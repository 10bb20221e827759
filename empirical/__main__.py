"""The command line: ``python -m empirical list | run NAME ... | train``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import tyro

from empirical.config import Run
from empirical.experiments import EXPERIMENTS, experiment
from empirical.run import missing_jobs, run_experiment
from figures.records import OUTPUT, default_workers, run_command


def list_() -> int:
    """The named experiments."""
    for named in (make() for make in EXPERIMENTS.values()):
        print(f"{named.name:20s} {len(named.runs) * named.seeds:4d} records, {named.seeds:2d} seeds  {named.about}")
    return 0


def run(
    names: tyro.conf.Positional[tuple[str, ...]],
    /,
    seeds: int | None = None,
    workers: int | None = None,
    out: Path = OUTPUT,
    dry_run: bool = False,
) -> int:
    """Compute what is missing of named experiments.

    Args:
        names: experiments; see the command list.
        seeds: the first so many seeds; all of the experiment's if not given.
        workers: parallel processes, one thread each; one for each core if not given.
        out: folder for records and artifacts.
        dry_run: say what would be computed, and stop.
    """
    chosen = [experiment(name) for name in names]
    if not chosen or (seeds is not None and seeds < 1) or (workers is not None and workers < 1):
        raise ValueError(f"got names {names}, seeds {seeds}, workers {workers}; allowed: at least one name, seed and worker")
    failures = []
    for each in chosen:
        count = seeds or each.seeds
        if dry_run:
            shared, single = missing_jobs(each, count, out)
            steps = sum(job.cost for job in shared + single)
            print(f"{each.name}: {len(single)} of {count * len(each.runs)} records to compute, about {steps:,.0f} gradient steps")
        else:
            failures += run_experiment(each, count, workers or default_workers(), out)
    for failure in failures:
        print(f"failed: {failure}", file=sys.stderr)
    return 1 if failures else 0


def train(config: Annotated[Run, tyro.conf.arg(name=""), tyro.conf.AvoidSubcommands] = Run(), seed: int = 0, out: Path = OUTPUT) -> int:  # noqa: B008
    """One run of one's own, from early training to its measures; nothing is recorded, stages are kept in ``out``/artifacts."""
    import torch

    from empirical import pipeline

    torch.set_num_threads(1)  # the same numbers as in an experiment
    for name, value in pipeline.execute(config, seed, out / "artifacts").items():
        print(f"{name:25s} {value}")
    return 0


if __name__ == "__main__":
    sys.exit(run_command({"list": list_, "run": run, "train": train}, "python -m empirical", __doc__))
