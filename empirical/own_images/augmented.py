"""Join a data set of torch and variants, with the interface of the data set."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from PIL import Image
from torch.utils.data import Dataset

from empirical.config import require
from empirical.own_images.arrays import as_array
from empirical.own_images.places import find_places, targets_of


class Augmented(Dataset):
    """A data set followed by variants, for use in place of the data set.

    Variants pass through the transforms of the data set that their source is in, as they are at
    that moment. ``targets`` and ``classes`` are those of torchvision's data sets: targets before
    ``target_transform``. ``transform``, ``target_transform`` and ``transforms`` are those of the
    data set, or of the one behind ``Subset``; setting one sets it there.

    dataset: any with ``len`` whose items are (image, label); ``Subset`` and ``ConcatDataset`` are
    looked through. images: (m, ...), from ``variants_of``, or any sequence of images in the form
    that the data set's transform takes, except that uint8 arrays (height, width, 3) are given as
    PIL images, and float arrays as tensors. labels: (m,) integers, targets before
    ``target_transform``. transform: of the variants, in place of the data set's own. sources: (m,),
    indices of the sources; needed if the variants' data sets have different transforms.
    """

    def __init__(
        self,
        dataset: Any,
        images: Any,
        labels: ArrayLike,
        transform: Callable[[Any], Any] | None = None,
        sources: ArrayLike | None = None,
    ) -> None:
        self.dataset = dataset
        self.images = images
        self.labels = as_array(labels)
        self.places = find_places(dataset)
        self.sources = None if sources is None else as_array(sources).astype(np.int64)
        self._own_transform = transform
        require(
            len(images) == len(self.labels),
            "number of images and labels",
            (len(images), len(self.labels)),
            "as many of each",
        )
        if self.sources is None:
            require(
                transform is not None or self._transforms_agree(),
                "sources of variants of data sets with different transforms",
                sources,
                "the index of each variant's source, or transform",
            )
        else:
            require(
                self.sources.shape == self.labels.shape,
                "shape of sources",
                self.sources.shape,
                f"{self.labels.shape}, as the labels",
            )

    def _transforms_agree(self) -> bool:
        """Return whether all leaves have the same transforms, so that variants need no source."""
        names = ("transform", "target_transform", "transforms")
        seen = [[getattr(leaf, name, None) for name in names[:2]] for leaf in self.places.leaves]
        joint = [getattr(leaf, names[2], None) for leaf in self.places.leaves]
        return all(each == seen[0] for each in seen) and (
            seen[0] != [None, None] or all(each == joint[0] for each in joint)
        )

    def __len__(self) -> int:
        return len(self.dataset) + len(self.labels)

    def __getitem__(self, index: int) -> Any:
        index = range(len(self))[index]  # negative ones count from the end; raises IndexError
        number = index - len(self.dataset)
        if number < 0:
            return self.dataset[index]
        return self._transformed(self.variant(number), int(self.labels[number]), number)

    def variant(self, number: int) -> Any:
        """Return variant ``number``, 0..m-1, before transforms."""
        image = self.images[number]
        if isinstance(image, np.ndarray):
            if image.dtype != np.uint8:
                return torch.from_numpy(image)
            return Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
        return image

    def _transformed(self, image: Any, target: int, number: int) -> tuple[Any, Any]:
        """Return image and target after the transforms of the source's data set."""
        leaf = self.places.leaves[0]
        if self.sources is not None:
            leaf = self.places.leaf(int(self.sources[number]))
        change = getattr(leaf, "transform", None) or self._own_transform
        change_target = getattr(leaf, "target_transform", None)
        joint = getattr(leaf, "transforms", None)
        if self._own_transform is not None:
            change = self._own_transform
        elif change is None and change_target is None and joint is not None:
            return joint(image, target)
        image = image if change is None else change(image)
        return image, target if change_target is None else change_target(target)

    @property
    def targets(self) -> list[int]:
        """Targets of originals and variants, in order, before ``target_transform``."""
        if "_targets" not in vars(self):
            self._targets = targets_of(self.places).tolist()
        return [*self._targets, *self.labels.tolist()]

    def _shared(self, name: str) -> Any:
        """Return an attribute that all leaves have in common; AttributeError if they do not."""
        values = [getattr(leaf, name) for leaf in self.places.leaves]  # may raise AttributeError
        if any(value != values[0] for value in values):
            raise AttributeError(f"the joined data sets have different {name}")
        return values[0]

    def _set_shared(self, name: str, value: Any) -> None:
        """Set an attribute of all leaves."""
        for leaf in self.places.leaves:
            setattr(leaf, name, value)

    @property
    def classes(self) -> Any:
        """Names of the classes, in the order of the targets."""
        return self._shared("classes")

    @property
    def class_to_idx(self) -> Any:
        """Target of each class's name."""
        return self._shared("class_to_idx")

    @property
    def transform(self) -> Any:
        """The function that images pass through."""
        return self._shared("transform")

    @transform.setter
    def transform(self, value: Any) -> None:
        self._set_shared("transform", value)

    @property
    def target_transform(self) -> Any:
        """The function that targets pass through."""
        return self._shared("target_transform")

    @target_transform.setter
    def target_transform(self, value: Any) -> None:
        self._set_shared("target_transform", value)

    @property
    def transforms(self) -> Any:
        """The function that image and target pass through together."""
        return self._shared("transforms")

    @transforms.setter
    def transforms(self, value: Any) -> None:
        self._set_shared("transforms", value)
