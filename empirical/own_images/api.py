"""Your own arrays, data set and model: which examples are slow to learn, variants of them, and a data set that holds both.

    outputs = ...  # (n, classes): your model's logits or probabilities on its training set, early in training
    slow = slow_indices(outputs, labels)
    new, new_labels, sources = variants_of(images, labels, slow, k=2, generator="folder-or-hub-name", classes=("cat", "dog"))
    train_set = Augmented(train_set, new, new_labels)
    loader = DataLoader(train_set, batch_size=128, shuffle=True)

Early means while the training error falls quickly and is neither near chance nor near 0: later all outputs are alike.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from PIL import Image
from torch.utils.data import Dataset

from empirical.config import Generator, Method, RuleName, Selection, Variants, require
from empirical.data.images import Images
from empirical.data.pixels import as_uint8
from empirical.generation.variants import make_variants, mixed
from empirical.methods import additions
from empirical.selection.early_training import Outputs
from empirical.selection.rules import select

if TYPE_CHECKING:
    from empirical.generation.backends.protocol import Backend

__all__ = ["Augmented", "slow_indices", "variants_of"]

SUM = 0.01  # how far a row of probabilities may be from 1 in all
REACH = 5.0  # largest float pixel: images in [-1, 1] with noise pass, those in [0, 255] do not
SMALLEST = np.finfo(np.float32).tiny  # probability whose logarithm is taken


def slow_indices(
    outputs: ArrayLike,
    labels: ArrayLike,
    losses: ArrayLike | None = None,
    rule: RuleName | Selection = "cluster",
    seed: int = 0,
) -> np.ndarray:
    """The examples that are slow to learn, by any model's outputs early in its training: (m,) indices, rising.

    outputs: (n, classes), logits or probabilities, array or tensor; rows of numbers of at least 0 that sum to 1 are probabilities.
    labels: (n,) integers in 0..classes-1. losses: (n,), the cross-entropy of the outputs if not given. rule: a name, or a ``Selection``.
    seed: first centres of the clusters, and who is taken at random. Raises ValueError for shapes that do not fit, labels without a
    column, and values that are not finite.
    """
    values, truth = np.asarray(as_array(outputs), np.float32), as_array(labels)
    selection = rule if isinstance(rule, Selection) else Selection(rule)
    fit = (
        values.ndim == 2
        and len(truth)
        and truth.shape == values.shape[:1]
        and np.issubdtype(truth.dtype, np.integer)
    )
    shapes = (values.shape, truth.shape, str(truth.dtype))
    require(
        bool(fit),
        "shapes of outputs and labels, and kind of labels",
        shapes,
        "(n, classes) and (n,), n at least 1, integers",
    )
    ends = (int(truth.min()), int(truth.max()))
    require(
        ends[0] >= 0 and ends[1] < values.shape[1],
        "smallest and largest label",
        ends,
        f"0..{values.shape[1] - 1}",
    )
    require(
        bool(np.isfinite(values).all()),
        "outputs that are NaN or infinite",
        int((~np.isfinite(values)).sum()),
        "none",
    )
    if values.min() >= 0 and np.abs(values.sum(1) - 1).max() < SUM:
        logs = np.log(values.clip(SMALLEST))
        features, own = (
            logs if selection.features == "logits" else values,
            -logs[np.arange(len(truth)), truth],
        )
    else:
        told = Outputs.of(np.ascontiguousarray(values), truth.astype(np.int64))
        features, own = told.features(selection.features), told.losses
    return np.flatnonzero(
        select(features, own if losses is None else as_array(losses), truth, selection, seed)
    )


def variants_of(
    images: ArrayLike,
    labels: ArrayLike,
    indices: ArrayLike,
    k: int = 2,
    generator: Generator | str | Backend | None = None,
    classes: Sequence[str] | None = None,
    strength: float = 0.5,
    seed: int = 0,
    guidance: float = 1.0,
    device: str | torch.device = "cpu",
    mix: bool = False,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """k - 1 variants of each image that ``indices`` names: images of the kind and layout that came in, labels (m,), sources (m,).

    images: (n, height, width, 3) uint8, or float (n, channels, height, width) in [-1, 1]; square. labels: (n,) integers in 0..classes-1.
    k: at least 2. generator: a folder or name on the hub, settings, a backend made before, or settings without a model: then a small one
    is trained on all of ``images``, for minutes, and makes blurry, timid variants; None: that too. classes: names, for models that know
    them or read a prompt. strength: how far a variant leaves its source, (0, 1]. seed: with source and copy, all that a variant's noise
    depends on. mix: join half of each source with half of its variant, and a little of a fractal. Raises ValueError for anything else.
    """
    require(k >= 2, "k", k, "at least 2")
    mine = images_of(as_array(images), as_array(labels), classes)
    chosen = as_array(indices)
    right = chosen.ndim == 1 and (
        not len(chosen)
        or (np.issubdtype(chosen.dtype, np.integer) and len(set(chosen.tolist())) == len(chosen))
    )
    require(
        right,
        "indices",
        f"{chosen.dtype} {chosen.shape}",
        "(m,) integers, no two alike; np.flatnonzero makes them of a mask",
    )
    within = not len(chosen) or (chosen.min() >= 0 and chosen.max() < len(mine))
    require(
        bool(within),
        "indices",
        sorted(chosen.tolist())[:: max(1, len(chosen) - 1)],
        f"numbers from 0 to {len(mine) - 1}",
    )
    slow = np.zeros(len(mine), bool)
    slow[chosen.astype(np.int64)] = True
    sources, copies = additions(Method("tada", k), slow, seed)
    if not len(sources):
        return mine.stored[:0], mine.labels[:0], sources
    way = way_of(
        generator, mine, classes, Variants(strength, guidance=guidance), seed, torch.device(device)
    )
    made = make_variants(way, mine, sources, copies, seed)
    made = mixed(made, mine, sources, copies, seed) if mix else made
    return as_uint8(made) if mine.stored.dtype == np.uint8 else made, mine.labels[sources], sources


def images_of(images: np.ndarray, labels: np.ndarray, classes: Sequence[str] | None) -> Images:
    """The user's arrays as ``Images``, checked."""
    allowed = "(n, side, side, 3) uint8, or float (n, channels, side, side)"
    whole = images.dtype == np.uint8
    right = (
        images.ndim == 4
        and len(images)
        and (images.shape[3] == 3 if whole else np.issubdtype(images.dtype, np.floating))
    )
    right = right and (
        images.shape[1] == images.shape[2] if whole else images.shape[2] == images.shape[3]
    )
    require(bool(right), "images", f"{images.dtype} {images.shape}", allowed)
    if not whole:
        images = np.ascontiguousarray(images, np.float32)
        reach = float(np.abs(images).max())
        require(
            reach <= REACH,
            "the largest float pixel",
            reach,
            "[-1, 1], up to noise: scale images, or give uint8",
        )
    fit = labels.shape == images.shape[:1] and np.issubdtype(labels.dtype, np.integer)
    require(fit, "labels", f"{labels.dtype} {labels.shape}", f"({len(images)},) integers")
    ends, names = (int(labels.min()), int(labels.max())), classes
    names = tuple(map(str, range(ends[1] + 1))) if names is None else tuple(names)
    require(
        ends[0] >= 0 and ends[1] < len(names),
        "smallest and largest label",
        ends,
        f"0..{len(names) - 1}, as there are classes",
    )
    return Images(images, labels.astype(np.int64), names)


