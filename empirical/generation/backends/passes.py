"""Run images through a model in passes that fit its memory, resized to its side and back."""

from __future__ import annotations

import abc
import copy
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from empirical.config import Variants

PIXELS_PER_PASS = 64 * 256 * 256  # of the model's side, at first: 64 images at 256, 16 at 512
MAX_IMAGES_ON_CPU = 64
MAX_IMAGES_ON_GPU = 512  # a GPU is idle half of the time with few images

Make = Callable[["Tensor", "Tensor", list["torch.Generator"]], "Tensor"]


class PassesBackend(abc.ABC):
    """A backend with a method ``at``, which gives the same model other settings.

    Subclasses set ``passes`` and define ``_configure``, which sets everything that depends on the
    settings.
    """

    passes: Passes

    def at(self, variants: Variants) -> Any:
        """Return the same model at other settings, which must suit it as its first ones did."""
        other = copy.copy(self)
        other._configure(variants)
        return other

    @property
    def batch(self) -> int:
        """Number of images in a pass."""
        return self.passes.images_per_pass

    @abc.abstractmethod
    def _configure(self, variants: Variants) -> None:
        """Set everything that depends on the settings."""


class Passes:
    """How a model of side ``side`` on ``device`` is given images, in passes.

    images_per_pass: number of images in a pass. Where a pass runs out of memory it is halved, for
    later passes too, and the pass is repeated with the same noise. It is a power of two, so that a
    caller who gives batches of a larger power of two has passes of one shape: sums, and so the last
    bits, depend on the shape.
    colour: the model needs three channels; grey images are given as three equal channels, and the
    mean of the three resulting ones is returned.
    """

    def __init__(self, side: int, device: torch.device | str, colour: bool = True) -> None:
        import torch

        self.side = side
        self.device = torch.device(device)
        self.colour = colour
        most = MAX_IMAGES_ON_CPU if self.device.type == "cpu" else MAX_IMAGES_ON_GPU
        self.images_per_pass = floor_power_of_two(min(PIXELS_PER_PASS // side**2, most))

    def __call__(
        self, make: Make, pixels: Tensor, labels: Tensor, generators: list[torch.Generator]
    ) -> Tensor:
        """Return what ``make`` makes of all images, (n, channels, height, width) on the CPU.

        make: function of images of the model's side, labels and generators. pixels: (n, channels,
        height, width). Raises ValueError if not even one image fits the memory.
        """
        import torch

        made: list[Tensor] = []
        start = 0
        while start < len(pixels):
            rows = slice(start, start + self.images_per_pass)
            out = self._attempt(make, pixels[rows], labels[rows], generators[rows])
            if out is None:
                self._halve(len(pixels[rows]))
                continue
            made.append(out)
            start += len(out)
        return torch.cat(made)

    def _attempt(
        self, make: Make, pixels: Tensor, labels: Tensor, generators: list[torch.Generator]
    ) -> Tensor | None:
        """Return the result of one pass; None, with the generators reset, if out of memory."""
        import torch

        states = [generator.get_state() for generator in generators]
        grey = self.colour and pixels.shape[1] == 1
        height, width = pixels.shape[2:]
        try:
            x = resize(pixels.to(self.device), self.side, self.side)
            out = make(x.expand(-1, 3, -1, -1) if grey else x, labels.to(self.device), generators)
            return resize(out.mean(1, keepdim=True) if grey else out, height, width).cpu()
        except torch.OutOfMemoryError:
            for generator, state in zip(generators, states, strict=True):
                generator.set_state(state)
            return None

    def _halve(self, tried: int) -> None:
        """Halve the number of images in a pass, after a pass of ``tried`` images failed."""
        import torch

        if tried == 1:
            raise ValueError(
                f"one image at a time, at side {self.side}, is more than the memory of "
                f"{self.device} holds; allowed: a smaller model, --generator.precision bfloat16 "
                "on a GPU, or --machine.device cpu"
            )
        self.images_per_pass = floor_power_of_two(tried - 1)
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        print(
            f"out of memory: {self.images_per_pass} images of side {self.side} at a time from now "
            "on",
            file=sys.stderr,
            flush=True,
        )


def floor_power_of_two(n: int) -> int:
    """Return the largest power of two up to n; 1 for n below 1."""
    return 1 << (max(1, n).bit_length() - 1)


def resize(x: Tensor, height: int, width: int) -> Tensor:
    """Return images (n, channels, height, width), resized by antialiased bicubic interpolation.

    Images that have these sides already are returned as they are.
    """
    from torch.nn import functional as F

    if x.shape[2:] == (height, width):
        return x
    return F.interpolate(x, (height, width), mode="bicubic", antialias=True, align_corners=False)
