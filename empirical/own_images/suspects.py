"""List images whose label may be wrong, by predictions of networks that did not train on them.

The rule is confident learning (Northcutt, Jiang and Chuang, "Confident Learning: Estimating
Uncertainty in Dataset Labels", 2021), as the package cleanlab has it under the name
``confident_learning``.
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np

from empirical.config import require
from empirical.data.sources.source import first_names

LOWEST = 2e-6  # least threshold, and tolerance of rounding, as in cleanlab
ROUNDING = 1e-6
COLUMNS = ("file", "label", "preferred", "probability", "preferred_probability", "slow", "dropped")


def confident_suspects(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return which labels are probably wrong, (n,) bool.

    t_c, the confidence in class c, is the mean probability of c over the images labelled c. An
    image is confidently of class c if its p_c >= t_c; if it is so of several classes, the class of
    its largest p counts. It is a suspect if this class is not its label, and its label has not the
    largest p.

    probabilities: (n, classes), out of sample: from networks that did not train on the image.
    labels: (n,) in 0..classes-1. The threshold of a class without images is never reached.
    """
    values = np.asarray(probabilities, np.float64)
    thresholds = np.full(values.shape[1], np.inf)
    for c in np.unique(labels):
        thresholds[c] = max(values[labels == c, c].mean(), LOWEST)
    confident = values >= thresholds - ROUNDING
    preferred = values.argmax(1)
    several = confident.sum(1) > 1
    guess = np.where(several, preferred, confident.argmax(1))
    return confident.any(1) & (guess != labels) & (preferred != labels)


def suspect_rows(
    paths: Sequence[str],
    labels: np.ndarray,
    classes: Sequence[str],
    probabilities: np.ndarray,
    suspects: np.ndarray,
    slow: np.ndarray,
    dropped: bool,
) -> list[tuple]:
    """Return the rows of suspects.csv, the surest first.

    paths: of all images, in the order of the other arrays (n, ...). They are paths in the folder
    that was read, so that the file, or a part of it, can be given to ``--exclude``.
    """
    preferred = probabilities.argmax(1)
    everyone = np.arange(len(labels))
    of_label = probabilities[everyone, labels]
    of_preferred = probabilities[everyone, preferred]
    chosen = np.flatnonzero(suspects)
    order = chosen[np.argsort(of_label[chosen] - of_preferred[chosen], kind="stable")]
    return [
        COLUMNS,
        *(
            (
                paths[i],
                classes[labels[i]],
                classes[preferred[i]],
                f"{of_label[i]:.4f}",
                f"{of_preferred[i]:.4f}",
                int(slow[i]),
                int(dropped),
            )
            for i in order
        ),
    ]


def read_exclusions(path: Path) -> frozenset[str]:
    """Return the files to leave out: a CSV file with a column ``file``, or one path in each line.

    Raises ValueError if the file cannot be read or names nothing.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig", errors="surrogateescape") as file:
            rows = [row for row in csv.reader(file) if row]
    except (OSError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ValueError(
            f"exclude is {path}, which cannot be read ({reason}); allowed: a CSV file with a "
            "column named file, or a text with one path in each line"
        ) from None
    if rows and "file" in rows[0]:
        column = rows[0].index("file")
        found = [row[column] for row in rows[1:] if len(row) > column]
    else:
        found = [",".join(row) for row in rows]
    names = frozenset(name.strip() for name in found if name.strip())
    require(bool(names), "exclude", str(path), "a file that names at least one image")
    return names


def matching_exclusions(excluded: Collection[str], paths: Collection[str]) -> frozenset[str]:
    """Return the paths to leave out.

    Paths are relative to the folder of images. Raises ValueError that names those that are in no
    class of it.
    """
    there = set(paths)
    strangers = sorted(name for name in excluded if name.removeprefix("./") not in there)
    require(
        not strangers,
        "files of --exclude that are no images of the folder",
        first_names(strangers),
        "paths relative to the folder, such as cats/1.png",
    )
    return frozenset(name.removeprefix("./") for name in excluded)
