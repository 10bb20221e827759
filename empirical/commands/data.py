"""Print what a data set holds: the command ``data``."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from empirical.commands.options import (
    Classes,
    DataName,
    Root,
    Side,
    SkipUnreadable,
    data_settings,
    decode_first,
)
from empirical.config import Data
from empirical.data.load import Dataset, load_dataset, load_digits
from empirical.data.sources.locate import set_data_root
from empirical.data.split import Split, split_dataset
from figures.records import OUTPUT

LISTED = 12  # class names that are spelled out


def data(
    name: DataName,
    /,
    root: Root = None,
    side: Side = None,
    classes: Classes = None,
    validation: int | None = None,
    skip_unreadable: SkipUnreadable = False,
    out: Path = OUTPUT,
) -> int:
    """Find or download a data set, decode it once, check it, and print what it holds.

    Args:
        validation: number of images to hold out; if not given, a tenth of the training images.
        out: folder for the decoded images.
    """
    set_data_root(root)
    config = data_settings(name, None, validation, side, classes, skip_unreadable)
    decode_first(config, out / "artifacts", fetch=True)
    print(*format_dataset(config, validation, out / "artifacts"), sep="\n")
    return 0


def format_dataset(config: Data, validation: int | None, artifacts: Path) -> list[str]:
    """Format what a data set holds, in lines of a word and its value; every byte is checked.

    validation: images to hold out; None: a tenth of the training images, 200 of the digits.
    Raises ValueError as ``load_dataset`` and ``split_dataset`` do.
    """
    if config.from_library:
        rows = _digits_rows(config)
    else:
        dataset = load_dataset(config, artifacts, verify=True)
        held = len(dataset.train) // 10 if validation is None else validation
        parts = split_dataset(dataclasses.replace(config, validation=held), 0, artifacts)
        rows = _dataset_rows(dataset, parts)
    return [f"{word:12s} {value}" for word, value in rows]


def _digits_rows(config: Data) -> list[tuple[str, str]]:
    images = load_digits(config)
    values = (images.pixels.astype(float) + 1) / 2
    return [
        ("source", "scikit-learn's bundled digits; training and test images are drawn by seed"),
        *_count_rows(split_dataset(config, 0), images.classes),
        ("size", "8x8, 1 channel"),
        ("mean", f"{values.mean():.4f} of all images, on the scale [0, 1]"),
        ("deviation", f"{values.std():.4f}"),
    ]


def _dataset_rows(dataset: Dataset, parts: Split) -> list[tuple[str, str]]:
    about = dataset.manifest
    channels, height, width = dataset.train.shape
    train = about["parts"]["train"]
    rows = [("source", about["about"]), *_count_rows(parts, about["classes"])]
    if about["published"] and about["published"] != [len(dataset.train), len(dataset.test)]:
        counts = "{:,} training and {:,} test images".format(*about["published"])
        rows.append(("note", f"the whole published data set has {counts}"))
    mean = f"{_format_numbers(train['mean'])} of the {len(dataset.train):,} training images"
    rows += [
        ("size", f"{height}x{width}, {channels} channels"),
        ("mean", f"{mean} with validation, on the scale [0, 1]"),
        ("deviation", _format_numbers(train["deviation"])),
    ]
    if about["ignored"]:
        notes = f"{about['ignored']:,} hidden files and notes (.csv, .txt and the like)"
        rows.append(("ignored", notes))
    if left_out := about["unreadable"]:
        rows.append(("left out", f"{len(left_out)} files that cannot be read as images:"))
        rows += [("", f"{path} ({reason})") for path, reason in left_out]
    return [
        *rows,
        ("content", f"{about['content'][:16]}, every byte compared"),
        ("cache", str(dataset.folder)),
    ]


def _count_rows(parts: Split, classes: tuple[str, ...]) -> list[tuple[str, str]]:
    counts = [f"{len(part):,}" for part in (parts.train, parts.validation, parts.test)]
    more = f" and {len(classes) - LISTED} more" if len(classes) > LISTED else ""
    return [
        ("images", "{} training, {} validation, {} test".format(*counts)),
        ("classes", f"{len(classes)}: {', '.join(classes[:LISTED])}{more}"),
    ]


def _format_numbers(values: list[float]) -> str:
    return " ".join(f"{value:.4f}" for value in values)
