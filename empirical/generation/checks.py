"""Check what a model made before it is stored, shown or trained on: shape, numbers and range."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch
    from torch import Tensor

FARTHEST = 4.0  # largest pixel that passes, in units of the sources' largest, which is at least 1


def as_floats(made: Tensor | np.ndarray) -> np.ndarray:
    """Return images of any number type, on any device, as float32 in memory."""
    import torch

    if isinstance(made, torch.Tensor):
        return made.detach().to("cpu", torch.float32).numpy()
    return np.asarray(made, np.float32)


def check_made(made: np.ndarray, sources: np.ndarray, exact: bool = False) -> None:
    """Raise ValueError, one line, unless images can be variants of their sources.

    They must have their shape, be finite, and lie in about [-1, 1]: at most four times as far from
    0 as the sources, and not in [0, 1] where that is plainly another scale. made, sources: (n,
    channels, height, width). exact: of the ideal generator, whose range its settings decide.
    """
    if made.shape != sources.shape:
        raise ValueError(
            f"the model made images of shape {made.shape} of sources of shape {sources.shape}; "
            "allowed: the same shape"
        )
    broken = ~np.isfinite(made).reshape(len(made), -1).all(1)
    if broken.any():
        raise ValueError(
            f"{broken.sum()} of {len(made)} images that the model made hold values that are not "
            "a number or infinite, and nothing was stored; allowed: finite pixels; use float32 "
            "(--precision float32, or --generator.precision float32), or another copy of the model"
        )
    if exact or not len(made):
        return
    reach = FARTHEST * max(1.0, float(np.abs(sources).max()))
    largest = float(np.abs(made).max())
    if largest > reach:
        raise ValueError(
            f"the model made pixels as large as {largest:.3g}, and nothing was stored; allowed: "
            f"about [-1, 1], at most {reach:.3g}; let the model return pixels in [-1, 1], or train "
            "it longer"
        )
    if _looks_like_unit_range(made, sources):
        raise ValueError(
            "the model made pixels in [0, 1] of sources in [-1, 1], and nothing was stored; "
            "allowed: [-1, 1]; let the model return 2 x - 1"
        )


def _looks_like_unit_range(made: np.ndarray, sources: np.ndarray) -> bool:
    """Return whether all pixels are in [0, 1], and as 2 x - 1 they are nearer to the sources."""
    if made.min() < 0 or made.max() > 1 or sources.min() >= 0:
        return False
    return bool(np.abs(2 * made - 1 - sources).mean() < np.abs(made - sources).mean())


def mark_infinite(decoder: torch.nn.Module) -> None:
    """Let a decoder return NaN in place of infinite values.

    What follows limits pixels to [-1, 1], which would hide an overflow as white or black.
    """
    import torch

    def mark(_: torch.nn.Module, __: object, out: Tensor) -> Tensor:
        return torch.where(out.isinf(), torch.nan, out)

    decoder.register_forward_hook(mark)
