"""The commands: functions that return an exit code; a mistake raises ValueError, and too large a step Diverged."""

from __future__ import annotations

import sys
from json import dumps
from pathlib import Path
from typing import Any, NoReturn

from figures.records import OUTPUT, default_workers
from figures.records.command_line.arguments import Names
from theory import Distribution, Method, Network, Optimiser, Run
from theory import simulate as simulate_one
from theory.experiments import EXPERIMENTS, Job, complete, find, plan

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
    """The named experiments, their runs and seeds."""
    for experiment in EXPERIMENTS.values():
        print(
            f"{experiment.name}: {experiment.about}; {len(experiment.runs)} runs x {experiment.seeds} seeds"
        )
        print(f"    {' '.join(run.label for run in experiment.runs)}")
    return 0


def run(
    names: Names, /, seeds: int | None = None, workers: int | None = None, out: Path = OUTPUT
) -> int:
    """Compute what is missing of named experiments.

    Args:
        names: experiments; `python -m theory list` says which there are.
        seeds: the first so many seeds; all of the experiment's if not given.
        workers: parallel processes, one thread each; one for each core if not given.
        out: folder for records.
    """
    if not names or _below(1, seeds, workers):
        raise ValueError(
            f"got {len(names)} names, seeds {seeds}, workers {workers}; allowed: at least 1 name (see list), seed and worker"
        )
    failures = []
    for experiment in [find(name) for name in names]:
        total = len(experiment.runs) * (seeds or experiment.seeds)
        jobs = plan(experiment, seeds or experiment.seeds, out / "records")
        missing = sum(len(job.seeds) for job in jobs)
        print(
            f"{experiment.name}: {total - missing} records are there, {missing} to compute",
            flush=True,
        )
        failures += complete(experiment, jobs, workers or default_workers()) if jobs else []
    return _report(failures)


def claims(
    json: bool = False, seeds: int | None = None, workers: int | None = None, out: Path = OUTPUT
) -> int:
    """Check claims T1-T8: compute what is missing of the experiments they rest on, and compare with what was predicted.

    Args:
        json: print one JSON list of {id, statement, predicted, measured, low, high, holds} instead of a table.
        seeds: the first so many seeds, at least 2; all of each experiment's if not given.
        workers: parallel processes, one thread each; one for each core if not given.
        out: folder for records.
    """
    if _below(2, seeds) or _below(1, workers):
        raise ValueError(
            f"got seeds {seeds}, workers {workers}; allowed: at least 2 seeds and 1 worker"
        )
    from theory.claims import NEEDED
    from theory.evidence import Evidence
    from theory.verdicts import judge, record, rows, text

    counts = {name: seeds or find(name).seeds for name in NEEDED}
    jobs = [
        job for name, count in counts.items() for job in plan(find(name), count, out / "records")
    ]
    print(
        f"claims: {sum(len(job.seeds) for job in jobs)} records to compute",
        file=sys.stderr,
        flush=True,
    )
    failures = complete(find("claims"), jobs, workers or default_workers()) if jobs else []
    if failures:
        return _report(failures)
    verdicts = judge(Evidence(out / "records", counts))
    record(verdicts, counts, out / "records")
    print(dumps(rows(verdicts), ensure_ascii=False, allow_nan=False) if json else text(verdicts))
    return 0


def _below(least: int, *values: int | None) -> bool:
    return any(value is not None and value < least for value in values)


def _report(failures: list[tuple[Job, str]]) -> int:
    for job, message in failures:
        print(
            f"failed: {job.run.experiment}: {job.run.label}, seeds {', '.join(map(str, job.seeds))}: {message}",
            file=sys.stderr,
        )
    return 1 if failures else 0


def simulate(
    distribution: Distribution = Distribution(),  # noqa: B008
    network: Network = Network(),  # noqa: B008
    optimiser: Optimiser = Optimiser(),  # noqa: B008
    method: Method = Method(),  # noqa: B008
    seed: int = 0,
    json: bool = False,
) -> int:
    """Train once and print what was measured; every part of the configuration is a flag.

    Args:
        seed: at least 0.
        json: print all metrics as JSON instead of a table.
    """
    if seed < 0:
        raise ValueError(f"seed is {seed}; allowed: at least 0")
    metrics = simulate_one(
        Run("custom", method.name, distribution, network, optimiser, method), seed
    )
    print(dumps(metrics, allow_nan=False) if json else table(metrics))
    return 0


def explore(port: int = 0, browser: bool = True) -> NoReturn:
    """Two methods side by side in the browser: parameters to move, curves and closed forms at once. Ctrl-C ends it.

    Args:
        port: of this machine alone, 127.0.0.1; 0: any that is free.
        browser: open the page in the browser; with --no-browser only its address is printed.
    """
    if not 0 <= port <= 65535:
        raise ValueError(f"port is {port}; allowed: 1 to 65535, or 0 for any that is free")
    try:
        from theory.explore.server import serve
    except ModuleNotFoundError as error:
        raise ValueError(
            f"the explorer needs {error.name}, which is not installed: make setup"
        ) from None
    serve(port, browser)


def table(metrics: dict[str, Any], rows: int = 12) -> str:
    """The curves at about ``rows`` of their steps and at the last, then the numbers of the run."""
    last = len(metrics["steps"]) - 1
    chosen = sorted({round(last * i / rows) for i in range(rows + 1)})
    lines = ["  step" + "".join(f"{heading:>13}" for heading in COLUMNS)]
    lines += [
        f"{metrics['steps'][i]:6d}"
        + "".join(_cell(metrics[curve][i]) for curve in COLUMNS.values())
        for i in chosen
    ]
    return "\n".join([*lines, "", *(f"{name:>22}{_cell(metrics[name])}" for name in NUMBERS)])


def _cell(value: float | None) -> str:
    return f"{'never' if value is None else f'{value:.4g}':>13}"
