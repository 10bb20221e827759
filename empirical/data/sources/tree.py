"""List the files in folders of images and tell images from notes and other files."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

IMAGES = {
    *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".avif", ".bmp", ".gif"),
    *(".tif", ".tiff", ".ppm", ".pgm"),
}
STARTS = (b"\x89PNG\r\n", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\0", b"MM\0*")  # of image files
HEIF = {b"heic", b"heix", b"hevc", b"heim", b"mif1", b"msf1"}  # brands
AVIF = {b"avif", b"avis"}
NOTES = {
    ".csv",
    ".txt",
    ".json",
    ".jsonl",
    ".md",
    ".yaml",
    ".yml",
    ".xml",
    ".html",
    ".pdf",
}  # passed over
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
    hidden = any(part.startswith((".", "__MACOSX", "@eaDir")) for part in path.split("/"))
    suffix = os.path.splitext(name)[1]
    if hidden or name in LITTER or suffix in NOTES:
        return "ignored"
    return "image" if suffix in IMAGES else "other"


def refusal(path: Path) -> str:
    """Return why a file of another suffix is no image, by its first bytes; empty if it is one.

    A special file, such as a pipe, is not opened.
    """
    try:
        if not is_regular(path):
            return "not a regular file"
        with path.open("rb") as file:
            start = file.read(16)
    except OSError as error:
        return error.strerror or "unreadable"
    brand = start[8:12] if start[4:8] == b"ftyp" else b""
    if start.startswith(STARTS) or brand in AVIF or start[:4] + start[8:12] == b"RIFFWEBP":
        return ""
    if brand in HEIF:
        return "HEIF, which is not read: convert it to JPEG or PNG"
    return "not an image file"


def is_regular(path: Path) -> bool:
    """Return whether a path, or what it links to, is an ordinary file. May raise OSError."""
    return stat.S_ISREG(os.stat(path).st_mode)
