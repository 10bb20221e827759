"""List the named experiments and what each costs on its own: the command ``list``."""

from __future__ import annotations

from pathlib import Path

from empirical.experiments import cost
from empirical.experiments.experiment import Experiment
from empirical.experiments.jobs import graph, priced
from empirical.experiments.registry import EXPERIMENTS

HEAD = ("experiment", "records", "seeds", "images", "hours here", "on an H200", "claims", "about")
NOTES = (
    "images: number of variants generated, approximate. Hours are of each experiment on its own:",
    "experiments of one scale share stages and records, so together they cost less than the sum.",
    "Here: 2 cores, from committed records where there are any, else (~) from measured rates.",
    "On an H200: estimated from counted work, not measured; - where a CPU does all the work.",
)


def list_() -> int:
    """List the named experiments and what they cost."""
    print(*format_table([make() for make in EXPERIMENTS.values()]), sep="\n")
    return 0


def format_table(experiments: list[Experiment]) -> list[str]:
    """Format a table of experiments, numbers to the right and everything else to the left."""
    rows = [HEAD, *map(experiment_row, experiments)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]

    def aligned(row: tuple[str, ...]) -> str:
        cells = enumerate(zip(row, widths, strict=True))
        return "  ".join(
            cell.rjust(width) if 1 <= column <= 5 else cell.ljust(width)
            for column, (cell, width) in cells
        )

    return [aligned(row).rstrip() for row in rows] + ["", *NOTES]


def experiment_row(experiment: Experiment) -> tuple[str, ...]:
    """Return the cells of one experiment, in the order of ``HEAD``."""
    jobs = graph([(experiment, experiment.seeds)], Path("output")).values()
    variants = [job for job in jobs if job.stage == "variants" and job.shard[0] == 0]
    images = sum(cost.images(job.runs) for job in variants)
    records = [job.path for job in jobs if job.path is not None]
    seconds = [cost.measured(path.parent.name, path.name) for path in records]
    here = sum(priced(job, cost.HERE).seconds for job in jobs) / 3600
    on_h200 = sum(priced(job, cost.H200).seconds for job in jobs) / 3600
    library = all(run.data.from_library for run in experiment.runs)
    return (
        experiment.name,
        str(len(records)),
        str(experiment.seeds),
        f"{images:,}",
        f"{'~' if None in seconds else ''}{format_hours(here / 2)}",
        "-" if library else f"~{format_hours(on_h200)}",
        " ".join(experiment.claims),
        experiment.about,
    )


def format_hours(value: float) -> str:
    """Format hours: whole from 10 on, one decimal from 1 on, else one significant digit."""
    if value >= 10:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 1 else f"{value:.1g}"
