"""The command line: ``python -m empirical list | data NAME | run NAME ... | benchmark NAME ... | train | select NAME |
diffusion train NAME | strength NAME | augment FOLDER --out FOLDER2 | store list``."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import Annotated

import tyro

from empirical.commands.augment import augment
from empirical.commands.benchmark import benchmark
from empirical.commands.diffusion import diffusion
from empirical.commands.list import table
from empirical.commands.select import select
from empirical.commands.store import store
from empirical.commands.strength import strength
from empirical.config import Data, Run, require
from empirical.data.decoded import find_or_decode
from empirical.data.sources import look_in
from empirical.experiments.cost import duration
from empirical.experiments.jobs import graph, missing
from empirical.experiments.registry import EXPERIMENTS, experiment
from empirical.experiments.runner import complete, planned, records_of
from empirical.generation.backends import check
from empirical.runtime.machine import USUAL, Machine
from empirical.runtime.precision import notes
from figures.records import OUTPUT, run_command
from figures.records.command_line.arguments import Names


def list_() -> int:
    """The named experiments, and what they cost."""
    print(*table([make() for make in EXPERIMENTS.values()]), sep="\n")
    return 0


def data(
    name: tyro.conf.Positional[str],
    /,
    root: Path | None = None,
    side: int | None = None,
    classes: tuple[str, ...] | None = None,
    validation: int | None = None,
    skip_unreadable: bool = False,
    out: Path = OUTPUT,
) -> int:
    """Find or fetch a data set, decode it once, check it, and say what it holds.

    Args:
        name: digits, noisy-digits, cifar10, cifar100, tiny-imagenet, or folder:PATH for images of your own.
        root: where data sets lie; the environment variable TADA_DATA, or the folder data, if not given.
        side: average pixels down to this side; of folder:PATH, the side to resize to (64 if not given).
        classes: these classes alone.
        validation: images to hold out; a tenth of the training images if not given.
        skip_unreadable: leave out files that cannot be read as images, and list them, instead of stopping.
        out: folder for the decoded images.
    """
    look_in(root)
    config = Data(name, side=side, classes=classes, skip_unreadable=skip_unreadable)
    if not config.from_library:
        config = dataclasses.replace(config, train=None)
        find_or_decode(
            config, out / "artifacts", fetch=True
        )  # before torch is loaded: what is missing is told at once

    from empirical.commands.data import describe

    print(*describe(config, validation, out / "artifacts"), sep="\n")
    return 0


def run(
    names: Names,
    /,
    seeds: int | None = None,
    workers: int | None = None,
    root: Path | None = None,
    out: Path = OUTPUT,
    dry_run: bool = False,
    machine: Machine = USUAL,
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
    look_in(root)
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


def train(
    config: Annotated[Run, tyro.conf.arg(name=""), tyro.conf.AvoidSubcommands] = Run(),  # noqa: B008
    machine: Machine = USUAL,
    seed: int = 0,
    root: Path | None = None,
    out: Path = OUTPUT,
    log: Path | None = None,
) -> int:
    """One run of one's own, from early training to its measures; nothing is recorded, stages are kept in ``out``/artifacts.

    A line after every epoch says how far it is. Interrupted, the same command goes on from the last checkpoint.

    Args:
        seed: at least 0.
        root: where data sets lie; the environment variable TADA_DATA, or the folder data, if not given.
        out: folder for stages and checkpoints.
        log: folder for TensorBoard.
    """
    require(seed >= 0, "seed", seed, "at least 0")
    look_in(root)
    machine.check(config.data)
    check(config.generator)
    if not config.data.from_library:
        find_or_decode(
            config.data, out / "artifacts"
        )  # before torch is loaded: what is missing is told at once

    import torch

    from empirical import pipeline
    from empirical.data import images as data
    from empirical.selection.early_training import near_chance
    from empirical.training.progress import Lines

    config = dataclasses.replace(config, data=data.resolve(config.data, out / "artifacts"))
    torch.set_num_threads(1)  # the same numbers as in an experiment
    for note in notes([config], machine):
        print(note, flush=True)
    with Lines(log) as watch:
        metrics = pipeline.execute(config, seed, out / "artifacts", machine=machine, watch=watch)
    for name, value in metrics.items():
        if (said := in_words(value, name.endswith("_by_class"))) is not None:
            print(f"{name:25s} {said}")
    if near_chance(metrics["early_error_balanced"], len(metrics["slow_fraction_by_class"])):
        print(
            "note: early training ended near chance, so which images are slow says little: raise early.limit or early.epochs"
        )
    return 0


def in_words(value: object, by_class: bool = False) -> str | None:
    """A metric in a line: numbers to four digits, of a curve the last value, of classes the range; None of what there is not."""
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        known = [each for each in value if each is not None]
        if not known:
            return None
        return (
            f"{min(known):.4g} to {max(known):.4g}"
            if by_class
            else f"{in_words(known[-1])} (last of {len(value)})"
        )
    if isinstance(value, dict):
        return ", ".join(
            f"{name} {said}" for name, each in value.items() if (said := in_words(each)) is not None
        )
    if isinstance(value, str) and len(value) == 64:
        return f"{value[:12]}..."
    return None if value is None else str(value)


if __name__ == "__main__":
    sys.exit(
        run_command(
            {
                "list": list_,
                "data": data,
                "run": run,
                "train": train,
                "benchmark": benchmark,
                "select": select,
                "diffusion": diffusion,
                "strength": strength,
                "augment": augment,
                "store": store,
            },
            "python -m empirical",
            __doc__,
        )
    )
