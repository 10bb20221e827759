"""Define the protocol of every model that makes variants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from empirical.config import Variants

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn


class Backend(Protocol):
    """A diffusion model bound to settings: called with images, it returns their variants.

    kind: such as ``unet``. steps: number of denoising steps of every image. batch: number of images
    to give at once. network: the module that every denoising step evaluates.
    """

    @property
    def kind(self) -> str: ...
    @property
    def steps(self) -> int: ...
    @property
    def batch(self) -> int: ...
    @property
    def network(self) -> nn.Module: ...

    def at(self, variants: Variants) -> Backend:
        """Return the same model, without loading it again, at other settings."""

    def describe(self) -> dict[str, Any]:
        """Return which model this is, for a manifest.

        Kind, name or folder, revision, digest of local weights, images it has seen, versions.
        """

    def level(self) -> dict[str, float | None]:
        """Return timestep, alpha_bar and sigma to which images are noised before the first step.

        sigma is None if alpha_bar is 0.
        """

    def __call__(self, pixels: Tensor, labels: Tensor, generators: list[torch.Generator]) -> Tensor:
        """Return variants of images, one for each.

        pixels: (n, channels, height, width) float32 in [-1, 1], on the CPU, and so is the result.
        labels: (n,). generators: n, on the CPU; all noise of an image comes from its own.
        """
