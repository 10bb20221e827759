"""The command ``strength``: variants of validation images at several strengths, how faithful they are, and the strength that speaks for."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import tyro

from empirical.config import DIGITS, Data, Generator, SamplerName, Training, Variants, require
from empirical.config.recipes import PAPER_SGD
from empirical.data.decoded import find_or_decode
from empirical.data.sources.locate import set_data_root
from empirical.generation.quality.by_strength import MARGIN, Examined, examine, trained_judge
from empirical.runtime.machine import Machine
from figures.records import OUTPUT, write_json

if TYPE_CHECKING:
    from empirical.data.images import Images

SHOWN = 10  # sources on the contact sheet
STRENGTHS = (0.1, 0.3, 0.5, 0.7, 0.9)
HEAD = "strength  timestep  alpha_bar   sigma  agreement  own nearest  near duplicates  KID (standard error)    n  grain"


def strength(
    name: tyro.conf.Positional[str],
    /,
    model: str,
    strengths: tuple[float, ...] = STRENGTHS,
    guidance: float = 1.0,
    sampler: SamplerName = "ddpm",
    num_inference_steps: int = 50,
    kind: str = "auto",
    revision: str | None = None,
    images: int = 100,
    train: int | None = None,
    validation: int | None = None,
    side: int | None = None,
    classes: tuple[str, ...] | None = None,
    network: str | None = None,
    epochs: int = 30,
    seed: int = 0,
    sheet: Path | None = None,
    json: Path | None = None,
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto",
    root: Path | None = None,
    out: Path = OUTPUT,
) -> int:
    """How faithful variants of validation images are at several strengths; the test images are not looked at.

    The judge is a classifier trained on the training images. Named is the highest strength whose label agreement is within 2 points
    of the judge's on the real images.

    Args:
        name: digits, noisy-digits, cifar10, cifar100, tiny-imagenet, or folder:PATH for images of your own.
        model: folder, or name on the hub, of the diffusion model.
        strengths: fractions of the schedule, in (0, 1].
        guidance: 1 is the conditional model alone.
        sampler: ddpm or ddim.
        num_inference_steps: denoising steps of the whole schedule.
        kind: of the model: auto, unet, text, dit or glide.
        revision: of a hub name, the commit.
        images: validation images to make variants of; as many others or more must be left to compare with.
        train: training images of the judge; all that are not held out if not given (400 digits).
        validation: images held out; 200 if not given.
        side: average pixels down to this side; of folder:PATH, the side to resize to (64 if not given).
        classes: these classes alone.
        network: of the judge; see the command train.
        epochs: of the judge's training (250 steps on digits).
        seed: of the split, the judge and the variants.
        sheet: write variants beside their sources here, as .png; into the folder out if not given.
        json: write the numbers here; into the folder out if not given.
        device: auto, cpu, cuda or mps.
        root: where data sets lie; the environment variable TADA_DATA, or the folder data, if not given.
        out: folder for the decoded images and the judge, which are used again.
    """
    levels = [Variants(s, num_inference_steps, guidance, sampler) for s in strengths]
    require(bool(levels), "strengths", strengths, "at least one number in (0, 1]")
    which = Generator(model=model, kind=kind, revision=revision)
    set_data_root(root)
    usual, library = Data(), name in DIGITS
    config = Data(
        name,
        usual.train if train is None and library else train,
        validation or usual.validation,
        side,
        classes,
    )
    recipe = Training() if library else dataclasses.replace(PAPER_SGD, epochs=epochs)
    recipe = recipe if network is None else dataclasses.replace(recipe, network=network)
    if not library:
        find_or_decode(
            config, out / "artifacts"
        )  # before torch is loaded: what is missing is told at once

    import torch

    from empirical.data.load import identify_by_content
    from empirical.data.split import split_dataset
    from empirical.generation.backends.model_files import folder_of
    from empirical.generation.backends.resolve import backend
    from empirical.generation.saved_model import check_unseen

    torch.set_num_threads(1)  # the same numbers as in an experiment
    config, place = identify_by_content(config, out / "artifacts"), Machine(device).on(config)
    parts = split_dataset(config, seed, out / "artifacts")
    check_unseen(folder_of(model) or Path(model), parts)
    ways = list(
        map(backend(which, levels[0], parts.train.classes, parts.train.shape, place).at, levels)
    )
    judge = trained_judge(config, parts, recipe, seed, out / "artifacts", place)
    found = examine(ways, strengths, parts, judge, images, seed)
    said = f"judge: {recipe.network} on {len(parts.train):,} training images, {recipe.steps or recipe.epochs} "
    print(*format_report(found, said + ("steps" if recipe.steps else "epochs")), sep="\n")
    stem = f"strength-{Path(config.name).name.replace(':', '-')}"
    write_sheet(sheet or out / f"{stem}.png", found, parts.validation, strengths)
    settings = {
        "data": config,
        "generator": ways[0].describe(),
        "variants": levels,
        "judge": recipe,
        "seed": seed,
    }
    numbers = {
        "real": found.real,
        "levels": found.levels,
        "chosen": found.chosen,
        "margin": MARGIN,
        "sources": found.sources.tolist(),
    }
    write_json(json or out / f"{stem}.json", {"settings": settings, **numbers})
    return 0


def format_report(found: Examined, judge: str) -> list[str]:
    """What the command prints."""

    def measured(level: dict[str, Any]) -> tuple[str, str]:
        k = level["kid"]
        error = "-" if k["error"] is None else f"{k['error']:.4f}"
        return (
            f"{level['agreement']:9.1%}",
            f"{k['value']:12.4f} ({error:>6s}) {k['n'][1]:7d} {level['grain']:7.2f}",
        )

    agreed, rest = measured(found.real)
    lines = [
        judge,
        "",
        HEAD,
        f"{'real':>8s} {'-':>9s} {'-':>10s} {'-':>7s}  {agreed} {'-':>12s} {'-':>16s} {rest}",
    ]
    for level in found.levels:
        agreed, rest = measured(level)
        noise = f"{level['strength']:8.2f} {level['timestep']:9.0f} {level['alpha_bar']:10.3f} {level['sigma']:7.2f}"
        lines.append(
            f"{noise}  {agreed} {level['own_nearest']:12.1%} {level['near_duplicates']:16.1%} {rest}"
        )
    rule = f"the highest strength whose label agreement is within {100 * MARGIN:g} points of that of real images"
    return [
        *lines,
        "",
        f"{rule}: {'none of these' if found.chosen is None else format(found.chosen, 'g')}",
    ]


def write_sheet(path: Path, found: Examined, held: Images, strengths: Sequence[float]) -> None:
    """Sources in the first column, their variants by strength in the others."""
    import numpy as np

    from empirical.generation.quality.contact_sheet import contact_sheet

    shown = np.unique(np.linspace(0, len(found.sources) - 1, SHOWN).astype(int))
    grid = np.concatenate(
        [held[found.sources[shown]].pixels[:, None], found.pixels[:, shown].swapaxes(0, 1)], axis=1
    )
    rows = [held.classes[held.labels[i]][:16] for i in found.sources[shown]]
    contact_sheet(path, grid, rows, ["source", *(f"{s:g}" for s in strengths)])
