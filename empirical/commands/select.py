"""Select slow-learnable images and compare seeds: the command ``select``."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import tyro

from empirical.commands.options import (
    Classes,
    DataName,
    Device,
    Root,
    Side,
    Train,
    Validation,
    data_settings,
)
from empirical.config import Run, Selection, StopName, Training, require
from empirical.config.recipes import PAPER_SGD
from empirical.data.sources.locate import set_data_root
from empirical.runtime.machine import Machine
from empirical.selection.agreement import MEASURES
from empirical.selection.scores import SeedSelection, agreement, columns, compute, early_settings
from empirical.selection.verdict import warning
from figures.records import OUTPUT, atomic_write, write_json

COLUMNS = ("seed", "index", "class", "loss", "probability", "slow")
LISTED = 20  # classes whose slow fraction is printed
DEFAULT_SELECTION = Selection()


def select(
    name: DataName,
    /,
    selection: Annotated[Selection, tyro.conf.arg(name="")] = DEFAULT_SELECTION,
    seeds: int = 3,
    stop: StopName | None = None,
    epochs: int | None = None,
    error: float | None = None,
    network: str | None = None,
    train: Train = None,
    validation: Validation = None,
    side: Side = None,
    classes: Classes = None,
    scores: Path | None = None,
    device: Device = "auto",
    root: Root = None,
    out: Path = OUTPUT,
) -> int:
    """Select the slow-learnable images of a data set, and compare the selections of several seeds.

    Digits are trained as in the small experiments, other images as in the paper (ResNet18, SGD).

    Args:
        seeds: number of seeds, at least 1; a seed sets the split, the first weights and the order.
        stop: when early training stops; error: at a training error; epochs: after some epochs;
            auto: when the error falls more slowly; if not given, epochs as in the paper for CIFAR
            and TinyImageNet, auto for folder:PATH, error for digits.
        epochs: with --stop epochs, the number of epochs; otherwise the most epochs; if not given,
            100, but 400 steps for digits.
        error: training error, in (0, 1), at which --stop error ends; --stop auto ends there too if
            it has not ended before, and takes the mean of the classes' errors; if not given, 0.15.
        network: network of early training; see python -m empirical train --help; if not given,
            resnet18, but resnet8 for digits.
        scores: file, .csv or .json, for seed, index, class, loss, probability of the class and
            slow (0 or 1) of every image; if not given, none is written.
        out: output folder; decoded images and results of stages are kept there.
    """
    require(seeds >= 1, "seeds", seeds, "at least 1")
    if scores is not None:
        ending, folder = scores.suffix, scores.absolute().parent
        require(ending in (".csv", ".json"), "ending of scores", ending, ".csv, .json")
        require(folder.is_dir(), "folder of scores", str(scores.parent), "an existing folder")
    set_data_root(root)
    data = data_settings(name, train, validation, side, classes)
    training = Training() if data.from_library else PAPER_SGD
    run = Run(
        data=data,
        training=training if network is None else dataclasses.replace(training, network=network),
        early=early_settings(name, stop, epochs, error),
        selection=selection,
    )
    run, found = compute(run, seeds, Machine(device), out / "artifacts")
    pairs = agreement(found)
    print(*format_report(run, found, pairs), sep="\n")
    if scores is not None and scores.suffix == ".csv":
        write_csv_scores(scores, found)
    elif scores is not None:
        write_json_scores(scores, run, found, pairs)
    return 0


def format_report(
    run: Run, found: Sequence[SeedSelection], pairs: Sequence[dict[str, Any]]
) -> list[str]:
    """Format the selections of all seeds, the slow fraction by class, and how far seeds agree."""
    from empirical.selection.agreement import by_class

    images = found[0].parts.train
    early = run.early
    stop = f"after {early.epochs} epochs" if early.stop == "epochs" else f"by {early.stop}"
    lines = [
        f"{run.data.name}: {len(images):,} training images, {len(images.classes)} classes; "
        f"rule {run.selection.label}; stopped {stop}",
        "",
        "seed   steps   epochs   training error   slow",
    ]
    for f in found:
        epochs = f.chosen.steps * run.training.batch / len(f.parts.train)
        lines.append(
            f"{f.seed:4d} {f.chosen.steps:7d} {epochs:8.1f} "
            f"{f.chosen.error:15.1%} {f.chosen.slow.mean():7.1%}"
        )
    count = len(images.classes)
    by_seed = [by_class(f.chosen.slow, f.parts.train.labels, count) for f in found]
    more = f" (the first {LISTED})" if count > LISTED else ""
    lines += ["", f"slow by class, a column for each seed{more}"]
    rows = zip(images.classes, zip(*by_seed, strict=True), strict=True)
    for name, values in list(rows)[:LISTED]:
        shares = ["     -" if value is None else f"{value:6.1%}" for value in values]
        lines.append(f"{name[:24]:24s} {' '.join(shares)}")
    if pairs:
        head = "seeds  common  Jaccard (chance)  overlap (chance)  kappa  Spearman of losses"
        lines += ["", head]
    for pair in pairs:
        seeds = "{},{}".format(*pair["seeds"])
        texts = ["-" if pair[name] is None else f"{pair[name]:.2f}" for name in MEASURES]
        cells = "   {:>5s}  ({:>5s})    {:>5s}  ({:>5s})  {:>5s}  {:>5s}".format(*texts)
        lines.append(f"{seeds:6s}{pair['common']:7d}{cells}")
    for f in found:
        if line := warning(f.chosen.verdict, f.chosen.balanced_error):
            lines += ["", f"seed {f.seed}: {line}"]
    return lines


def write_csv_scores(path: Path, found: Sequence[SeedSelection]) -> None:
    """Write one line for each seed and image; the file is complete or not there."""
    with atomic_write(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for f in found:
            writer.writerows((f.seed, *row) for row in zip(*columns(f).values(), strict=True))


def write_json_scores(
    path: Path, run: Run, found: Sequence[SeedSelection], pairs: Sequence[dict[str, Any]]
) -> None:
    """Write the scores by seed with the settings, the steps and errors, and how far seeds agree."""
    selections = [
        {
            "seed": f.seed,
            "steps": f.chosen.steps,
            "error": f.chosen.error,
            "curve": f.chosen.curve,
            "slow_fraction": f.chosen.slow.mean(),
        }
        | columns(f)
        for f in found
    ]
    settings = {name: getattr(run, name) for name in ("data", "training", "early", "selection")}
    write_json(path, {"settings": settings, "selections": selections, "agreement": list(pairs)})
