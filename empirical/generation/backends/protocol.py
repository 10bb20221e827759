"""The protocol of every model that makes variants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from empirical.config import Variants

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn


class Backend(Protocol):
    """A model bound to settings. steps: denoising steps that every image takes. network: what every step is a pass of. batch: images of a
    pass, which is what it is best given at once.
    """

    kind: str
    steps: int
    batch: int
    network: nn.Module

    def at(self, variants: Variants) -> Backend:
        """The same model, not loaded again, at other settings."""

    def describe(self) -> dict[str, Any]:
        """Which model it is: kind, name or folder, revision, digest of local weights, what it has seen, versions; for a manifest."""

    def level(self) -> dict[str, float | None]:
        """timestep, alpha_bar and sigma that images are noised to before the first step; sigma is None where alpha_bar is 0."""

    def __call__(self, pixels: Tensor, labels: Tensor, generators: list[torch.Generator]) -> Tensor:
        """Variants of ``pixels``, (n, channels, height, width) float32 on the [-1, 1] scale, on the CPU as are the results."""
