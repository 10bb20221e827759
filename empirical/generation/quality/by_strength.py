"""Measure variants of validation images at several strengths, and choose the strength to use."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from empirical.config import Data, Training, require

if TYPE_CHECKING:
    import numpy as np
    import torch
    from torch import nn

    from empirical.data.images import Images
    from empirical.data.split import Split


MARGIN = 0.02  # label agreement that a variant may lose against real images


BATCH = 64  # images given to the generator at once


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

    from empirical.data.split import draw_stratified
    from empirical.runtime.seeding import stream
    from empirical.training.progress import progress

    held = parts.validation
    require(
        2 <= images <= len(held) // 2,
        "images",
        images,
        f"2 to {len(held) // 2}, half of the validation images",
    )
    sources = draw_stratified(
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
    from empirical.training.evaluation import logits

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
