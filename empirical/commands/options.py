"""Declare the options that several commands share, each with its help text, and read the data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import tyro

from empirical.config import DIGITS, Data
from empirical.config.generation import KindName
from empirical.data.decoded import find_or_decode
from empirical.data.sources.locate import FOLDER_PREFIX

DataName = tyro.conf.Positional[
    Annotated[
        str,
        tyro.conf.arg(
            metavar="NAME",
            help="data set: digits, noisy-digits, cifar10, cifar100, tiny-imagenet, or folder:PATH "
            "for a folder of your own images.",
        ),
    ]
]
Root = Annotated[
    Path | None,
    tyro.conf.arg(
        help="folder that holds the data sets; if not given, that of the environment variable "
        "TADA_DATA, else the folder data."
    ),
]
Train = Annotated[
    int | None,
    tyro.conf.arg(
        help="number of training images, at least 20, drawn by seed; if not given, all that are "
        "not held out (400 for digits)."
    ),
]
Validation = Annotated[
    int | None,
    tyro.conf.arg(
        help="number of images held out of training and test; if not given, 200, but 0 for "
        "folder:PATH."
    ),
]
Side = Annotated[
    int | None,
    tyro.conf.arg(
        help="side of the images in pixels; larger images are averaged down, those of folder:PATH "
        "are resized; if not given, the images' own side, but 64 for folder:PATH."
    ),
]
Classes = Annotated[
    tuple[str, ...] | None,
    tyro.conf.arg(help="names of the classes to use, at least two; if not given, all."),
]
SkipUnreadable = Annotated[
    bool,
    tyro.conf.arg(help="leave out and list files that cannot be read as images, do not stop."),
]
Device = Annotated[
    Literal["auto", "cpu", "cuda", "mps"],
    tyro.conf.arg(
        help="device to compute on; auto: a CUDA GPU if there is one, but the CPU for the digits."
    ),
]
ModelKind = Annotated[
    KindName,
    tyro.conf.arg(
        help="kind of the pre-trained diffusion model; auto: read it from the model's files."
    ),
]
Revision = Annotated[
    str | None,
    tyro.conf.arg(
        help="commit of a model on the Hugging Face hub; if not given, the newest is used."
    ),
]
Workers = Annotated[
    int | None,
    tyro.conf.arg(
        help="number of parallel processes, one thread each; if not given, one for each core, or "
        "one for each GPU."
    ),
]


def data_settings(
    name: str,
    train: int | None = None,
    validation: int | None = None,
    side: int | None = None,
    classes: tuple[str, ...] | None = None,
    skip_unreadable: bool = False,
    candidate_pool: int | None = None,
    folder_validation: int = 0,
) -> Data:
    """Return the settings of a data set; options that are None take the data set's own value.

    train: 400 of the digits; of other images the candidate pool, or all that are not held out.
    validation: 200, but ``folder_validation`` for ``folder:PATH``.
    """
    usual = Data()
    if train is None:
        train = usual.train if name in DIGITS else candidate_pool
    if validation is None:
        validation = folder_validation if name.startswith(FOLDER_PREFIX) else usual.validation
    return Data(
        name=name,
        train=train,
        validation=validation,
        side=side,
        classes=classes,
        skip_unreadable=skip_unreadable,
        candidate_pool=candidate_pool,
    )


def decode_first(data: Data, artifacts: Path, fetch: bool = False) -> None:
    """Find and decode the images before torch is loaded, so missing images are reported at once.

    artifacts: folder of decoded images. fetch: download images that are missing.
    Raises ValueError as ``find_or_decode``.
    """
    if not data.from_library:
        find_or_decode(data, artifacts, fetch)
