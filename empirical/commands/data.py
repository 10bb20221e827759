"""What a data set holds, in words: the command ``data``."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import tyro

from empirical.config import Data
from empirical.data.decoded import find_or_decode
from empirical.data.load import Dataset, load_dataset, load_digits
from empirical.data.sources.locate import set_data_root
from empirical.data.split import Split, split_dataset
from figures.records import OUTPUT

LISTED = 12  # class names that are spelled out


def describe_dataset(config: Data, validation: int | None, artifacts: Path) -> list[str]:
    """Find a data set, compare every byte of it with its digest, and say what it holds: lines of a word and its value.

    validation: images to hold out, a tenth of the training images if None. Raises ValueError as ``data.dataset`` does.
    """
    if config.from_library:
        config = (
            config if validation is None else dataclasses.replace(config, validation=validation)
        )
        parts, images = split_dataset(config, 0), load_digits(config.name)
        values = (images.pixels.astype(float) + 1) / 2
        rows = [
            ("source", "scikit-learn's bundled digits; training and test images are drawn by seed"),
            *_count_rows(parts, images.classes),
            ("size", "8x8, 1 channel"),
            ("mean", f"{values.mean():.4f} of all images, on the scale [0, 1]"),
            ("deviation", f"{values.std():.4f}"),
        ]
        return [f"{word:12s} {value}" for word, value in rows]
    whole = load_dataset(config, artifacts, verify=True)
    held = len(whole.train) // 10 if validation is None else validation
    parts = split_dataset(dataclasses.replace(config, validation=held), 0, artifacts)
    return [f"{word:12s} {value}" for word, value in _dataset_rows(whole, parts)]


def _dataset_rows(whole: Dataset, parts: Split) -> list[tuple[str, str]]:
    about, (channels, height, width) = whole.manifest, whole.train.shape
    train = about["parts"]["train"]
    rows = [("source", about["about"]), *_count_rows(parts, about["classes"])]
    found = [len(whole.train), len(whole.test)]
    if about["published"] and found != about["published"]:
        rows.append(
            (
                "note",
                "the whole published data set has {:,} training and {:,} test images".format(
                    *about["published"]
                ),
            )
        )
    rows += [
        ("size", f"{height}x{width}, {channels} channels"),
        (
            "mean",
            f"{_format_numbers(train['mean'])} of the {len(whole.train):,} training images with validation, on the scale [0, 1]",
        ),
        ("deviation", _format_numbers(train["deviation"])),
    ]
    if about["ignored"]:
        rows.append(
            ("ignored", f"{about['ignored']:,} hidden files and notes (.csv, .txt and the like)")
        )
    if about["unreadable"]:
        rows.append(
            ("left out", f"{len(about['unreadable'])} files that cannot be read as images:")
        )
        rows += [("", f"{path} ({reason})") for path, reason in about["unreadable"]]
    return [
        *rows,
        ("content", f"{about['content'][:16]}, every byte compared"),
        ("cache", str(whole.folder)),
    ]


def _count_rows(parts: Split, classes: tuple[str, ...]) -> list[tuple[str, str]]:
    more = f" and {len(classes) - LISTED} more" if len(classes) > LISTED else ""
    return [
        (
            "images",
            f"{len(parts.train):,} training, {len(parts.validation):,} validation, {len(parts.test):,} test",
        ),
        ("classes", f"{len(classes)}: {', '.join(classes[:LISTED])}{more}"),
    ]


def _format_numbers(values: list[float]) -> str:
    return " ".join(f"{value:.4f}" for value in values)


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
    set_data_root(root)
    config = Data(name, side=side, classes=classes, skip_unreadable=skip_unreadable)
    if not config.from_library:
        config = dataclasses.replace(config, train=None)
        find_or_decode(
            config, out / "artifacts", fetch=True
        )  # before torch is loaded: what is missing is told at once

    print(*describe_dataset(config, validation, out / "artifacts"), sep="\n")
    return 0
