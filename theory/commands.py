"""Implement the commands of ``python -m theory`` as functions that return an exit code.

A user's mistake raises ValueError; a step size that is too large raises Diverged.
"""

from __future__ import annotations

import sys
from functools import cache
from json import dumps
from pathlib import Path
from typing import Any

from figures.records import OUTPUT, default_workers
from figures.records.command_line.arguments import Names
from figures.records.command_line.rows import print_row
from theory import Distribution, Method, Network, Optimiser, Run
from theory import simulate as simulate_one
from theory.experiments import EXPERIMENTS, Job, complete, find, plan

BESIDE = 14  # characters for the name of an experiment
COLUMNS = {  # heading -> curve
    "fast": "fast_alignment",
    "slow": "slow_alignment",
    "noise, fast": "noise_memorised_fast",
    "noise, slow": "noise_memorised_slow",
    "loss": "loss",
    "error": "test_error",
    "error, fast": "test_error_fast",
    "error, slow": "test_error_slow",
}
NUMBERS = (
    "time_fast",
    "time_slow",
    "speed_fast",
    "speed_slow",
    "speed_ratio",
    "speed_ratio_predicted",
    "slow_fraction",
    "examples",
)


def list_() -> int:
    """List the named experiments with their runs and seeds."""
    for experiment in EXPERIMENTS.values():
        size = f"{len(experiment.runs)} runs x {experiment.seeds} seeds from {experiment.first} on"
        print_row(experiment.name, f"{experiment.about}; {size}", BESIDE)
        print_row("", " ".join(run.label for run in experiment.runs), BESIDE)
    return 0


def run(
    names: Names, /, seeds: int | None = None, workers: int | None = None, out: Path = OUTPUT
) -> int:
    """Run named experiments; records that exist already are not computed again.

    Args:
        names: names of experiments; `python -m theory list` shows them.
        seeds: number of seeds, from the first of each experiment on, >= 1; None: all of them.
        workers: number of parallel processes, one thread each, >= 1; None: one for each core.
        out: output folder; records go to its subfolder records.
    """
    if not names or _below(1, seeds, workers):
        raise ValueError(
            f"got {len(names)} names, seeds {seeds}, workers {workers}; "
            "allowed: at least 1 name (see list), seed and worker"
        )
    failures = []
    for experiment in [find(name) for name in names]:
        total = len(experiment.runs) * (seeds or experiment.seeds)
        jobs = plan(experiment, seeds or experiment.seeds, out / "records")
        missing = sum(len(job.seeds) for job in jobs)
        state = f"{total - missing} records are there, {missing} to compute"
        print(f"{experiment.name}: {state}", flush=True)
        if jobs:
            _say_engine()
        failures += complete(experiment, jobs, workers or default_workers()) if jobs else []
    return _report(failures)


def claims(
    json: bool = False, seeds: int | None = None, workers: int | None = None, out: Path = OUTPUT
) -> int:
    """Check the claims T1-T9 against their predictions; missing records are computed first.

    Args:
        json: print a JSON list instead of a table, of {id, statement, kind, regime, predicted,
            measured, low, high, holds}.
        seeds: number of seeds, from the first of each experiment on, >= 2; None: all of them.
        workers: number of parallel processes, one thread each, >= 1; None: one for each core.
        out: output folder; records go to its subfolder records.
    """
    if _below(2, seeds) or _below(1, workers):
        raise ValueError(
            f"got seeds {seeds}, workers {workers}; allowed: at least 2 seeds and 1 worker"
        )
    from theory.claims import NEEDED
    from theory.evidence import Evidence
    from theory.verdicts import judge, record, rows, text

    root = out / "records"
    counts = {name: seeds or find(name).seeds for name in NEEDED}
    jobs = [job for name, count in counts.items() for job in plan(find(name), count, root)]
    missing = sum(len(job.seeds) for job in jobs)
    print(f"claims: {missing} records to compute", file=sys.stderr, flush=True)
    if jobs:
        _say_engine()
    failures = complete(find("claims"), jobs, workers or default_workers()) if jobs else []
    if failures:
        return _report(failures)
    verdicts = judge(Evidence(root, counts))
    record(verdicts, counts, root)
    print(dumps(rows(verdicts), ensure_ascii=False, allow_nan=False) if json else text(verdicts))
    return 0


@cache
def _say_engine() -> None:
    """Say once which engine trains: ``engine: c (AVX2)``."""
    from theory.kernel import engine

    print(f"engine: {engine()}", file=sys.stderr, flush=True)


def _below(least: int, *values: int | None) -> bool:
    """Return whether any of the values that are not None is below ``least``."""
    return any(value is not None and value < least for value in values)


def _report(failures: list[tuple[Job, str]]) -> int:
    """Print the failed jobs; return the exit code, 1 if there are any."""
    for job, message in failures:
        run = f"{job.run.experiment}: {job.run.label}"
        seeds = ", ".join(map(str, job.seeds))
        print(f"failed: {run}, seeds {seeds}: {message}", file=sys.stderr)
    return 1 if failures else 0


def simulate(  # noqa: D417  the classes describe the other arguments
    distribution: Distribution = Distribution(),  # noqa: B008
    network: Network = Network(),  # noqa: B008
    optimiser: Optimiser = Optimiser(),  # noqa: B008
    method: Method = Method(),  # noqa: B008
    seed: int = 0,
    json: bool = False,
) -> int:
    """Train one run and print its measurements; every part of the configuration is a flag.

    Args:
        seed: seed of the data and the initial weights, >= 0.
        json: print all metrics as JSON instead of a table.
    """
    if seed < 0:
        raise ValueError(f"seed is {seed}; allowed: at least 0")
    run = Run("custom", method.name, distribution, network, optimiser, method)
    metrics = simulate_one(run, seed)
    _say_engine()
    print(dumps(metrics, allow_nan=False) if json else table(metrics))
    return 0


def explore(
    out: Path = OUTPUT / "explorer.html", preset: str = "start", browser: bool = True
) -> int:
    """Write the explorer, one self-contained page, and open it in the browser.

    Args:
        out: the file to write, HTML.
        preset: what the page shows first, such as T3; start is a short introduction.
        browser: open the page; with --no-browser, only write it.
    """
    import webbrowser

    from theory.explore.page import write_page

    write_page(out, preset)
    print(f"explorer: {out}", flush=True)
    if browser and not webbrowser.open(out.resolve().as_uri()):
        print("no browser could be opened here; open this file in one", file=sys.stderr)
    return 0


def table(metrics: dict[str, Any], rows: int = 12) -> str:
    """Format the curves at about ``rows`` of their steps and the last, then the run's numbers."""
    last = len(metrics["steps"]) - 1
    chosen = sorted({round(last * i / rows) for i in range(rows + 1)})
    lines = ["  step" + "".join(f"{heading:>13}" for heading in COLUMNS)]
    for i in chosen:
        cells = (_cell(metrics[curve][i]) for curve in COLUMNS.values())
        lines.append(f"{metrics['steps'][i]:6d}" + "".join(cells))
    return "\n".join([*lines, "", *(f"{name:>22}{_cell(metrics[name])}" for name in NUMBERS)])


def _cell(value: float | None) -> str:
    """Format a value to 4 significant digits, right-aligned; None as "never"."""
    return f"{'never' if value is None else f'{value:.4g}':>13}"
