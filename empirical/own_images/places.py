"""Look into torch's data sets: where each example is stored, and how it is before transforms."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.utils.data import ConcatDataset, Subset, TensorDataset

from empirical.config import require
from empirical.own_images.arrays import as_array

MODES = ("RGB", "L")  # of PIL images


def keep(value: Any) -> Any:
    """Return the value; stands in for a transform."""
    return value


def keep_both(image: Any, target: Any) -> tuple[Any, Any]:
    """Return image and target; stands in for a joint transform."""
    return image, target


@dataclasses.dataclass(frozen=True)
class Places:
    """Where the n examples of a data set are stored, seen through ``Subset`` and ``ConcatDataset``.

    leaves: the data sets that hold them. which: (n,), index of each example's leaf. rows: (n,), its
    index within the leaf.
    """

    leaves: tuple[Any, ...]
    which: np.ndarray
    rows: np.ndarray

    def __len__(self) -> int:
        return len(self.which)

    def leaf(self, index: int) -> Any:
        """Return the data set that holds an example."""
        return self.leaves[self.which[index]]


def find_places(dataset: Any) -> Places:
    """Return where the examples of a data set are stored. Raises ValueError if it has no length."""
    if not (hasattr(dataset, "__len__") and hasattr(dataset, "__getitem__")):
        raise ValueError(
            f"dataset is a {type(dataset).__name__}; allowed: one with len and an index, whose "
            "items are (image, label)"
        )
    if isinstance(dataset, Subset) and type(dataset).__getitem__ is Subset.__getitem__:
        inner = find_places(dataset.dataset)
        chosen = np.asarray(as_array(dataset.indices), np.int64)
        return Places(inner.leaves, inner.which[chosen], inner.rows[chosen])
    if isinstance(dataset, ConcatDataset):
        parts = [find_places(part) for part in dataset.datasets]
        first = np.cumsum([0, *(len(part.leaves) for part in parts)])
        return Places(
            tuple(leaf for part in parts for leaf in part.leaves),
            np.concatenate([part.which + i for part, i in zip(parts, first, strict=False)]),
            np.concatenate([part.rows for part in parts]),
        )
    count = len(dataset)
    return Places((dataset,), np.zeros(count, np.int64), np.arange(count))


def without_transforms(leaf: Any) -> Any:
    """Return a shallow copy of a data set that changes neither images nor targets.

    Its attributes ``transform``, ``target_transform`` and ``transforms`` are replaced.
    """
    plain = copy.copy(leaf)
    for name, stand_in in (
        ("transform", keep),
        ("target_transform", keep),
        ("transforms", keep_both),
    ):
        if getattr(plain, name, None) is not None:
            setattr(plain, name, stand_in)
    return plain


def read_item(plain: Any, row: int) -> tuple[Any, Any]:
    """Return the image and the target of an item.

    Raises ValueError for an item that is no pair, or an image of an unknown kind.
    """
    item = plain[row]
    pair = isinstance(item, (tuple, list)) and len(item) == 2
    require(pair, "an item of dataset", type(item).__name__, "a pair (image, label)")
    image, target = item
    check_kind(image)
    return image, target


def check_kind(image: Any) -> None:
    """Raise ValueError unless an item's image is a PIL image, an array or a tensor of images."""
    if isinstance(image, Image.Image):
        right = image.mode in MODES
        kind = f"a PIL image of mode {image.mode}"
    elif isinstance(image, (torch.Tensor, np.ndarray)):
        values = as_array(image)
        kind = f"{type(image).__name__} {values.dtype} {values.shape}"
        channels_last = isinstance(image, np.ndarray) and values.dtype == np.uint8
        channels = values.shape[-1 if channels_last else 0] if values.ndim == 3 else 0
        right = channels in (1, 3) and (
            values.dtype == np.uint8 or np.issubdtype(values.dtype, np.floating)
        )
    else:
        right = False
        kind = type(image).__name__
    require(
        right,
        "an image of dataset before its transform",
        kind,
        "PIL images of mode RGB or L, uint8 arrays (height, width, 1 or 3), or tensors (1 or 3, "
        "height, width) of uint8 or floats",
    )


