"""Add variants to a data set of torch: one function, from your data set to a larger one.

    train_set = augment_dataset(train_set, outputs)

outputs are those of your own model on the data set, early in its training; without them a small
network is trained for that. The result is used in place of the data set.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from PIL import Image
from torch.utils.data import Dataset
from tqdm import tqdm

from empirical.config import (
    Early,
    Generator,
    Method,
    RuleName,
    Selection,
    Training,
    Variants,
    require,
)
from empirical.config.recipes import PAPER_SGD
from empirical.data.pixels import as_uint8
from empirical.generation.variants import make_variants
from empirical.methods import additions
from empirical.own_images.api import find_backend, slow_indices
from empirical.own_images.arrays import Range, as_array
from empirical.own_images.pictures import Squares
from empirical.own_images.places import (
    check_repeatable,
    class_names,
    find_places,
    labels_of,
    targets_of,
)
from empirical.training.progress import progress_bar

if TYPE_CHECKING:
    from empirical.generation.backends.protocol import Backend

__all__ = ["Augmented", "augment_dataset"]

CHUNK = 512  # variants whose sources are in memory at a time
LARGEST = 512  # pixels: default limit on the side of images given to a model of any side
SIDES = {True: 32, False: 64}  # the same on a CPU or not, of a generator that is trained here
EPOCHS = 100  # most epochs of early training, or as many as make so many steps:
STEPS = 400


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


class Restored(Sequence):
    """Variants kept as squares; each is given the form of its source when it is asked for."""

    def __init__(self, squares: np.ndarray, source: Squares, sources: np.ndarray) -> None:
        self.squares = squares
        self.source = source
        self.sources = sources

    def __len__(self) -> int:
        return len(self.squares)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(len(self))[index]]
        return self.source.restore(self.squares[index], int(self.sources[index]))


class _Variants(Augmented):
    """The result of ``augment_dataset``: variants already have the form of their sources."""

    def variant(self, number: int) -> Any:
        return self.images[number]


def augment_dataset(
    dataset: Any,
    outputs: ArrayLike | None = None,
    generator: Generator | str | Backend | None = None,
    k: int = 2,
    progress: bool = True,
    *,
    rule: RuleName | Selection = "cluster",
    strength: float = 0.5,
    guidance: float = 1.0,
    seed: int = 0,
    classes: Sequence[str] | None = None,
    side: int | None = None,
    value_range: Range | None = None,
    device: str | torch.device | None = None,
) -> Augmented:
    """Return the data set followed by k - 1 variants of each slow-learnable example.

    The result has the interface of the data set: items pass through its transforms, and it has
    ``targets`` and ``classes``. Variants are made of images before the transform, and have their
    kind, size and channels. They are kept in memory as squares of ``side``.

    dataset: one of torch with ``len`` whose items are (image, label): ``ImageFolder``,
    ``TensorDataset``, ``Subset``, what ``random_split`` returns, ``ConcatDataset``, or your own;
    your own should keep its random changes in an attribute ``transform``.
    outputs: (n, classes), logits or probabilities of your model on the data set, in its order and
    without random changes, early in training; if not given, a small network is trained for it.
    generator: a folder or name on the Hugging Face hub, settings, or a function of (pixels, labels,
    random generators); if not given, a small one is trained on the data set. k: times that a slow
    example appears, at least 2. progress: show bars on standard error.
    rule, seed: as in ``slow_indices``. strength, guidance, value_range: as in ``variants_of``.
    classes: names in the order of the labels; if not given, the data set's own. side: of the square
    that the generator is given, in pixels; if not given, the usual longer side of the images, at
    most 512, and at most 32 on a CPU and 64 on a GPU if the generator is trained here. device: if
    not given, a GPU if there is one.
    Raises ValueError, one line, for a data set or values that cannot be used.
    """
    require(k >= 2, "k", k, "at least 2")
    require(side is None or side >= 8, "side", side, "at least 8")
    variants = Variants(strength, guidance=guidance)
    places = find_places(dataset)
    require(len(places) > 0, "number of examples in dataset", 0, "at least 1")
    place = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    on_cpu = place.type == "cpu"
    check_repeatable(places)
    targets = targets_of(places)
    labels = labels_of(places, targets)
    held = class_names(places, targets, labels) if classes is None else list(map(str, classes))
    given = None if outputs is None else as_array(outputs)
    require(
        given is None or (given.ndim == 2 and len(given) == len(places)),
        "shape of outputs",
        None if given is None else given.shape,
        f"({len(places)}, classes), one row for each example",
    )
    count = max(int(labels.max()) + 1, len(held or ()), 0 if given is None else given.shape[1])
    names = [*(held or ()), *map(str, range(len(held or ()), count))]
    squares = Squares(places, labels, tuple(names), value_range)
    bars = _Bars(progress)
    trains = not callable(generator) and getattr(generator, "model", generator) is None
    images = None
    small = side or squares.usual_side(SIDES[on_cpu])
    if trains or given is None:
        with bars("reading images", len(places), "image") as bar:
            images = squares.read(np.arange(len(places)), small, bar)
    if given is None:
        assert images is not None
        bars.say("training a small network to find the slow examples")
        given = early_outputs(images, seed, place)
    slow = slow_indices(given, labels, rule=rule, seed=seed)
    bars.say(f"slow: {len(slow) / len(places):.1%} of {len(places):,} examples")
    chosen = np.zeros(len(places), bool)
    chosen[slow] = True
    sources, copies = additions(Method("tada", k), chosen, seed)
    if trains:
        bars.say("training a small generator; a pre-trained one makes better variants: generator=")
    used = squares.read(np.arange(1), small) if images is None else images
    known = names if held is not None else None
    backend = find_backend(generator, used, known, variants, seed, place, bars.advance)
    large = small if trains else side or squares.usual_side(LARGEST)
    made = []
    with bars("making variants", len(sources), "variant") as bar:
        for start in range(0, len(sources), CHUNK):
            rows = slice(start, start + CHUNK)
            mine, where = np.unique(sources[rows], return_inverse=True)
            some = squares.read(mine, large)
            out = make_variants(backend, some, where, copies[rows], seed, names=sources[rows])
            made.append(out if squares.floats else as_uint8(out))
            if bar is not None:
                bar.update(len(out))
    empty = np.empty((0, 1, 1, 1), np.uint8)
    restored = Restored(np.concatenate(made) if made else empty, squares, sources)
    return _Variants(dataset, restored, targets[sources], sources=sources)


@dataclasses.dataclass(frozen=True)
class _Bars:
    """Bars and lines on standard error, or nothing."""

    shown: bool

    @contextlib.contextmanager
    def __call__(self, doing: str, total: int, unit: str) -> Iterator[tqdm | None]:
        if not self.shown:
            yield None
            return
        with progress_bar(doing, total, unit) as bar:
            yield bar

    def say(self, line: str) -> None:
        """Print a line."""
        if self.shown:
            print(line, file=sys.stderr, flush=True)

    def advance(self, steps: Iterator, total: int) -> None:
        """Run the steps of a training to its end, with a bar."""
        with self("training the generator", total, "step") as bar:
            for _ in steps:
                if bar is not None:
                    bar.update()


def early_outputs(images: Any, seed: int, device: torch.device) -> np.ndarray:
    """Return the logits of a small network after early training, (n, classes).

    images: ``Images`` on which it is trained, by default settings of the command ``augment``.
    Raises ValueError if nothing is learned.
    """
    from empirical.selection.early_training import early_network, logits_of
    from empirical.selection.knee import NoKnee

    training = Training(network="resnet8") if device.type == "cpu" else PAPER_SGD
    training = dataclasses.replace(training, augment="crop")
    epochs = max(EPOCHS, math.ceil(STEPS * training.batch / len(images)))
    try:
        trained = early_network(images, Early(stop="auto", epochs=epochs), training, seed, device)
    except NoKnee as error:
        raise ValueError(f"{str(error).split(': raise ')[0]}: give outputs of your model") from None
    return logits_of(trained.network, images)
