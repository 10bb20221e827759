"""Measure variants at several strengths and recommend one: the command ``strength``."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from empirical.commands.options import (
    Classes,
    DataName,
    Device,
    ModelKind,
    Revision,
    Root,
    Side,
    Train,
    data_settings,
    decode_first,
)
from empirical.config import Data, Generator, SamplerName, Training, Variants, require
from empirical.config.recipes import PAPER_SGD
from empirical.data.sources.locate import set_data_root
from empirical.generation.quality.by_strength import (
    MARGIN,
    StrengthComparison,
    compare_strengths,
    load_or_train_judge,
)
from empirical.runtime.machine import Machine
from figures.records import OUTPUT, write_json

if TYPE_CHECKING:
    from empirical.data.images import Images

SHOWN = 10  # sources on the contact sheet
STRENGTHS = (0.1, 0.3, 0.5, 0.7, 0.9)
HEAD = (
    "strength  timestep  alpha_bar   sigma  agreement  own nearest  near duplicates  "
    "KID (standard error)    n  grain"
)


def strength(
    name: DataName,
    /,
    model: str,
    strengths: tuple[float, ...] = STRENGTHS,
    guidance: float = 1.0,
    sampler: SamplerName = "ddpm",
    num_inference_steps: int = 50,
    kind: ModelKind = "auto",
    revision: Revision = None,
    images: int = 100,
    train: Train = None,
    validation: int | None = None,
    side: Side = None,
    classes: Classes = None,
    network: str | None = None,
    epochs: int = 30,
    seed: int = 0,
    sheet: Path | None = None,
    json: Path | None = None,
    device: Device = "auto",
    root: Root = None,
    out: Path = OUTPUT,
) -> int:
    """Measure how faithful variants of validation images are at several strengths.

    The judge of label agreement is a classifier trained on the training images.

    The highest strength is recommended at which agreement is at most 2 points below real images.

    No test image is used.

    Args:
        model: folder of the diffusion model, or its name on the Hugging Face hub.
        strengths: strengths to measure, fractions of the noise schedule in (0, 1].
        guidance: scale of classifier-free guidance, at least 0; 1 is the conditional model itself.
        sampler: sampler of the denoising steps.
        num_inference_steps: number of denoising steps of the whole schedule, a divisor of 1000.
        images: number of validation images to make variants of, at least 2 and at most half of all
            validation images; the others are compared with.
        validation: number of images held out of training and test; if not given, 200.
        network: network of the judge; see python -m empirical train --help; if not given, resnet18,
            but resnet8 for digits.
        epochs: number of epochs that the judge is trained; digits are trained for 250 steps.
        seed: seed of the split, the judge and the variants, at least 0.
        sheet: file, .png, for a sheet of variants beside their sources; if not given, it is written
            into the folder of --out.
        json: file for the numbers; if not given, it is written into the folder of --out.
        out: output folder; decoded images and the judge are kept there.
    """
    levels = [Variants(s, num_inference_steps, guidance, sampler) for s in strengths]
    require(bool(levels), "strengths", strengths, "at least one number in (0, 1]")
    require(seed >= 0, "seed", seed, "at least 0")
    generator = Generator(model=model, kind=kind, revision=revision)
    set_data_root(root)
    held = Data().validation  # of a folder too: variants are made of validation images
    data = data_settings(name, train, validation, side, classes, folder_validation=held)
    judging = judge_recipe(data, network, epochs)
    decode_first(data, out / "artifacts")

    import torch

    from empirical.data.load import identify_by_content
    from empirical.data.split import split_dataset
    from empirical.generation.backends.model_files import local_folder
    from empirical.generation.backends.resolve import load_backend
    from empirical.generation.saved_model import check_validation_unseen

    torch.set_num_threads(1)  # the same numbers as in an experiment
    data = identify_by_content(data, out / "artifacts")
    place = Machine(device).on(data)
    parts = split_dataset(data, seed, out / "artifacts")
    check_validation_unseen(local_folder(model) or Path(model), parts)
    first = load_backend(generator, levels[0], parts.train.classes, parts.train.shape, place)
    backends = [first.at(level) for level in levels]
    judge = load_or_train_judge(data, parts, judging, seed, out / "artifacts", place)
    found = compare_strengths(backends, strengths, parts, judge, images, seed)
    length = f"{judging.steps} steps" if judging.steps else f"{judging.epochs} epochs"
    about = f"judge: {judging.network} on {len(parts.train):,} training images, {length}"
    print(*format_report(found, about), sep="\n")
    stem = f"strength-{Path(data.name).name.replace(':', '-')}"
    write_sheet(sheet or out / f"{stem}.png", found, parts.validation, strengths)
    settings = {
        "data": data,
        "generator": backends[0].describe(),
        "variants": levels,
        "judge": judging,
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


def judge_recipe(data: Data, network: str | None, epochs: int) -> Training:
    """Return how the judge is trained: as in the small experiments on digits, else by the paper."""
    recipe = Training() if data.from_library else dataclasses.replace(PAPER_SGD, epochs=epochs)
    return recipe if network is None else dataclasses.replace(recipe, network=network)


def format_report(found: StrengthComparison, judge: str) -> list[str]:
    """Format a table, real images and one line for each strength, and the recommended strength.

    judge: the first line, which says how the judge was trained.
    """
    agreement, rest = _measures(found.real)
    real = f"{'real':>8s} {'-':>9s} {'-':>10s} {'-':>7s}  {agreement} {'-':>12s} {'-':>16s} {rest}"
    lines = [judge, "", HEAD, real]
    for level in found.levels:
        agreement, rest = _measures(level)
        noise = f"{level['strength']:8.2f} {level['timestep']:9.0f} {level['alpha_bar']:10.3f}"
        copied = f"{level['own_nearest']:12.1%} {level['near_duplicates']:16.1%}"
        lines.append(f"{noise} {level['sigma']:7.2f}  {agreement} {copied} {rest}")
    rule = (
        f"the highest strength whose label agreement is within {100 * MARGIN:g} points "
        "of that of real images"
    )
    chosen = "none of these" if found.chosen is None else f"{found.chosen:g}"
    return [*lines, "", f"{rule}: {chosen}"]


def _measures(level: dict[str, Any]) -> tuple[str, str]:
    """Format what real images and variants share: agreement, and KID with number and grain."""
    kid = level["kid"]
    error = "-" if kid["error"] is None else f"{kid['error']:.4f}"
    rest = f"{kid['value']:12.4f} ({error:>6s}) {kid['n'][1]:7d} {level['grain']:7.2f}"
    return f"{level['agreement']:9.1%}", rest


def write_sheet(
    path: Path, found: StrengthComparison, held: Images, strengths: Sequence[float]
) -> None:
    """Write a contact sheet: sources in the first column, variants by strength in the others."""
    import numpy as np

    from empirical.generation.quality.contact_sheet import write_contact_sheet

    shown = np.unique(np.linspace(0, len(found.sources) - 1, SHOWN).astype(int))
    grid = np.concatenate(
        [held[found.sources[shown]].pixels[:, None], found.pixels[:, shown].swapaxes(0, 1)], axis=1
    )
    rows = [held.classes[held.labels[i]][:16] for i in found.sources[shown]]
    write_contact_sheet(path, grid, rows, ["source", *(f"{s:g}" for s in strengths)])
