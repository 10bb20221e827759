"""Apply the method to your own arrays and model.

    outputs = ...  # (n, classes): your model's logits or probabilities, early in its training
    slow = slow_indices(outputs, labels)
    new, new_labels, sources = variants_of(
        images, labels, slow, k=2, generator="folder-or-hub-name", classes=("cat", "dog")
    )

``datasets.py`` does the same with a data set of torch. Early means: while the training error falls
quickly and is near neither chance nor 0. Later the outputs of all examples are alike.
"""

from __future__ import annotations

import collections
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import ArrayLike

from empirical.config import Generator, Method, RuleName, Selection, Variants, require
from empirical.data.images import Images
from empirical.data.pixels import as_uint8
from empirical.generation.variants import make_variants, mix_with_sources
from empirical.methods import additions
from empirical.own_images.arrays import Range, as_array, as_bytes, check_images, check_label_range
from empirical.selection.early_training import Outputs
from empirical.selection.rules import select

if TYPE_CHECKING:
    from empirical.generation.backends.protocol import Backend

__all__ = ["slow_indices", "variants_of"]

SUM_TOLERANCE = 0.01  # how far the sum of a row of probabilities may be from 1
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
    values = np.array(as_array(outputs), np.float32, order="C")  # torch wants arrays to write to
    truth = as_array(labels)
    selection = rule if isinstance(rule, Selection) else Selection(rule)
    _check_outputs(values, truth)
    if values.min() >= 0 and np.abs(values.sum(1) - 1).max() < SUM_TOLERANCE:
        logs = np.log(values.clip(MIN_PROBABILITY))
        features = logs if selection.features == "logits" else values
        own_losses = -logs[np.arange(len(truth)), truth]
    else:
        early = Outputs.of(values, truth.astype(np.int64))
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
    check_label_range(labels, outputs.shape[1], "")
    require(
        bool(np.isfinite(outputs).all()),
        "outputs that are NaN or infinite",
        int((~np.isfinite(outputs)).sum()),
        "none",
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
    value_range: Range | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Make k - 1 variants of each image in ``indices``; return (variants, labels, sources).

    The variants have the number type and layout of ``images``; labels and sources are (m,), sources
    are indices into ``images``.

    images: (n, side, side, channels) or (n, channels, side, side) of uint8, or float (n, channels,
    side, side); 1 or 3 channels.
    labels: (n,) integers in 0..classes-1. indices: integers, each at most once. k: at least 2.
    generator: a folder or name on the hub, settings, or a backend. Settings without a model, and
    None, train a small model on all of ``images``, which takes minutes and makes blurry variants
    that differ little from their sources. classes: names in the order of the labels, for models
    that know names or read a prompt. strength: how far a variant may differ from its source,
    (0, 1]. seed: with source and copy it determines a variant's noise. guidance: 1 for none. mix:
    join half of each source with half of its variant, and blend in a fractal (DiffuseMix).
    value_range: values of black and white of float images, such as (0, 1), or what
    ``normalised_range`` returns; if not given, [-1, 1]. Raises ValueError for anything else, and if
    floats do not look like their range.
    """
    require(k >= 2, "k", k, "at least 2")
    given, first = as_bytes(as_array(images))
    own, scale = check_images(given, as_array(labels), classes, value_range)
    chosen = as_array(indices)
    _check_indices(chosen, len(own))
    slow = np.zeros(len(own), bool)
    slow[chosen.astype(np.int64)] = True
    sources, copies = additions(Method("tada", k), slow, seed)
    if not len(sources):
        none = given[:0]
        return (none.transpose(0, 3, 1, 2) if first else none), own.labels[:0], sources
    variants = Variants(strength, guidance=guidance)
    backend = find_backend(generator, own, classes, variants, seed, torch.device(device))
    made = make_variants(backend, own, sources, copies, seed)
    made = mix_with_sources(made, own, sources, copies, seed) if mix else made
    made = as_uint8(made) if given.dtype == np.uint8 else scale.restored(made)
    made = made.transpose(0, 3, 1, 2) if first else made
    return made.astype(given.dtype, copy=False), own.labels[sources], sources


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


def run_out(steps: Iterator, total: int) -> None:
    """Run the steps of a training to their end."""
    collections.deque(steps, maxlen=0)


def find_backend(
    generator: Generator | str | Backend | None,
    images: Images,
    classes: Sequence[str] | None,
    variants: Variants,
    seed: int,
    device: torch.device,
    train: Callable[[Iterator, int], None] = run_out,
) -> Backend:
    """Return the model that makes variants: the given one, one loaded, or one trained on images.

    train: runs the steps of a training, given with their number, to their end. Raises ValueError if
    a model is to be loaded and ``classes`` is None.
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
    train(train_generator(model, images, settings, seed), settings.steps)
    return wrap_unet(model, noise_schedule(), variants, images.classes, device)


def default_generator(device: torch.device) -> Generator:
    """Return what is trained if no generator is given, as the command ``augment`` does."""
    from empirical.generation.sizes import named_size
    from empirical.runtime.precision import default_precision

    return replace(named_size("small"), precision=default_precision(device.type == "cpu"))
