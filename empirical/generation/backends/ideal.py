"""The ideal generator: variants of images whose noise is known, made by the theory's own formula.

The quality of a generator becomes a dial. With x the clean image, b its blur and xi its noise,

    variant = b + phi (x - b) + kappa xi + sqrt(1 - kappa^2) s sigma xi',   xi' ~ N(0, I) fresh,

where kappa is the share of the source's noise that the variant keeps, phi the fidelity of its
features, s the relative size of its fresh noise and sigma the noise of the data. kappa = 1 and
phi = 1 give a copy; kappa = 0, phi = 1, s = 1 another image of the same object.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from empirical.config import Variants

if TYPE_CHECKING:
    from empirical.data.known_noise import Truth

BLUR = 0.25  # standard deviation of the blur, in widths of the image


class IdealBackend:
    """Make variants from the known parts of their sources. See ``Backend``."""

    kind = "ideal"
    steps = 0
    batch = 256
    needs_truth = True  # is given the parts of the sources beside their pixels
    network = torch.nn.Identity()

    def __init__(self, variants: Variants) -> None:
        self.variants = variants

    def at(self, variants: Variants) -> IdealBackend:
        """Return the ideal generator at other settings."""
        return IdealBackend(variants)

    def describe(self) -> dict[str, Any]:
        """Return which generator it is, for a manifest."""
        settings = self.variants
        return {
            "kind": self.kind,
            "trained_on": "nothing: the parts of its sources are known",
            "kappa": settings.kappa,
            "fidelity": settings.fidelity,
            "fresh_noise": settings.fresh_noise,
            "cue_redrawn": settings.cue_redrawn,
        }

    def level(self) -> dict[str, float | None]:
        """Return no noise level: nothing is noised to a timestep."""
        return {"timestep": None, "alpha_bar": None, "sigma": None}

    def __call__(
        self,
        pixels: Tensor,
        labels: Tensor,
        generators: list[torch.Generator],
        truth: Truth | None = None,
    ) -> Tensor:
        """Return a variant of each image, (n, channels, height, width) float32.

        truth: what ``pixels`` are made of; it must be given. ``cue_redrawn``: the cue is present
        with its probability in the data, whether or not the source has it, as in images drawn from
        pure noise.
        """
        assert truth is not None  # needs_truth
        settings = self.variants
        # The cue is drawn first, from every generator, so that other settings keep the same noise.
        drawn = np.array([torch.rand(1, generator=g).item() for g in generators])
        present = drawn < truth.share if settings.cue_redrawn else truth.present
        clean = truth.image + present[:, None, None, None] * truth.cue
        blurred = blur(torch.from_numpy(clean))
        kept = pixels - torch.from_numpy(truth.clean)
        fresh = torch.stack([torch.randn(pixels.shape[1:], generator=g) for g in generators])
        size = (1 - settings.kappa**2) ** 0.5 * settings.fresh_noise * truth.noise
        features = blurred + settings.fidelity * (torch.from_numpy(clean) - blurred)
        return features + settings.kappa * kept + size * fresh


def blur(images: Tensor) -> Tensor:
    """Return images blurred by a Gaussian of a quarter of their width, edges repeated.

    images: (n, channels, height, width).
    """
    sigma = BLUR * images.shape[3]
    for axis in (2, 3):
        images = torch.movedim(_blur_last(torch.movedim(images, axis, 3), sigma), 3, axis)
    return images


def _blur_last(images: Tensor, sigma: float) -> Tensor:
    """Blur along the last axis, by one matrix product with edges repeated."""
    n = images.shape[3]
    reach = round(3 * sigma)
    offsets = torch.arange(-reach, reach + 1)
    weights = torch.exp(-0.5 * (offsets / sigma) ** 2)
    columns = (torch.arange(n)[:, None] + offsets).clamp(0, n - 1)  # (n, 2 reach + 1)
    matrix = torch.zeros(n, n).scatter_add_(1, columns, (weights / weights.sum()).expand(n, -1))
    return images @ matrix.T.to(images)
