"""The command ``store``: what variants there are, whether every byte of them is as it was written, and an image folder of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import tyro

from empirical.config import require
from empirical.generation.store.export import export
from empirical.generation.store.store import Store
from figures.records import OUTPUT


def store(
    action: tyro.conf.Positional[Literal["list", "verify", "export"]],
    folder: tyro.conf.Positional[Path | None] = None,
    /,
    to: Path | None = None,
    repair: bool = False,
    out: Path = OUTPUT,
) -> int:
    """Look through stores of variants, check them, or write one as an image folder with a manifest.csv.

    Args:
        action: list what there is; verify every byte, where damaged shards are named and the exit code is 1; or export.
        folder: a store, or an output folder with any number of them; that of --out if not given.
        to: of export, the folder to write: CLASS/SOURCE-COPY.png, and manifest.csv.
        repair: of verify, remove damaged shards; who needs their variants makes them again.
        out: the output folder that is looked through if no folder is given.
    """
    require(to is None or action == "export", "to", str(to), "given with export alone")
    require(not repair or action == "verify", "repair", repair, "given with verify alone")
    where = out if folder is None else folder
    folders = find_stores(where) if folder is not None or where.is_dir() else []
    if action == "export":
        require(to is not None, "--to", to, "the folder to write")
        names = (
            f": {', '.join(path.name for path in folders)}"
            if folders
            else "; train, benchmark and augment make some"
        )
        require(
            len(folders) == 1,
            f"number of stores in {where}",
            len(folders),
            f"1, as one is exported; name it{names}",
        )
        there = Store(folders[0])
        written = export(there, to, there.description.get("classes"))
        print(f"{to}: {len(there):,} images, {written:,} of them written now")
        return 0
    if not folders:
        print(f"{where} holds no store of variants")
    damaged = False
    for path in folders:
        try:
            print(format_store(path))
            if action == "verify":
                damaged |= print_damage(Store(path), repair)
        except ValueError as error:
            print(f"{path}: {error}")
            damaged = True
    return int(damaged and action == "verify")


def find_stores(where: Path) -> list[Path]:
    """The folder itself if it is a store, else the stores that an output folder, or its artifacts, holds. ValueError if it is not there."""
    require(
        where.is_dir(), "folder", str(where), "a store of variants, or an output folder with some"
    )
    if (where / "manifest.json").exists():
        return [where]
    return sorted(
        path
        for pattern in ("variants-*", "artifacts/variants-*")
        for path in where.glob(pattern)
        if path.is_dir()
    )


def format_store(folder: Path) -> str:
    """A line: how many variants, of which data, by which model, at which strength."""
    there = Store(folder)
    pairs, said = there.pairs(), there.description
    sources, copies = (len(set(column.tolist())) for column in pairs.T)
    settings, shape = said.get("variants", {}), " x ".join(map(str, there.shape))
    noise = (
        "from pure noise"
        if settings.get("from_noise")
        else f"strength {settings.get('strength', '?')}"
    )
    noise = noise if settings.get("alpha_bar") is None else f"alpha_bar {settings['alpha_bar']}"
    mixed = ", mixed" if settings.get("mix") else ""
    model = f"{model_name(folder)} ({said.get('generator', {}).get('seen', '?')})"
    of = f"{len(pairs):,} variants of {sources:,} images, {copies} each at most, {there.dtype} {shape}"
    return f"{folder}: {of}; {said.get('data', {}).get('name', '?')}, seed {said.get('seed', '?')}; {model}, {noise}{mixed}"


def model_name(folder: Path) -> str:
    """What made the variants, by the name that it was called by."""
    try:
        return (
            json.loads((folder / "about.json").read_text()).get("model")
            or "model trained for the run"
        )
    except (OSError, ValueError, AttributeError):
        return "model unknown"


def print_damage(there: Store, repair: bool) -> bool:
    """Whether shards are damaged; each is named."""
    bad = there.repair() if repair else there.verify()
    for name in bad:
        print(f"  damaged{', removed' if repair else ''}: shard-{name}")
    if not bad:
        print("  every byte is as it was written")
    return bool(bad)