def check_repeatable(places: Places) -> None:
    """Raise ValueError if an image without its transform changes from one reading to the next."""
    for leaf in places.leaves:
        if len(leaf):
            plain = without_transforms(leaf)
            first, second = (np.asarray(as_array(read_item(plain, 0)[0])) for _ in range(2))
            require(
                first.shape == second.shape and np.array_equal(first, second, equal_nan=True),
                "an image of dataset, read twice",
                "two different ones",
                "the same; keep random changes in its attribute transform, or give a data set "
                "without them",
            )


def stored_targets(leaf: Any) -> np.ndarray | None:
    """Return the targets of a whole leaf, (n,) integers, without reading images.

    None if the leaf keeps none in ``targets``, ``labels`` or the second tensor.
    """
    if isinstance(leaf, TensorDataset):
        held = leaf.tensors[1] if len(leaf.tensors) == 2 else None
    else:
        held = getattr(leaf, "targets", getattr(leaf, "labels", None))
    if held is None:
        return None
    try:
        values = as_array(held)
    except (TypeError, ValueError):
        return None
    fits = values.shape == (len(leaf),) and np.issubdtype(values.dtype, np.integer)
    return values.astype(np.int64) if fits else None


def targets_of(places: Places) -> np.ndarray:
    """Return the target of each example before ``target_transform``, (n,) int64.

    Raises ValueError for a target that is no integer.
    """
    targets = np.empty(len(places), np.int64)
    for number, leaf in enumerate(places.leaves):
        mine = np.flatnonzero(places.which == number)
        rows = places.rows[mine]
        held = stored_targets(leaf)
        if held is None:
            plain = without_transforms(leaf)
            held_rows = [_integer(read_item(plain, int(row))[1]) for row in rows]
            targets[mine] = held_rows
        else:
            targets[mine] = held[rows]
    return targets


def _integer(target: Any) -> int:
    """Return a target as a number. Raises ValueError if it is none."""
    value = as_array(target)
    right = value.size == 1 and np.issubdtype(value.dtype, np.integer)
    require(right, "a label of dataset", repr(target)[:40], "an integer")
    return int(value.reshape(()))


def labels_of(places: Places, targets: np.ndarray) -> np.ndarray:
    """Return the class of each example as a model sees it, (n,): after ``target_transform``.

    A transform that makes no integers, such as one-hot vectors, is passed over.
    """
    labels = targets.copy()
    for number, leaf in enumerate(places.leaves):
        change: Callable | None = getattr(leaf, "target_transform", None)
        if change is None:
            continue
        mine = np.flatnonzero(places.which == number)
        seen = {}
        for target in np.unique(targets[mine]).tolist():
            value = as_array(change(target))
            if value.size != 1 or not np.issubdtype(value.dtype, np.integer):
                break
            seen[target] = int(value.reshape(()))
        else:
            labels[mine] = [seen[target] for target in targets[mine].tolist()]
    return labels


def class_names(places: Places, targets: np.ndarray, labels: np.ndarray) -> list[str] | None:
    """Return the names of the classes in the order of the labels; None if they are not known.

    They come from the attribute ``classes`` of the leaves, which is in the order of the targets.
    """
    names: dict[int, str] = {}
    for number, leaf in enumerate(places.leaves):
        held = getattr(leaf, "classes", None)
        if held is None:
            return None
        held = list(map(str, held))
        mine = places.which == number
        pairs = np.unique(np.stack([targets[mine], labels[mine]], 1), axis=0)
        for target, label in pairs.tolist():
            if not 0 <= target < len(held) or names.setdefault(label, held[target]) != held[target]:
                return None
        if (targets == labels).all():
            for label, name in enumerate(held):
                if names.setdefault(label, name) != name:
                    return None
    count = max(names, default=-1) + 1
    return [names.get(label, str(label)) for label in range(count)]
