"""List the files in folders of images and tell images from notes and other files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

IMAGES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm"}
NOTES = {".csv", ".txt", ".json", ".md", ".yaml", ".yml", ".xml", ".html", ".pdf"}  # passed over
LITTER = {"thumbs.db", "desktop.ini"}  # left by file managers, passed over


def files_below(folder: Path, above: tuple[tuple[int, int], ...] = ()) -> Iterator[str]:
    """Yield every file below ``folder`` as a relative path with forward slashes.

    Sorted by folder and name; links are followed. above: device and inode of the folders around.
    Raises ValueError for a link to a folder that it lies in: following it would never end.
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
    """Return the names of the visible folders directly in ``folder``, sorted."""
    with os.scandir(folder) as entries:
        folders = [entry.name for entry in entries if entry.is_dir()]
    return sorted(name for name in folders if not name.startswith("."))


def file_kind(path: str) -> str:
    """Return ``image``, ``ignored`` (hidden, or a note such as .csv) or ``other``, by the name."""
    name = path.rsplit("/", 1)[-1].lower()
    hidden = any(part.startswith((".", "__MACOSX")) for part in path.split("/"))
    suffix = os.path.splitext(name)[1]
    if hidden or name in LITTER or suffix in NOTES:
        return "ignored"
    return "image" if suffix in IMAGES else "other"
