"""Make variants of a folder's images at the model's side, and have them judged, part by part."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from empirical.training.progress import progress_bar

if TYPE_CHECKING:
    from empirical.data.context import Context
    from empirical.generation.backends.protocol import Backend
    from empirical.generation.quality.cross_fit import Judge
    from empirical.generation.store.store import Store
    from empirical.own_images.full_size import Squares

IN_MEMORY = 64 * 512 * 512  # pixels of the variants that are in memory at once


def with_squares(context: Context, squares: Squares) -> Context:
    """Return the context with training images of another side, read from their files on demand."""
    parts = context.parts
    train = dataclasses.replace(parts.train, stored=cast(Any, squares))  # used as an array
    data = dataclasses.replace(context.run.data, side=squares.side)
    run = dataclasses.replace(context.run, data=data)
    return context.with_run(run).with_parts(dataclasses.replace(parts, train=train))


def load_generator(context: Context) -> Backend:
    """Return the model that makes variants, on the machine's device.

    What a model of this package says of the images it has seen is not compared with a split, as an
    experiment does: the folder of a user has none. Raises ValueError if it does not fit the images.
    """
    from empirical.generation import stage

    if context.run.generator.model is None:
        return stage.resolve_backend(context)
    return stage.load_existing(context)


@dataclasses.dataclass
class Maker:
    """The variants of one generator, kept in a store, and the judge of them.

    context: with training images at the side of the variants. side: at which the judge sees them.
    model: None before a variant is missing.
    """

    context: Context
    judge: Judge
    side: int
    model: Backend | None = None

    def _loaded(self, context: Context) -> Backend:
        if self.model is None:
            self.model = load_generator(context)
        return self.model

    def make(self, sources: np.ndarray, copies: np.ndarray, doing: str) -> np.ndarray:
        """Make the variants (source, copy), each (m,); return the judge's preferred classes (m,).

        doing: title of the progress bar. Interrupted, the same call goes on where it was.
        """
        if not len(sources):
            return np.empty(0, np.int64)
        with progress_bar(doing, len(sources), "variant") as bar:
            store = self._fill(sources, copies, bar.update)
        return np.concatenate(
            [
                self.judge.preferred(self._shrink(squares), sources[rows])
                for rows, squares in self._read(store, sources, copies)
            ]
        )

    def _fill(
        self, sources: np.ndarray, copies: np.ndarray, advance: Callable[[float], object]
    ) -> Store:
        from empirical.generation import stage

        def count(done: float) -> None:
            advance(done)

        return stage.fill_variant_store(self.context, sources, copies, count, self._loaded)

    def squares(self, sources: np.ndarray, copies: np.ndarray) -> Iterator[np.ndarray]:
        """Yield each variant that was made, (side, side, 3) uint8."""
        from empirical.generation import stage

        if len(sources):
            store = stage.open_variant_store(self.context)
            for _, squares in self._read(store, sources, copies):
                yield from squares

    def _read(
        self, store: Store, sources: np.ndarray, copies: np.ndarray
    ) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield rows and their variants (m, side, side, 3), few enough for the memory."""
        side = self.context.parts.train.shape[1]
        step = max(1, IN_MEMORY // side**2)
        for start in range(0, len(sources), step):
            rows = slice(start, start + step)
            yield rows, store.read(np.stack([sources[rows], copies[rows]], axis=1))

    def _shrink(self, squares: np.ndarray) -> np.ndarray:
        """Return variants at the judge's side; float (m, 3, side, side) if they are resized."""
        if squares.shape[1] == self.side:
            return squares
        import torch

        from empirical.data.pixels import as_pixels
        from empirical.generation.backends.passes import resize

        pixels = torch.from_numpy(np.ascontiguousarray(as_pixels(squares)))
        return resize(pixels, self.side, self.side).clamp(-1, 1).numpy()
