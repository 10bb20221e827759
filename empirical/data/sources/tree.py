"""Folders of images: which files there are, which of them are images, and which have no place."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

IMAGES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm"}
NOTES = {
    ".csv",
    ".txt",
    ".json",
    ".md",
    ".yaml",
    ".yml",
    ".xml",
    ".html",
    ".pdf",
}  # ignored and counted, as is everything hidden
LITTER = {"thumbs.db", "desktop.ini"}


def files_below(folder: Path, above: tuple[tuple[int, int], ...] = ()) -> Iterator[str]:
    """Every file below ``folder``, as relative paths with forward slashes, sorted by folder and name; links are followed.

    A link to a folder that it lies in raises ValueError: it would go round for ever.
    """
    status = os.stat(folder)
    if (status.st_dev, status.st_ino) in above:
        raise ValueError(f"{folder} links to a folder that it lies in; remove the link")
    with os.scandir(folder) as entries:
        there = sorted((entry.name, entry.is_dir()) for entry in entries)
    for name, is_folder in there:
        if is_folder:
            inside = files_below(folder / name, (*above, (status.st_dev, status.st_ino)))
            yield from (f"{name}/{path}" for path in inside)
        else:
            yield name


def folders_in(folder: Path) -> list[str]:
    """Names of the visible folders directly in ``folder``, sorted."""
    with os.scandir(folder) as entries:
        return sorted(
            entry.name for entry in entries if entry.is_dir() and not entry.name.startswith(".")
        )


def file_kind(path: str) -> str:
    """``image``, ``ignored`` (hidden, or notes such as .csv and .txt) or ``other``, by the name alone."""
    name = path.rsplit("/", 1)[-1].lower()
    hidden = any(part.startswith((".", "__MACOSX")) for part in path.split("/"))
    suffix = os.path.splitext(name)[1]
    if hidden or name in LITTER or suffix in NOTES:
        return "ignored"
    return "image" if suffix in IMAGES else "other"
