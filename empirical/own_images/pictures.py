"""Read the images of a torch data set as squares, and give variants their sources' form.

Images of bytes (PIL, uint8 arrays and tensors) of any size are fitted whole into a square of
uint8; float tensors, which must all have one shape, stay floats.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import torch
from PIL import Image
from tqdm import tqdm

from empirical.config import require
from empirical.data.images import Images
from empirical.data.sources.frame import frame_box, from_square, pad_to_square
from empirical.generation.backends.passes import resize
from empirical.own_images.arrays import Range, Scale, as_array, scale_of
from empirical.own_images.places import Places, read_item, without_transforms


@dataclasses.dataclass(frozen=True)
class Form:
    """The form of an item's image, which its variants get.

    kind: ``pil``, ``array`` (uint8, channels last) or ``tensor``. mode: of a PIL image. dtype: of
    an array or tensor. shape: height, width.
    """

    kind: str
    channels: int
    shape: tuple[int, int]
    dtype: Any = None

    @property
    def floats(self) -> bool:
        """Whether pixels are floats."""
        return self.kind == "tensor" and self.dtype != torch.uint8


def form_of(image: Any) -> Form:
    """Return the form of an image that passed ``check_kind``."""
    if isinstance(image, Image.Image):
        return Form("pil", 1 if image.mode == "L" else 3, (image.height, image.width))
    if isinstance(image, torch.Tensor):
        channels, height, width = image.shape
        return Form("tensor", channels, (height, width), image.dtype)
    if image.dtype == np.uint8:
        height, width, channels = image.shape
        return Form("array", channels, (height, width), image.dtype)
    channels, height, width = image.shape
    return Form(
        "tensor", channels, (height, width), torch.from_numpy(np.zeros(0, image.dtype)).dtype
    )


def as_picture(image: Any) -> Image.Image:
    """Return an image of bytes as a PIL image of mode RGB."""
    if isinstance(image, Image.Image):
        return image.convert("RGB")
    values = as_array(image)
    if isinstance(image, torch.Tensor):
        values = values.transpose(1, 2, 0)
    return Image.fromarray(np.ascontiguousarray(np.broadcast_to(values, (*values.shape[:2], 3))))


def pad_floats(pixels: np.ndarray, side: int) -> np.ndarray:
    """Return whole images (n, channels, height, width) in squares (n, channels, side, side)."""
    left, top, right, bottom = frame_box(pixels.shape[3], pixels.shape[2], side)
    inner = resize(torch.from_numpy(pixels), bottom - top, right - left).numpy()
    around = ((0, 0), (0, 0), (top, side - bottom), (left, side - right))
    return np.pad(inner, around, mode="symmetric")


def crop_floats(squares: np.ndarray, height: int, width: int) -> np.ndarray:
    """Return the images that lie in squares, at their own size; undoes ``pad_floats``."""
    left, top, right, bottom = frame_box(width, height, squares.shape[3])
    inner = np.ascontiguousarray(squares[:, :, top:bottom, left:right])
    return resize(torch.from_numpy(inner), height, width).numpy()


class Squares:
    """The images of a data set as squares, read when asked for.

    places: where they are. labels: (n,). classes: names. value_range: of float images.
    Raises ValueError if images of bytes and floats are mixed, or channels are.
    """

    def __init__(
        self,
        places: Places,
        labels: np.ndarray,
        classes: tuple[str, ...],
        value_range: Range | None,
    ) -> None:
        self.places = places
        self.labels = labels
        self.classes = classes
        self.value_range = value_range
        self.plain = [without_transforms(leaf) for leaf in places.leaves]
        forms = [self.form(int(np.flatnonzero(places.which == i)[0])) for i in self._used()]
        self.floats = forms[0].floats
        self.grey = all(form.channels == 1 for form in forms)
        require(
            all(form.floats == self.floats for form in forms),
            "images of the joined data sets",
            ", ".join(str(form.dtype or form.kind) for form in forms),
            "all of bytes, or all of floats",
        )
        require(
            self.floats or value_range is None,
            "value_range of images of bytes",
            value_range,
            "none",
        )
        self.scale: Scale | None = None
        self.forms: dict[int, Form] = {}  # of the examples that were read

    def _used(self) -> list[int]:
        """Return the leaves that hold examples."""
        return np.unique(self.places.which).tolist()

    def item(self, index: int) -> tuple[Any, Any]:
        """Return image and target of an example, before transforms."""
        return read_item(self.plain[self.places.which[index]], int(self.places.rows[index]))

    def form(self, index: int) -> Form:
        """Return the form of an example's image."""
        return form_of(self.item(index)[0])

    def usual_side(self, most: int) -> int:
        """Return the median of the longer sides of up to 50 images: a multiple of 8, 8 to most."""
        some = np.unique(np.linspace(0, len(self.places) - 1, 50).astype(int))
        longer = np.median([max(self.form(int(i)).shape) for i in some])
        return max(8, min(most, int(longer) // 8 * 8))

    def read(self, indices: np.ndarray, side: int, bar: tqdm | None = None) -> Images:
        """Return examples as ``Images`` of squares: uint8 channels last, or floats in [-1, 1]."""
        read = self._read_floats if self.floats else self._read_bytes
        return Images(read(indices, side, bar), self.labels[indices], self.classes)

    def _read_bytes(self, indices: np.ndarray, side: int, bar: tqdm | None) -> np.ndarray:
        channels = 1 if self.grey else 3
        stored = np.empty((len(indices), side, side, channels), np.uint8)
        for square, index in zip(stored, indices.tolist(), strict=True):
            image = self.item(index)[0]
            form = self.forms[index] = form_of(image)
            same = form.floats == self.floats and (not self.grey or form.channels == 1)
            require(same, f"image {index} of dataset", str(form), "of the kind of the first one")
            square[:] = pad_to_square(as_picture(image), side)[..., :channels]
            if bar is not None:
                bar.update()
        return stored

    def _read_floats(self, indices: np.ndarray, side: int, bar: tqdm | None) -> np.ndarray:
        read: list[np.ndarray] = []
        for index in indices.tolist():
            image = self.item(index)[0]
            self.forms[index] = form_of(image)
            values = np.asarray(as_array(image), np.float32)
            require(
                not read or values.shape == read[0].shape,
                f"shape of image {index} of dataset",
                values.shape,
                "the same for all float images; give PIL images or uint8 for several sizes",
            )
            read.append(values)
            if bar is not None:
                bar.update()
        pixels = np.stack(read)
        if self.scale is None:
            self.scale = scale_of(pixels, self.value_range)
        return pad_floats(self.scale.scaled(pixels), side)

    def restore(self, square: np.ndarray, index: int) -> Any:
        """Return a variant in the form of its source, example ``index``, which was read before.

        square: (side, side, channels) uint8, or (channels, side, side) float32 in [-1, 1].
        """
        form = self.forms[index]
        height, width = form.shape
        if form.floats:
            assert self.scale is not None
            values = self.scale.restored(crop_floats(square[None], height, width))[0]
            return torch.from_numpy(values).to(form.dtype)
        colour = np.ascontiguousarray(np.broadcast_to(square, (*square.shape[:2], 3)))
        picture = Image.fromarray(from_square(colour, width, height))
        if form.channels == 1:
            picture = picture.convert("L")
        if form.kind == "pil":
            return picture
        values = np.array(picture).reshape(height, width, form.channels)
        return (
            values if form.kind == "array" else torch.from_numpy(values.transpose(2, 0, 1).copy())
        )
