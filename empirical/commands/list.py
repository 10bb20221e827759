"""The named experiments, and what each costs on its own."""

from __future__ import annotations

from pathlib import Path

from empirical.experiments import cost as expected
from empirical.experiments.experiment import Experiment
from empirical.experiments.jobs import graph, priced
from empirical.experiments.registry import EXPERIMENTS

HEAD = ("experiment", "records", "seeds", "images", "hours here", "on an H200", "claims", "about")
NOTES = (
    "images: variants generated, about. Hours of each alone: experiments of one scale share stages and records, so that all of them",
    "together cost less than their sum. Here: 2 cores; from committed records where there are such, else (~) from measured rates.",
    "On an H200: estimated from counted work, nothing has been measured there; - where a CPU does the work all the same.",
)


def experiment_row(experiment: Experiment) -> tuple[str, ...]:
    """What ``HEAD`` names, of one experiment."""
    chosen, out = [(experiment, experiment.seeds)], Path("output")
    jobs = graph(chosen, out)
    images = sum(
        expected.images(job.runs)
        for job in jobs.values()
        if job.stage == "variants" and job.shard[0] == 0
    )
    records = [job for job in jobs.values() if job.path is not None]
    known = all(
        expected.measured(job.path.parent.name, job.path.name) is not None for job in records
    )
    here, there = (
        sum(priced(job, rates).seconds for job in jobs.values()) / 3600
        for rates in (expected.HERE, expected.H200)
    )
    library = all(run.data.from_library for run in experiment.runs)
    return (
        experiment.name,
        str(len(records)),
        str(experiment.seeds),
        f"{images:,}",
        f"{'' if known else '~'}{format_hours(here / 2)}",
        "-" if library else f"~{format_hours(there)}",
        " ".join(experiment.claims),
        experiment.about,
    )


def format_hours(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.1g}" if value < 1 else f"{value:.1f}"


def format_table(experiments: list[Experiment]) -> list[str]:
    """Lines with aligned columns: names, claims and descriptions to the left, numbers to the right."""
    rows = [HEAD, *map(experiment_row, experiments)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]

    def aligned(row: tuple[str, ...]) -> str:
        return "  ".join(
            cell.rjust(w) if 1 <= i <= 5 else cell.ljust(w)
            for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        )

    return [aligned(row).rstrip() for row in rows] + ["", *NOTES]


def list_() -> int:
    """The named experiments, and what they cost."""
    print(*format_table([make() for make in EXPERIMENTS.values()]), sep="\n")
    return 0
