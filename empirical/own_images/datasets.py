"""Add variants to a data set of torch: one function, from your data set to a larger one.

    train_set = augment_dataset(train_set, outputs)

outputs are those of your own model on the data set, early in its training; without them a small
network is trained for that. The result is used in place of the data set.
"""

from __future__ import annotations

import contextlib
import dataclasses
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from tqdm import tqdm

from empirical.config import (
    Early,
    Generator,
    Method,
    RuleName,
    Selection,
    Variants,
    require,
)
from empirical.data.pixels import as_uint8
from empirical.generation.variants import make_variants
from empirical.methods import additions
from empirical.own_images.api import find_backend, slow_indices
from empirical.own_images.arrays import Range, as_array
from empirical.own_images.augmented import Augmented
from empirical.own_images.early import SIDES, early_epochs, network_recipe
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

CHUNK = 512  # variants whose sources are in memory at a time
LARGEST = 512  # pixels: default limit on the side of images given to a model of any side


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

    training = network_recipe(None, device.type == "cpu", flip=False)
    epochs = early_epochs(len(images), training.batch)
    try:
        trained = early_network(images, Early(stop="auto", epochs=epochs), training, seed, device)
    except NoKnee as error:
        raise ValueError(f"{str(error).split(': raise ')[0]}: give outputs of your model") from None
    return logits_of(trained.network, images)