def way_of(
    generator: Generator | str | Backend | None,
    images: Images,
    classes: Sequence[str] | None,
    variants: Variants,
    seed: int,
    device: torch.device,
) -> Backend:
    """The model that makes variants: as given, loaded, or trained on the images."""
    if callable(generator):
        return generator
    settings = (
        Generator(model=generator, trained_on="external")
        if isinstance(generator, str)
        else generator or usual_generator(device)
    )
    if settings.model is not None:
        require(
            classes is not None,
            "classes of a generator that is there",
            classes,
            "the names of the classes, in the order of labels",
        )
        from empirical.generation.backends.resolve import backend

        return backend(settings, variants, images.classes, images.shape, device)
    from empirical.generation import denoiser_trainer
    from empirical.generation import unet as diffusion
    from empirical.generation.backends.pixel_unet import from_unet

    model = diffusion.unet(images, settings, seed).to(device)
    for _ in denoiser_trainer.train_generator(model, images, settings, seed):
        pass
    return from_unet(model, diffusion.noise_schedule(), variants, images.classes, device)


def usual_generator(device: torch.device) -> Generator:
    """What is trained where no generator is given: that of the command ``augment``."""
    from empirical.generation.sizes import size
    from empirical.runtime.precision import default_precision

    return replace(size("small"), precision=default_precision(device.type == "cpu"))


def as_array(values: ArrayLike) -> np.ndarray:
    """A numpy array of an array, a sequence or a tensor on any device."""
    return values.detach().cpu().numpy() if isinstance(values, torch.Tensor) else np.asarray(values)


class Augmented(Dataset):
    """A data set, then variants: for ``DataLoader`` in place of the data set.

    dataset: any with ``len`` whose items are (image, label). images, labels: of ``variants_of``. transform: what an image passes through;
    the data set's own attribute ``transform`` if not given. As torchvision's data sets do, it hands uint8 images to the transform as PIL
    images, and float ones as tensors (channels, height, width).
    """

    def __init__(
        self,
        dataset: Any,
        images: np.ndarray,
        labels: ArrayLike,
        transform: Callable[[Any], Any] | None = None,
    ) -> None:
        self.dataset, self.images, self.labels = dataset, images, as_array(labels)
        require(
            len(images) == len(self.labels),
            "number of images and labels",
            (len(images), len(self.labels)),
            "as many of each",
        )
        self.transform = getattr(dataset, "transform", None) if transform is None else transform

    def __len__(self) -> int:
        return len(self.dataset) + len(self.labels)

    def __getitem__(self, index: int) -> Any:
        index, before = (
            range(len(self))[index],
            len(self.dataset),
        )  # IndexError past the end, and indices from it
        if index < before:
            return self.dataset[index]
        image = self.images[index - before]
        image = Image.fromarray(image) if image.dtype == np.uint8 else torch.from_numpy(image)
        return (image if self.transform is None else self.transform(image)), int(
            self.labels[index - before]
        )
