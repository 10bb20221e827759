"""Apply the method to your own arrays, data set and model.

    outputs = ...  # (n, classes): your model's logits or probabilities, early in its training
    slow = slow_indices(outputs, labels)
    new, new_labels, sources = variants_of(
        images, labels, slow, k=2, generator="folder-or-hub-name", classes=("cat", "dog")
    )
    train_set = Augmented(train_set, new, new_labels)
    loader = DataLoader(train_set, batch_size=128, shuffle=True)

Early means: while the training error falls quickly and is near neither chance nor 0. Later the
outputs of all examples are alike.
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
from empirical.generation.variants import make_variants, mix_with_sources
from empirical.methods import additions
from empirical.selection.early_training import Outputs
from empirical.selection.rules import select

if TYPE_CHECKING:
    from empirical.generation.backends.protocol import Backend

__all__ = ["Augmented", "slow_indices", "variants_of"]

SUM_TOLERANCE = 0.01  # how far the sum of a row of probabilities may be from 1
MAX_PIXEL = 5.0  # largest float pixel: images in [-1, 1] with noise pass, those in [0, 255] do not
MIN_PROBABILITY = np.finfo(np.float32).tiny  # smaller probabilities are raised to it before the log


def slow_indices(
    outputs: ArrayLike,
    labels: ArrayLike,
    losses: ArrayLike | None = None,
    rule: RuleName | Selection = "cluster",
    seed: int = 0,
) -> np.ndarray:
    """Return the indices of the slow-learnable examples, (m,), rising.

    outputs: (n, classes), logits or probabilities of any model early in its training, as an array
    or tensor; rows of numbers of at least 0 that sum to 1 count as probabilities.
    labels: (n,) integers in 0..classes-1. losses: (n,); if not given, the cross-entropy of the
    outputs. rule: the name of a rule, or a ``Selection``. seed: of the first centres of the
    clusters, and of random selection. Raises ValueError if shapes do not fit, a label has no
    column, or an output is not finite.
    """
    values = np.asarray(as_array(outputs), np.float32)
    truth = as_array(labels)
    selection = rule if isinstance(rule, Selection) else Selection(rule)
    _check_outputs(values, truth)
    if values.min() >= 0 and np.abs(values.sum(1) - 1).max() < SUM_TOLERANCE:
        logs = np.log(values.clip(MIN_PROBABILITY))
        features = logs if selection.features == "logits" else values
        own_losses = -logs[np.arange(len(truth)), truth]
    else:
        early = Outputs.of(np.ascontiguousarray(values), truth.astype(np.int64))
        features = early.features(selection.features)
        own_losses = early.losses
    used = own_losses if losses is None else as_array(losses)
    return np.flatnonzero(select(features, used, truth, selection, seed))


def _check_outputs(outputs: np.ndarray, labels: np.ndarray) -> None:
    """Raise ValueError unless outputs (n, classes) are finite and labels (n,) fit them."""
    require(
        outputs.ndim == 2
        and len(labels) >= 1
        and labels.shape == outputs.shape[:1]
        and np.issubdtype(labels.dtype, np.integer),
        "shapes of outputs and labels, and kind of labels",
        (outputs.shape, labels.shape, str(labels.dtype)),
        "(n, classes) and (n,), n at least 1, integers",
    )
    _check_label_range(labels, outputs.shape[1], "")
    require(
        bool(np.isfinite(outputs).all()),
        "outputs that are NaN or infinite",
        int((~np.isfinite(outputs)).sum()),
        "none",
    )


def _check_label_range(labels: np.ndarray, classes: int, hint: str) -> None:
    """Raise ValueError unless all labels are in 0..classes-1. hint: end of the message."""
    ends = (int(labels.min()), int(labels.max()))
    require(
        ends[0] >= 0 and ends[1] < classes,
        "smallest and largest label",
        ends,
        f"0..{classes - 1}{hint}",
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
    """Make k - 1 variants of each image in ``indices``; return (variants, labels, sources).

    The variants have the number type and layout of ``images``; labels and sources are (m,), sources
    are indices into ``images``.

    images: (n, side, side, 3) uint8, or float (n, channels, side, side) in [-1, 1].
    labels: (n,) integers in 0..classes-1. indices: integers, each at most once. k: at least 2.
    generator: a folder or name on the hub, settings, or a backend. Settings without a model, and
    None, train a small model on all of ``images``, which takes minutes and makes blurry variants
    that differ little from their sources. classes: names in the order of the labels, for models
    that know names or read a prompt. strength: how far a variant may differ from its source,
    (0, 1]. seed: with source and copy it determines a variant's noise. guidance: 1 for none. mix:
    join half of each source with half of its variant, and blend in a fractal (DiffuseMix).
    Raises ValueError for anything else.
    """
    require(k >= 2, "k", k, "at least 2")
    own = check_images(as_array(images), as_array(labels), classes)
    chosen = as_array(indices)
    _check_indices(chosen, len(own))
    slow = np.zeros(len(own), bool)
    slow[chosen.astype(np.int64)] = True
    sources, copies = additions(Method("tada", k), slow, seed)
    if not len(sources):
        return own.stored[:0], own.labels[:0], sources
    variants = Variants(strength, guidance=guidance)
    backend = find_backend(generator, own, classes, variants, seed, torch.device(device))
    made = make_variants(backend, own, sources, copies, seed)
    made = mix_with_sources(made, own, sources, copies, seed) if mix else made
    made = as_uint8(made) if own.stored.dtype == np.uint8 else made
    return made, own.labels[sources], sources


def _check_indices(indices: np.ndarray, count: int) -> None:
    """Raise ValueError unless indices are different integers from 0 to count - 1."""
    right = indices.ndim == 1
    if right and len(indices):
        distinct = len(set(indices.tolist())) == len(indices)
        right = distinct and np.issubdtype(indices.dtype, np.integer)
    require(
        right,
        "indices",
        f"{indices.dtype} {indices.shape}",
        "(m,) integers, no two alike; np.flatnonzero makes them of a mask",
    )
    require(
        not len(indices) or bool(indices.min() >= 0 and indices.max() < count),
        "indices",
        sorted(indices.tolist())[:: max(1, len(indices) - 1)],
        f"numbers from 0 to {count - 1}",
    )


def check_images(images: np.ndarray, labels: np.ndarray, classes: Sequence[str] | None) -> Images:
    """Return the user's arrays as ``Images``; classes None: the labels are the names.

    Raises ValueError unless images are (n, side, side, 3) uint8, or float (n, channels, side, side)
    in about [-1, 1], and labels (n,) integers in 0..classes-1.
    """
    integers = images.dtype == np.uint8
    right = images.ndim == 4 and len(images) > 0
    if right and integers:
        right = images.shape[3] == 3 and images.shape[1] == images.shape[2]
    elif right:
        floats = np.issubdtype(images.dtype, np.floating)
        right = floats and images.shape[2] == images.shape[3]
    require(
        bool(right),
        "images",
        f"{images.dtype} {images.shape}",
        "(n, side, side, 3) uint8, or float (n, channels, side, side)",
    )
    if not integers:
        images = np.ascontiguousarray(images, np.float32)
        largest = float(np.abs(images).max())
        require(
            largest <= MAX_PIXEL,
            "the largest float pixel",
            largest,
            "[-1, 1], up to noise: scale images, or give uint8",
        )
    fit = labels.shape == images.shape[:1] and np.issubdtype(labels.dtype, np.integer)
    require(fit, "labels", f"{labels.dtype} {labels.shape}", f"({len(images)},) integers")
    names = range(int(labels.max()) + 1) if classes is None else classes
    _check_label_range(labels, len(names), ", as there are classes")
    return Images(images, labels.astype(np.int64), tuple(map(str, names)))


def find_backend(
    generator: Generator | str | Backend | None,
    images: Images,
    classes: Sequence[str] | None,
    variants: Variants,
    seed: int,
    device: torch.device,
) -> Backend:
    """Return the model that makes variants: the given one, one loaded, or one trained on images.

    Raises ValueError if a model is to be loaded and ``classes`` is None.
    """
    if callable(generator):
        return generator
    if isinstance(generator, str):
        settings = Generator(model=generator, trained_on="external")
    else:
        settings = generator or default_generator(device)
    if settings.model is not None:
        require(
            classes is not None,
            "classes of a generator that is there",
            classes,
            "the names of the classes, in the order of labels",
        )
        from empirical.generation.backends.resolve import load_backend

        return load_backend(settings, variants, images.classes, images.shape, device)
    from empirical.generation.backends.pixel_unet import wrap_unet
    from empirical.generation.denoiser_trainer import train_generator
    from empirical.generation.unet import build_unet, noise_schedule

    model = build_unet(images, settings, seed).to(device)
    for _ in train_generator(model, images, settings, seed):
        pass
    return wrap_unet(model, noise_schedule(), variants, images.classes, device)


def default_generator(device: torch.device) -> Generator:
    """Return what is trained if no generator is given, as the command ``augment`` does."""
    from empirical.generation.sizes import named_size
    from empirical.runtime.precision import default_precision

    return replace(named_size("small"), precision=default_precision(device.type == "cpu"))


def as_array(values: ArrayLike) -> np.ndarray:
    """Return a numpy array of an array, a sequence, or a tensor on any device."""
    return values.detach().cpu().numpy() if isinstance(values, torch.Tensor) else np.asarray(values)


class Augmented(Dataset):
    """A data set followed by variants, for ``DataLoader`` in place of the data set.

    dataset: any with ``len`` whose items are (image, label). images, labels: from ``variants_of``.
    transform: applied to the variants; if not given, the data set's own attribute ``transform``. As
    in torchvision's data sets, it is given uint8 images as PIL images, and float images as tensors
    (channels, height, width).
    """

    def __init__(
        self,
        dataset: Any,
        images: np.ndarray,
        labels: ArrayLike,
        transform: Callable[[Any], Any] | None = None,
    ) -> None:
        self.dataset = dataset
        self.images = images
        self.labels = as_array(labels)
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
        index = range(len(self))[index]  # negative ones count from the end; raises IndexError
        number = index - len(self.dataset)
        if number < 0:
            return self.dataset[index]
        image = self.images[number]
        image = Image.fromarray(image) if image.dtype == np.uint8 else torch.from_numpy(image)
        image = image if self.transform is None else self.transform(image)
        return image, int(self.labels[number])
