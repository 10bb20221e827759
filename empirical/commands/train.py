"""The command ``train``: one run of one's own, from early training to its measures."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import tyro

from empirical.config import Run, require
from empirical.data.decoded import find_or_decode
from empirical.data.sources.locate import set_data_root
from empirical.generation.backends.resolve import check
from empirical.runtime.machine import DEFAULT_MACHINE, Machine
from empirical.runtime.precision import slow_precision_notes
from figures.records import OUTPUT


def train(
    config: Annotated[Run, tyro.conf.arg(name=""), tyro.conf.AvoidSubcommands] = Run(),  # noqa: B008
    machine: Machine = DEFAULT_MACHINE,
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
    set_data_root(root)
    machine.check(config.data)
    check(config.generator)
    if not config.data.from_library:
        find_or_decode(
            config.data, out / "artifacts"
        )  # before torch is loaded: what is missing is told at once

    import torch

    from empirical import pipeline
    from empirical.data import load
    from empirical.data.context import Context
    from empirical.selection.verdict import warning
    from empirical.training.progress import Lines

    config = dataclasses.replace(
        config, data=load.identify_by_content(config.data, out / "artifacts")
    )
    torch.set_num_threads(1)  # the same numbers as in an experiment
    for note in slow_precision_notes([config], machine):
        print(note, flush=True)
    with Lines(log) as watch:
        context = Context(config, seed, out / "artifacts", machine)
        metrics = pipeline.execute(context, watch=watch)
    for name, value in metrics.items():
        if (said := format_metric(value, name.endswith("_by_class"))) is not None:
            print(f"{name:25s} {said}")
    if line := warning(metrics["selection_verdict"], metrics["early_error_balanced"]):
        print(line)
    return 0


def format_metric(value: object, by_class: bool = False) -> str | None:
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
            else f"{format_metric(known[-1])} (last of {len(value)})"
        )
    if isinstance(value, dict):
        return ", ".join(
            f"{name} {said}"
            for name, each in value.items()
            if (said := format_metric(each)) is not None
        )
    if isinstance(value, str) and len(value) == 64:
        return f"{value[:12]}..."
    return None if value is None else str(value)
