"""List the named experiments and what each costs on its own: the command ``list``."""

from __future__ import annotations

import textwrap
from pathlib import Path

from empirical.experiments import cost
from empirical.experiments.experiment import Experiment
from empirical.experiments.jobs import graph, priced
from empirical.experiments.registry import EXPERIMENTS
from figures.records.command_line.rows import terminal_width

HEAD = ("experiment", "records", "seeds", "images", "hours", "on H200", "claims", "about")
NOTES = (
    "images: number of variants generated, approximate. Hours are of each experiment on its own: "
    "experiments of one scale share stages and records, so together they cost less than the sum. "
    "Here: 2 cores, from committed records where there are any, else (~) from measured rates. "
    "On an H200: estimated from counted work, not measured; - where a CPU does all the work."
)


def list_() -> int:
    """List the named experiments and what they cost."""
    print(*format_table([make() for make in EXPERIMENTS.values()]), sep="\n")
    return 0


def format_table(experiments: list[Experiment], width: int | None = None) -> list[str]:
    """Format every experiment as a line of numbers; below, what it is about and its claims.

    width: of a line, in characters; None: that of the terminal.
    """
    width = width or terminal_width()
    rows = [HEAD, *map(experiment_row, experiments)]
    name, *numbers = (
        max(map(len, column)) for column in zip(*(row[:6] for row in rows), strict=True)
    )
    lines = []
    for i, (first, *rest) in enumerate(rows):
        aligned = (cell.rjust(size) for cell, size in zip(rest[:5], numbers, strict=True))
        lines.append("  ".join([first.ljust(name), *aligned]))
        if i:
            about = f"{rest[6]}{f' ({rest[5]})' if rest[5] else ''}"
            lines += textwrap.wrap(about, width, initial_indent="  ", subsequent_indent="  ")
    return [*lines, "", *textwrap.wrap(NOTES, width)]


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
