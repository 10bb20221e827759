"""Turn a user's arrays and tensors into images on one scale, and back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike

from empirical.config import require
from empirical.data.images import Images

ROUNDING = 1e-3  # how far a pixel may be from its range by rounding
MAX_PIXEL = 5.0  # largest pixel of a range that is given, scaled to [-1, 1]: room for added noise
LEAST_SPAN = 0.05  # share of a range that is given which all pixels together span at least
Range = tuple[ArrayLike, ArrayLike]


def as_array(values: ArrayLike) -> np.ndarray:
    """Return a numpy array of an array, a sequence, or tensors of any type on any device.

    bfloat16, which numpy does not know, becomes float32.
    """
    if isinstance(values, (list, tuple)) and values and isinstance(values[0], torch.Tensor):
        values = torch.stack([value.detach().cpu() for value in values])
    if isinstance(values, torch.Tensor):
        values = values.detach().cpu()
        return (values.float() if values.dtype == torch.bfloat16 else values).numpy()
    return np.asarray(values)


def normalised_range(mean: ArrayLike, std: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return the ``value_range`` of images that were normalised by mean and standard deviation.

    mean, std: (channels,), on the scale [0, 1]; of ImageNet (0.485, 0.456, 0.406) and (0.229,
    0.224, 0.225). Black becomes -mean / std, white (1 - mean) / std.
    """
    centre, spread = (np.asarray(as_array(each), np.float64) for each in (mean, std))
    require(bool((spread > 0).all()), "std", spread.tolist(), "above 0")
    return -centre / spread, (1 - centre) / spread


class Scale:
    """The linear map between a user's floats and [-1, 1]; of uint8 images there is none.

    value_range: the values of black and white, a number or one for each channel; None: [-1, 1].
    """

    def __init__(self, value_range: Range | None, channels: int) -> None:
        low, high = (-1.0, 1.0) if value_range is None else value_range
        ends = []
        for name, end in (("low", low), ("high", high)):
            value = np.asarray(as_array(end), np.float64)
            require(
                value.size in (1, channels) and bool(np.isfinite(value).all()),
                f"{name} end of value_range",
                value.tolist(),
                f"a number, or {channels}, one for each channel",
            )
            ends.append(value.reshape(-1, 1, 1))
        self.low, self.high = ends
        require(
            bool((self.low < self.high).all()),
            "value_range",
            value_range,
            "(low, high), low < high",
        )
        self.identity = bool((self.low == -1).all() and (self.high == 1).all())

    def scaled(self, images: np.ndarray) -> np.ndarray:
        """Return images (n, channels, height, width) in the user's range as float32 in [-1, 1]."""
        if self.identity:
            return np.ascontiguousarray(images, np.float32)
        return ((images - self.low) * (2 / (self.high - self.low)) - 1).astype(np.float32)

    def restored(self, pixels: np.ndarray) -> np.ndarray:
        """Return pixels (n, channels, height, width) in [-1, 1] in the user's range, float32."""
        if self.identity:
            return pixels
        return ((pixels + 1) * ((self.high - self.low) / 2) + self.low).astype(np.float32)


def scale_of(images: np.ndarray, value_range: Range | None) -> Scale:
    """Return the scale of float images, after a look at whether they can be on it.

    images: (n, channels, height, width). Raises ValueError without ``value_range`` for images in
    [0, 1] and for any outside [-1, 1]; with it, for images that are far outside it, or span nearly
    nothing of it.
    """
    low, high = float(images.min()), float(images.max())
    require(
        bool(np.isfinite([low, high]).all()),
        "smallest, largest pixel",
        (low, high),
        "finite pixels",
    )
    scale = Scale(value_range, images.shape[1])
    given = f"floats from {low:.4g} to {high:.4g}"
    if value_range is None:
        if low >= 0 and high <= 1 + ROUNDING:
            hint = "value_range=(0, 1), or value_range=(-1, 1) if black is -1"
        elif low >= -1 - ROUNDING and high <= 1 + ROUNDING:
            return scale
        elif low >= 0 and high <= 255:
            hint = "value_range=(0, 255)"
        else:
            hint = (
                "value_range=normalised_range(mean, std) if they were normalised by these, or "
                "value_range=(-1, 1) for images in [-1, 1] with noise"
            )
        raise ValueError(
            f"images are {given}, and their range is not plain; allowed: [-1, 1], or say {hint}"
        )
    ends = scale.scaled(images)
    require(
        float(np.abs(ends).max()) <= MAX_PIXEL and float(np.ptp(ends)) >= 2 * LEAST_SPAN,
        f"value_range of {given}",
        value_range,
        "the values of black and white in these images",
    )
    return scale


def as_bytes(images: np.ndarray) -> tuple[np.ndarray, bool]:
    """Return integer images as uint8 with channels last, and whether they came channels first.

    Floats and what are no images are returned as they are.
    """
    whole = np.issubdtype(images.dtype, np.integer) and images.ndim == 4 and images.size > 0
    if not whole or images.min() < 0 or images.max() > 255:
        return images, False
    images = images.astype(np.uint8)
    first = images.shape[1] in (1, 3) and images.shape[3] not in (1, 3)
    return (images.transpose(0, 2, 3, 1) if first else images), first


def check_images(
    images: np.ndarray,
    labels: np.ndarray,
    classes: Sequence[str] | None,
    value_range: Range | None = None,
) -> tuple[Images, Scale]:
    """Return the user's arrays as ``Images``, and their scale; classes None: labels are the names.

    Raises ValueError unless images are (n, side, side, 3) uint8, or float (n, channels, side, side)
    whose range is plain or given, and labels (n,) integers in 0..classes-1.
    """
    integers = images.dtype == np.uint8
    right = images.ndim == 4 and len(images) > 0
    if right and integers:
        right = images.shape[3] in (1, 3) and images.shape[1] == images.shape[2]
    elif right:
        floats = np.issubdtype(images.dtype, np.floating)
        right = floats and images.shape[2] == images.shape[3]
    require(
        bool(right),
        "images",
        f"{images.dtype} {images.shape}",
        "(n, side, side, 3) uint8, or float (n, channels, side, side)",
    )
    if integers:
        require(value_range is None, "value_range of uint8 images", value_range, "none")
        scale = Scale(None, images.shape[3])
        stored = np.array(images, order="C")  # torch takes no reversed and no read-only arrays
    else:
        scale = scale_of(images, value_range)
        stored = np.array(scale.scaled(images), np.float32, order="C")
    fit = labels.shape == images.shape[:1] and np.issubdtype(labels.dtype, np.integer)
    require(fit, "labels", f"{labels.dtype} {labels.shape}", f"({len(images)},) integers")
    names = range(int(labels.max()) + 1) if classes is None else classes
    check_label_range(labels, len(names), ", as there are classes")
    return Images(stored, labels.astype(np.int64), tuple(map(str, names))), scale


def check_label_range(labels: np.ndarray, classes: int, hint: str) -> None:
    """Raise ValueError unless all labels are in 0..classes-1. hint: end of the message."""
    ends = (int(labels.min()), int(labels.max()))
    require(
        ends[0] >= 0 and ends[1] < classes,
        "smallest and largest label",
        ends,
        f"0..{classes - 1}{hint}",
    )
