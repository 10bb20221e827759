"""Compute one run of your own, from early training to its measures: the command ``train``."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import tyro

from empirical.commands.options import Root, decode_first
from empirical.config import Run, require
from empirical.data.sources.locate import set_data_root
from empirical.generation.backends.resolve import check_model
from empirical.runtime.machine import DEFAULT_MACHINE, Machine
from empirical.runtime.precision import slow_precision_notes
from figures.records import OUTPUT


def train(
    config: Annotated[Run, tyro.conf.arg(name=""), tyro.conf.AvoidSubcommands] = Run(),  # noqa: B008
    machine: Machine = DEFAULT_MACHINE,
    seed: int = 0,
    root: Root = None,
    out: Path = OUTPUT,
    log: Path | None = None,
) -> int:
    """Compute one run of your own and print its measures. No record is written.

    One line is printed after every epoch. If interrupted, the same command resumes.

    Args:
        seed: seed of all random draws, at least 0.
        out: output folder; results of stages and checkpoints are kept in its folder artifacts.
        log: folder for TensorBoard logs; if not given, none are written.
    """
    require(seed >= 0, "seed", seed, "at least 0")
    set_data_root(root)
    machine.check(config.data)
    check_model(config.generator)
    decode_first(config.data, out / "artifacts")

    import torch

    from empirical import pipeline
    from empirical.data.context import Context
    from empirical.data.load import identify_by_content
    from empirical.selection.verdict import warning
    from empirical.training.progress import ProgressLog

    data = identify_by_content(config.data, out / "artifacts")
    config = dataclasses.replace(config, data=data)
    torch.set_num_threads(1)  # the same numbers as in an experiment
    for note in slow_precision_notes([config], machine):
        print(note, flush=True)
    with ProgressLog(log) as watch:
        context = Context(config, seed, out / "artifacts", machine)
        metrics = pipeline.execute(context, watch=watch)
    for name, value in metrics.items():
        if (text := format_metric(value, name.endswith("_by_class"))) is not None:
            print(f"{name:25s} {text}")
    if line := warning(metrics["selection_verdict"], metrics["early_error_balanced"]):
        print(line)
    return 0


def format_metric(value: object, by_class: bool = False) -> str | None:
    """Format a metric: a number to 4 significant digits, a curve by its last value.

    Per-class values are given by their range, digests by their first 12 digits. Returns None if
    there is no value.
    """
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        known = [each for each in value if each is not None]
        if not known:
            return None
        if by_class:
            return f"{min(known):.4g} to {max(known):.4g}"
        return f"{format_metric(known[-1])} (last of {len(value)})"
    if isinstance(value, dict):
        texts = {name: format_metric(each) for name, each in value.items()}
        return ", ".join(f"{name} {text}" for name, text in texts.items() if text is not None)
    if isinstance(value, str) and len(value) == 64:
        return f"{value[:12]}..."
    return None if value is None else str(value)
