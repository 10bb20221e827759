"""Images through a model in passes that fit the memory: resized to the model's side, on its device, and back."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from empirical.config import Variants

ROOM = 64 * 256 * 256  # pixels of a model's side in one pass at first: 64 images at 256, 16 at 512
MOST = {
    True: 64,
    False: 512,
}  # images of a pass at most, on a CPU or not: a GPU is idle half the time with few

Make = Callable[["Tensor", "Tensor", list["torch.Generator"]], "Tensor"]


class Settable:
    """A backend that can be had at other settings without loading its model again: ``_set`` takes up all that depends on the settings."""

    def at(self, variants: Variants) -> Any:
        """The same model at other settings, which must suit it as those did that it was loaded with."""
        other = copy.copy(self)
        other._set(variants)
        return other

    @property
    def batch(self) -> int:
        """Images of a pass."""
        return self.passes.at_once

    def _set(self, variants: Variants) -> None:
        raise NotImplementedError


class Passes:
    """How a model of this side on this device is given images. at_once: images of a pass.

    Where a pass runs out of memory, ``at_once`` is halved, for later passes too, and the pass is begun anew with the same noise. It is a
    power of two, so that who gives images by a larger one has passes of one shape: sums, and so the last bits, depend on the shape.
    colour: the model wants three channels; grey images are given as three equal ones, and the mean of what comes back is kept.
    """

    def __init__(self, side: int, device: torch.device | str, colour: bool = True) -> None:
        import torch

        self.side, self.device, self.colour = side, torch.device(device), colour
        self.at_once = power_of_two(min(ROOM // side**2, MOST[self.device.type == "cpu"]))

    def __call__(
        self, make: Make, pixels: Tensor, labels: Tensor, generators: list[torch.Generator]
    ) -> Tensor:
        """``make`` on all images; what it makes in the shape of ``pixels``, (n, channels, height, width), on the CPU.

        Raises ValueError where the memory does not hold even one image.
        """
        import torch

        made, start = [], 0
        while start < len(pixels):
            rows = slice(start, start + self.at_once)
            if (out := self._attempt(make, pixels[rows], labels[rows], generators[rows])) is None:
                self._halve(len(pixels[rows]))
                continue
            made.append(out)
            start += len(out)
        return torch.cat(made)

    def _attempt(
        self, make: Make, pixels: Tensor, labels: Tensor, generators: list[torch.Generator]
    ) -> Tensor | None:
        """One pass; None, and the generators as they were, if it ran out of memory."""
        import torch

        states = [generator.get_state() for generator in generators]
        grey, (height, width) = self.colour and pixels.shape[1] == 1, pixels.shape[2:]
        try:
            x = resized(pixels.to(self.device), self.side, self.side)
            out = make(x.expand(-1, 3, -1, -1) if grey else x, labels.to(self.device), generators)
            return resized(out.mean(1, keepdim=True) if grey else out, height, width).cpu()
        except torch.OutOfMemoryError:
            for generator, state in zip(generators, states, strict=True):
                generator.set_state(state)
            return None

    def _halve(self, tried: int) -> None:
        """Begin again with half of what was tried, once what the failed pass held is let go of."""
        import torch

        if tried == 1:
            raise ValueError(
                f"one image at a time, at side {self.side}, is more than the memory of {self.device} holds; "
                "allowed: a smaller model, --generator.precision bfloat16 on a GPU, or --machine.device cpu"
            )
        self.at_once = power_of_two(tried - 1)
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        print(
            f"out of memory: {self.at_once} images of side {self.side} at a time from now on",
            file=sys.stderr,
            flush=True,
        )


def power_of_two(n: int) -> int:
    """The largest power of two up to n; at least 1."""
    return 1 << (max(1, n).bit_length() - 1)


def resized(x: Tensor, height: int, width: int) -> Tensor:
    """(n, channels, height, width), bicubic with antialiasing; as it is where the sides agree."""
    from torch.nn import functional as F

    if x.shape[2:] == (height, width):
        return x
    return F.interpolate(x, (height, width), mode="bicubic", antialias=True, align_corners=False)
