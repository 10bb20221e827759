"""The command ``strength``: variants of validation images at several strengths, how faithful they are, and the strength that speaks for."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import tyro

from empirical.config import DIGITS, Data, Generator, SamplerName, Training, Variants, require
from empirical.config.recipes import PAPER_SGD
from empirical.data.decoded import find_or_decode
from empirical.data.sources import look_in
from empirical.runtime.machine import Machine
from figures.records import OUTPUT, write_json

if TYPE_CHECKING:
    import numpy as np
    import torch
    from torch import nn

    from empirical.data.images import Images, Split

MARGIN = 0.02  # label agreement that a variant may lose against real images
SHOWN = 10  # sources on the contact sheet
BATCH = 64  # images given to the generator at once
STRENGTHS = (0.1, 0.3, 0.5, 0.7, 0.9)
HEAD = "strength  timestep  alpha_bar   sigma  agreement  own nearest  near duplicates  KID (standard error)    n  grain"


@dataclasses.dataclass(frozen=True)
class Examined:
    """real: agreement and KID of the sources themselves; levels: one dictionary for each strength; pixels: (strengths, n, channels, height,
    width), the variants; sources: (n,) indices of validation images; chosen: the strength of the rule, None if none keeps to it.
    """

    real: dict[str, Any]
    levels: list[dict[str, Any]]
    pixels: np.ndarray
    sources: np.ndarray
    chosen: float | None


def strength(
    name: tyro.conf.Positional[str],
    /,
    model: str,
    strengths: tuple[float, ...] = STRENGTHS,
    guidance: float = 1.0,
    sampler: SamplerName = "ddpm",
    grid: int = 50,
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
        grid: denoising steps of the whole schedule.
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
    levels = [Variants(s, grid, guidance, sampler) for s in strengths]
    require(bool(levels), "strengths", strengths, "at least one number in (0, 1]")
    which = Generator(model=model, kind=kind, revision=revision)
    look_in(root)
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

    from empirical.data.images import resolve, split
    from empirical.generation.backends import backend, folder_of
    from empirical.generation.saved_model import check_unseen

    torch.set_num_threads(1)  # the same numbers as in an experiment
    config, place = resolve(config, out / "artifacts"), Machine(device).on(config)
    parts = split(config, seed, out / "artifacts")
    check_unseen(folder_of(model) or Path(model), parts)
    ways = list(
        map(backend(which, levels[0], parts.train.classes, parts.train.shape, place).at, levels)
    )
    judge = trained_judge(config, parts, recipe, seed, out / "artifacts", place)
    found = examine(ways, strengths, parts, judge, images, seed)
    said = f"judge: {recipe.network} on {len(parts.train):,} training images, {recipe.steps or recipe.epochs} "
    print(*report(found, said + ("steps" if recipe.steps else "epochs")), sep="\n")
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


def trained_judge(
    config: Data, parts: Split, recipe: Training, seed: int, root: Path, device: torch.device
) -> nn.Module:
    """A classifier trained on the training images by ``recipe``, from ``root`` if it is there."""
    from empirical.data.images import on_device
    from empirical.runtime.artifacts import artifact, load_weights, save_weights
    from empirical.runtime.seeding import stream
    from empirical.training.networks import classifier
    from empirical.training.progress import progress
    from empirical.training.trainer import train

    path = artifact(root, "judge", ".safetensors", config, parts.content, recipe, seed)
    network = classifier(parts.train, recipe, seed).to(device)
    if (weights := load_weights(path)) is not None:
        network.load_state_dict(weights)
        return network.eval()
    steps = recipe.steps or round(recipe.epochs * len(parts.train) / recipe.batch)
    with progress("training the judge", steps, "step") as bar:
        for _ in train(
            network, *on_device(parts.train, device), recipe, steps, stream(seed, "judge order")
        ):
            bar.update()
    save_weights(path, network.state_dict())
    return network.eval()


def examine(
    ways: Sequence[Callable],
    strengths: Sequence[float],
    parts: Split,
    judge: nn.Module,
    images: int,
    seed: int,
) -> Examined:
    """Variants of ``images`` validation images by each backend, and their measures. Features and outputs are those of the judge.

    KID compares with the validation images that are no sources, and the sources' own KID says what real images reach.
    Raises ValueError if fewer others than sources are left.
    """
    import numpy as np

    from empirical.data.images import stratified
    from empirical.runtime.seeding import stream
    from empirical.training.progress import progress

    held = parts.validation
    require(
        2 <= images <= len(held) // 2,
        "images",
        images,
        f"2 to {len(held) // 2}, half of the validation images",
    )
    sources = stratified(
        held.labels, np.arange(len(held)), images, stream(seed, "strength sources")
    )
    others = held[np.setdiff1d(np.arange(len(held)), sources)]
    real = measures(judge, held[sources].pixels, held.labels[sources], others, seed)
    levels, pixels = [], []
    with progress("making variants", len(ways), "strength") as bar:
        for way, value in zip(ways, strengths, strict=True):
            made = variants_of(way, held, sources, seed)
            measured = measures(judge, made, held.labels[sources], others, seed)
            levels.append(
                {"strength": value, **way.level(), **measured, **beside(held, made, sources)}
            )
            pixels.append(made)
            bar.update()
    return Examined(real, levels, np.stack(pixels), sources, choose(levels, real["agreement"]))


def variants_of(way: Callable, held: Images, sources: np.ndarray, seed: int) -> np.ndarray:
    """One variant of each source, with a generator of its own."""
    import numpy as np
    import torch

    from empirical.data.images import tensors
    from empirical.runtime.seeding import torch_stream

    made = []
    for rows in np.split(sources, range(BATCH, len(sources), BATCH)):
        pixels, labels = tensors(held[rows])
        made.append(
            way(
                pixels.contiguous(),
                labels,
                [torch_stream(seed, "strength variant", int(i)) for i in rows],
            )
        )
    return torch.cat(made).numpy()


def measures(
    judge: nn.Module, pixels: np.ndarray, labels: np.ndarray, others: Images, seed: int
) -> dict[str, Any]:
    """Label agreement, KID against real images that are no sources, with its n, and grain relative to those."""
    import numpy as np
    import torch

    from empirical.generation.quality.faithfulness import agreement, features, grain
    from empirical.generation.quality.fid_kid import kid
    from empirical.runtime.seeding import stream
    from empirical.training.networks import logits

    images = torch.from_numpy(np.ascontiguousarray(pixels))
    outputs = logits(judge, images.to(next(judge.parameters()).device)).cpu().numpy()
    compared = torch.from_numpy(np.ascontiguousarray(others.pixels))
    distance = kid(
        features(judge, compared),
        features(judge, images),
        stream(seed, "KID"),
        size=max(2, len(pixels) // 2),
    )
    return {
        "agreement": agreement(outputs, labels),
        "kid": dataclasses.asdict(distance),
        "grain": grain(pixels, others.pixels),
    }


def beside(held: Images, made: np.ndarray, sources: np.ndarray) -> dict[str, float | int]:
    """Distances to the source and to the other validation images."""
    from empirical.generation.quality.faithfulness import closeness

    return closeness(held.pixels, made, sources)


def choose(levels: Sequence[dict[str, Any]], real: float) -> float | None:
    """The highest strength whose label agreement is at most ``MARGIN`` below the real images'; None if there is none."""
    return max(
        (level["strength"] for level in levels if level["agreement"] >= real - MARGIN), default=None
    )


def report(found: Examined, judge: str) -> list[str]:
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
