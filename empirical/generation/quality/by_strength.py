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
    from empirical.generation.backends.protocol import Backend

MARGIN = 0.02  # label agreement that variants may lose compared with real images
BATCH = 64  # images given to the generator at once


@dataclasses.dataclass(frozen=True)
class StrengthComparison:
    """Variants of validation images at several strengths, with their measures.

    real: measures of the sources themselves. levels: measures of the variants, one dictionary for
    each strength. pixels: (strengths, n, channels, height, width), the variants. sources: (n,)
    indices of validation images. chosen: the strength to use; None if every strength loses too much
    label agreement.
    """

    real: dict[str, Any]
    levels: list[dict[str, Any]]
    pixels: np.ndarray
    sources: np.ndarray
    chosen: float | None


def load_or_train_judge(
    config: Data, parts: Split, recipe: Training, seed: int, root: Path, device: torch.device
) -> nn.Module:
    """Return a classifier trained on the training images, kept in ``root`` once it is trained.

    recipe: how it is trained. The network is on ``device``, in evaluation mode.
    """
    from empirical.data.images import on_device
    from empirical.runtime.artifacts import artifact, load_weights, save_weights
    from empirical.runtime.seeding import stream
    from empirical.training.networks import classifier
    from empirical.training.progress import progress_bar
    from empirical.training.trainer import train_classifier

    path = artifact(root, "judge", ".safetensors", config, parts.content, recipe, seed)
    network = classifier(parts.train, recipe, seed).to(device)
    if (weights := load_weights(path)) is not None:
        network.load_state_dict(weights)
        return network.eval()
    if recipe.epochs is not None:
        steps = round(recipe.epochs * len(parts.train) / recipe.batch)
    else:
        steps = recipe.steps or 0
    images, labels = on_device(parts.train, device)
    order = stream(seed, "judge order")
    with progress_bar("training the judge", steps, "step") as bar:
        for _ in train_classifier(network, images, labels, recipe, steps, order):
            bar.update()
    save_weights(path, network.state_dict())
    return network.eval()


def compare_strengths(
    backends: Sequence[Backend],
    strengths: Sequence[float],
    parts: Split,
    judge: nn.Module,
    images: int,
    seed: int,
) -> StrengthComparison:
    """Return variants of validation images by each backend, with their measures.

    backends: one for each of ``strengths``. judge: the classifier whose outputs and features are
    used. images: number of sources, drawn by seed and stratified by class. KID compares with the
    validation images that are no sources; the KID of the sources shows what real images reach.
    Raises ValueError if there are fewer other images than sources.
    """
    import numpy as np

    from empirical.data.split import draw_stratified
    from empirical.generation.quality.faithfulness import closeness
    from empirical.runtime.seeding import stream
    from empirical.training.progress import progress_bar

    held_out = parts.validation
    require(
        2 <= images <= len(held_out) // 2,
        "images",
        images,
        f"2 to {len(held_out) // 2}, half of the validation images",
    )
    everyone = np.arange(len(held_out))
    drawn_by = stream(seed, "strength sources")
    sources = draw_stratified(held_out.labels, everyone, images, drawn_by)
    others = held_out[np.setdiff1d(everyone, sources)]
    labels = held_out.labels[sources]
    real = measure_images(judge, held_out[sources].pixels, labels, others, seed)
    levels = []
    pixels = []
    with progress_bar("making variants", len(backends), "strength") as bar:
        for backend, strength in zip(backends, strengths, strict=True):
            made = validation_variants(backend, held_out, sources, seed)
            levels.append(
                {
                    "strength": strength,
                    **backend.level(),
                    **measure_images(judge, made, labels, others, seed),
                    **closeness(held_out.pixels, made, sources),
                }
            )
            pixels.append(made)
            bar.update()
    chosen = choose_strength(levels, real["agreement"])
    return StrengthComparison(real, levels, np.stack(pixels), sources, chosen)


def validation_variants(
    backend: Callable, held_out: Images, sources: np.ndarray, seed: int
) -> np.ndarray:
    """Return one variant of each source, (n, channels, height, width).

    sources: (n,) indices into ``held_out``. Each variant has a random generator of its own. Raises
    ValueError for what ``check_made`` refuses, such as values that are not a number.
    """
    import numpy as np

    from empirical.data.images import tensors
    from empirical.generation.checks import as_floats, check_made
    from empirical.runtime.seeding import torch_stream

    made = []
    for rows in np.split(sources, range(BATCH, len(sources), BATCH)):
        pixels, labels = tensors(held_out[rows])
        generators = [torch_stream(seed, "strength variant", int(i)) for i in rows]
        out = as_floats(backend(pixels.contiguous(), labels, generators))
        check_made(out, held_out[rows].pixels)
        made.append(out)
    return np.concatenate(made)


def measure_images(
    judge: nn.Module, pixels: np.ndarray, labels: np.ndarray, others: Images, seed: int
) -> dict[str, Any]:
    """Return label agreement, KID with its n, and grain of images (n, channels, height, width).

    labels: (n,). others: the real images that KID and grain compare with.
    """
    import numpy as np
    import torch

    from empirical.generation.quality.faithfulness import (
        grain,
        label_agreement,
        last_layer_features,
    )
    from empirical.generation.quality.fid_kid import kid
    from empirical.runtime.seeding import stream
    from empirical.training.evaluation import logits

    images = torch.from_numpy(np.ascontiguousarray(pixels))
    outputs = logits(judge, images.to(next(judge.parameters()).device)).cpu().numpy()
    compared = torch.from_numpy(np.ascontiguousarray(others.pixels))
    distance = kid(
        last_layer_features(judge, compared),
        last_layer_features(judge, images),
        stream(seed, "KID"),
        size=max(2, len(pixels) // 2),
    )
    return {
        "agreement": label_agreement(outputs, labels),
        "kid": dataclasses.asdict(distance),
        "grain": grain(pixels, others.pixels),
    }


def choose_strength(levels: Sequence[dict[str, Any]], real: float) -> float | None:
    """Return the highest strength that loses at most ``MARGIN`` of label agreement.

    levels: measures by strength. real: label agreement of the real images. None if every strength
    loses more.
    """
    return max(
        (level["strength"] for level in levels if level["agreement"] >= real - MARGIN), default=None
    )
