"""List, check and export the variants on disk: the command ``store``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import tyro

from empirical.config import require
from empirical.generation.store.export import export_images
from empirical.generation.store.store import Store
from figures.records import OUTPUT

Action = tyro.conf.Positional[
    Annotated[
        Literal["list", "verify", "export"],
        tyro.conf.arg(
            help="list: print what each store holds; verify: compare every byte with its digest, "
            "name damaged shards, and exit with code 1 if there are any; export: write one store "
            "as a folder of images."
        ),
    ]
]
Folder = tyro.conf.Positional[
    Annotated[
        Path | None,
        tyro.conf.arg(
            metavar="[FOLDER]",
            help="a store of variants, or an output folder with any number of them; if not given, "
            "that of --out.",
        ),
    ]
]


def store(
    action: Action,
    folder: Folder = None,
    /,
    to: Path | None = None,
    repair: bool = False,
    out: Path = OUTPUT,
) -> int:
    """List stores of variants, check them, or export one as a folder of images.

    Args:
        to: with export, the folder to write: CLASS/SOURCE-COPY.png and manifest.csv.
        repair: with verify, remove damaged shards; their variants are made again when needed.
        out: output folder that is searched if no folder is given.
    """
    require(to is None or action == "export", "to", str(to), "only with export")
    require(not repair or action == "verify", "repair", repair, "only with verify")
    where = out if folder is None else folder
    folders = find_stores(where) if folder is not None or where.is_dir() else []
    if action == "export":
        return _export(folders, where, to)
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


def _export(folders: Sequence[Path], where: Path, to: Path | None) -> int:
    """Write the only store of ``folders`` to ``to``; raise ValueError unless there are both."""
    if to is None:
        raise ValueError("--to is None; allowed: the folder to write")
    names = ", ".join(path.name for path in folders)
    hint = f": {names}" if folders else "; train, benchmark and augment make some"
    counted = f"number of stores in {where}"
    require(len(folders) == 1, counted, len(folders), f"1, as one is exported; name it{hint}")
    found = Store(folders[0])
    written = export_images(found, to, found.description.get("classes"))
    print(f"{to}: {len(found):,} images, {written:,} of them written now")
    return 0


def find_stores(where: Path) -> list[Path]:
    """Return the folder if it is a store, else the stores in it or in its folder artifacts.

    Raises ValueError if there is no such folder.
    """
    allowed = "a store of variants, or an output folder with some"
    require(where.is_dir(), "folder", str(where), allowed)
    if (where / "manifest.json").exists():
        return [where]
    paths = [*where.glob("variants-*"), *where.glob("artifacts/variants-*")]
    return sorted(path for path in paths if path.is_dir())


def format_store(folder: Path) -> str:
    """Format one store in a line: number of variants, data set, seed, model and noise level."""
    found = Store(folder)
    pairs = found.pairs()
    sources, copies = (len(set(column.tolist())) for column in pairs.T)
    shape = " x ".join(map(str, found.shape))
    counts = f"{len(pairs):,} variants of {sources:,} images, {copies} each at most"
    about = found.description
    data = f"{about.get('data', {}).get('name', '?')}, seed {about.get('seed', '?')}"
    model = f"{model_name(folder)} ({about.get('generator', {}).get('trained_on', '?')})"
    noise = format_noise(about.get("variants", {}))
    return f"{folder}: {counts}, {found.dtype} {shape}; {data}; {model}, {noise}"


def format_noise(variants: dict) -> str:
    """Format the noise level of variants, given their settings as a dictionary."""
    if variants.get("alpha_bar") is not None:
        noise = f"alpha_bar {variants['alpha_bar']}"
    elif variants.get("from_noise"):
        noise = "from pure noise"
    else:
        noise = f"strength {variants.get('strength', '?')}"
    return f"{noise}, mixed" if variants.get("mix") else noise


def model_name(folder: Path) -> str:
    """Return the name of the model that made a store's variants."""
    try:
        name = json.loads((folder / "about.json").read_text()).get("model")
        return name or "model trained for the run"
    except (OSError, ValueError, AttributeError):
        return "model unknown"


def print_damage(found: Store, repair: bool) -> bool:
    """Print the names of damaged shards, removed with ``repair``; return whether there are any."""
    damaged = found.repair() if repair else found.verify()
    for name in damaged:
        print(f"  damaged{', removed' if repair else ''}: shard-{name}")
    if not damaged:
        print("  every byte is as it was written")
    return bool(damaged)
