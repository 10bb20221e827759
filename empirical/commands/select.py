"""The command ``select``: which images of a data set are slow-learnable, how stable that is over seeds, and their scores in a file."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from empirical.config import DIGITS, Data, Run, Selection, StopName, Training, require
from empirical.config.recipes import PAPER_SGD
from empirical.data.sources.locate import FOLDER_PREFIX, set_data_root
from empirical.runtime.machine import Machine
from empirical.selection.scores import SeedSelection, agreement, columns, compute, early_of
from empirical.selection.verdict import warning
from figures.records import OUTPUT, whole, write_json

if TYPE_CHECKING:
    pass

COLUMNS = ("seed", "index", "class", "loss", "probability", "slow")
MEASURES = ("jaccard", "jaccard_chance", "overlap", "overlap_chance", "kappa", "spearman")
LISTED = 20  # classes whose fraction is printed
PAPER = Selection()


def select(
    name: tyro.conf.Positional[str],
    /,
    selection: Annotated[Selection, tyro.conf.arg(name="")] = PAPER,
    seeds: int = 3,
    stop: StopName | None = None,
    epochs: int | None = None,
    error: float | None = None,
    network: str | None = None,
    train: int | None = None,
    validation: int | None = None,
    side: int | None = None,
    classes: tuple[str, ...] | None = None,
    scores: Path | None = None,
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto",
    root: Path | None = None,
    out: Path = OUTPUT,
) -> int:
    """Which images are slow-learnable: how many, of which classes, and how far seeds agree on those that they share.

    Early training on digits is that of the small experiments, on other images the paper's: ResNet18, crop and flip, SGD.

    Args:
        name: digits, noisy-digits, cifar10, cifar100, tiny-imagenet, or folder:PATH for images of your own.
        selection: the rule.
        seeds: of the split, the first weights and the order.
        stop: when early training stops. The paper's epochs on CIFAR and TinyImageNet, auto on a folder, by error on digits.
        epochs: of stop epochs, or the budget of stop auto or error (100 if not given, 400 steps on digits).
        error: training error at which stop error ends, and stop auto at the latest, which goes by the mean of the classes' errors.
        network: see the command train.
        train: training images drawn by seed; all that are not held out for validation if not given (400 digits).
        validation: images held out, which get no score; 200 if not given, none of a folder.
        side: average pixels down to this side; of folder:PATH, the side to resize to (64 if not given).
        classes: these classes alone.
        scores: write seed, index, class, loss, probability of the class and slow of every image here, as .csv or .json.
        device: auto, cpu, cuda or mps.
        root: where data sets lie; the environment variable TADA_DATA, or the folder data, if not given.
        out: folder for the decoded images and the stages' results, which are used again.
    """
    require(seeds >= 1, "seeds", seeds, "at least 1")
    if scores is not None:
        require(
            scores.suffix in (".csv", ".json"), "ending of scores", scores.suffix, ".csv, .json"
        )
        require(
            scores.absolute().parent.is_dir(),
            "folder of scores",
            str(scores.parent),
            "a folder that is there",
        )
    set_data_root(root)
    library = name in DIGITS
    held = (
        validation
        if validation is not None
        else 0
        if name.startswith(FOLDER_PREFIX)
        else Data().validation
    )
    images = Data().train if train is None and library else train
    training = Training() if library else PAPER_SGD
    run = Run(
        data=Data(name, images, held, side, classes),
        training=training if network is None else dataclasses.replace(training, network=network),
        early=early_of(name, stop, epochs, error),
        selection=selection,
    )
    run, found = compute(run, seeds, Machine(device), out / "artifacts")
    pairs = agreement(found)
    print(*format_report(run, found, pairs), sep="\n")
    if scores is not None:
        (write_csv_scores if scores.suffix == ".csv" else write_json_scores)(
            scores, run, found, pairs
        )
    return 0


def format_report(run: Run, found: Sequence[SeedSelection], pairs: Sequence[dict[str, Any]]) -> list[str]:
    """What the command prints."""
    from empirical.selection.agreement import by_class

    images = found[0].parts.train
    stop = (
        f"after {run.early.epochs} epochs" if run.early.stop == "epochs" else f"by {run.early.stop}"
    )
    lines = [
        f"{run.data.name}: {len(images):,} training images, {len(images.classes)} classes; rule {run.selection.label}; stopped {stop}",
        "",
        "seed   steps   epochs   training error   slow",
    ]
    for f in found:
        epochs = f.chosen.steps * run.training.batch / len(f.parts.train)
        lines.append(
            f"{f.seed:4d} {f.chosen.steps:7d} {epochs:8.1f} {f.chosen.error:15.1%} {f.chosen.slow.mean():7.1%}"
        )
    shares = list(
        zip(
            *(by_class(f.chosen.slow, f.parts.train.labels, len(images.classes)) for f in found),
            strict=True,
        )
    )
    more = f" (the first {LISTED})" if len(shares) > LISTED else ""
    lines += ["", f"slow by class, a column for each seed{more}"]
    for name, values in list(zip(images.classes, shares, strict=True))[:LISTED]:
        lines.append(
            f"{name[:24]:24s} " + " ".join("     -" if v is None else f"{v:6.1%}" for v in values)
        )
    if pairs:
        lines += [
            "",
            "seeds  common  Jaccard (chance)  overlap (chance)  kappa  Spearman of losses",
        ]
    for p in pairs:
        seeds = "{},{}".format(*p["seeds"])
        values = [f"{'-' if p[k] is None else format(p[k], '.2f'):>5s}" for k in MEASURES]
        lines.append(
            f"{seeds:6s}{p['common']:7d}   {values[0]}  ({values[1]})    {values[2]}  ({values[3]})  {values[4]}  {values[5]}"
        )
    for f in found:
        if line := warning(f.chosen.verdict, f.chosen.balanced_error):
            lines += ["", f"seed {f.seed}: {line}"]
    return lines


def write_csv_scores(
    path: Path, run: Run, found: Sequence[SeedSelection], pairs: Sequence[dict[str, Any]]
) -> None:
    """One line per seed and image, whole or not at all."""
    with whole(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for f in found:
            writer.writerows((f.seed, *row) for row in zip(*columns(f).values(), strict=True))


def write_json_scores(
    path: Path, run: Run, found: Sequence[SeedSelection], pairs: Sequence[dict[str, Any]]
) -> None:
    """The same as JSON, by seed, with the settings, the moment of the stop, the curve that led there, and how far seeds agree."""
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
