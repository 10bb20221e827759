"""Read what a model calls the classes of a folder: words for prompts, or its own classes."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path

from empirical.config import require
from empirical.data.sources.source import first_names

WORDNET = re.compile(r"n\d{8}")  # a class named by its number in WordNet, as in ImageNet
PROMPTS = "prompts.csv"  # read if it lies in the folder of images
WORDS = "words.txt"  # WordNet's words by number, as Tiny ImageNet has them

Words = tuple[tuple[str, str, str], ...]  # (class, words, negative prompt)


def read_columns(path: Path, option: str, needed: Sequence[str]) -> list[dict[str, str]]:
    """Return the rows of a CSV file that has certain columns.

    Raises ValueError that names the option if the file cannot be read, is empty or lacks one.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            rows = [dict(row) for row in reader]
            columns = list(reader.fieldnames or ())
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ValueError(
            f"{option} is {path}, which cannot be read ({reason}); allowed: a CSV file with the "
            f"columns {', '.join(needed)}"
        ) from None
    fits = bool(rows) and all(name in columns for name in needed)
    require(fits, f"columns of {path}", ", ".join(columns), f"{', '.join(needed)}, and a row")
    whole = all((row[name] or "").strip() for row in rows for name in needed)
    require(whole, f"{path}", "a row with an empty field", f"{', '.join(needed)} in every row")
    return rows


def read_mapping(path: Path) -> tuple[str, ...]:
    """Return texts CLASS=OTHER of a CSV file with the columns class and model_class."""
    rows = read_columns(path, "classes-of-model", ("class", "model_class"))
    return tuple(f"{row['class'].strip()}={row['model_class'].strip()}" for row in rows)


def class_words(
    where: Path, classes: Sequence[str], prompts: Path | None, negative: str = ""
) -> Words:
    """Return the words of classes, in the order of the file.

    where: the folder of images. prompts: a CSV file with the columns class, words and, optionally,
    negative; None: ``prompts.csv`` in the folder, if it is there. Classes named by WordNet's
    numbers take their words from ``words.txt`` in or above the folder. negative: for all classes,
    before their own. Raises ValueError for a class that is not there.
    """
    inside = where / PROMPTS
    if prompts is None and inside.is_file():
        prompts = inside
    found: list[tuple[str, str, str]] = []
    if prompts is not None:
        rows = read_columns(prompts, "prompts", ("class", "words"))
        strangers = sorted({row["class"].strip() for row in rows} - set(classes))
        require(
            not strangers,
            f"classes in {prompts}",
            first_names(strangers),
            f"folders of classes: {first_names(classes)}",
        )
        for row in rows:
            own = (row.get("negative") or "").strip()
            both = ", ".join(text for text in (negative, own) if text)
            found.append((row["class"].strip(), row["words"].strip(), both))
    given = {name for name, _, _ in found}
    known = wordnet_words(where) if any(map(WORDNET.fullmatch, classes)) else {}
    for name in classes:
        if name in given:
            continue
        if name in known or negative:
            found.append((name, known.get(name, name.replace("_", " ")), negative))
    return tuple(found)


def wordnet_words(where: Path) -> dict[str, str]:
    """Return the first word of each number in ``words.txt``, in the folder or above; else none."""
    for folder in (where, where.parent, where.parent.parent):
        path = folder / WORDS
        if path.is_file():
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
            pairs = (line.partition("\t") for line in lines)
            return {number.strip(): words.split(",")[0].strip() for number, _, words in pairs}
    return {}


def require_words(classes: Sequence[str], words: Words) -> None:
    """Raise ValueError if classes that say nothing to a text encoder have no words."""
    given = {name for name, _, _ in words}
    silent = [name for name in classes if WORDNET.fullmatch(name) and name not in given]
    require(
        not silent,
        "classes that are numbers of WordNet, which a text-to-image model does not read,",
        first_names(silent),
        "words for each: --prompts FILE with the columns class, words",
    )
