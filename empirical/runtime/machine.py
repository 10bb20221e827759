"""Choose the device and the speed settings of a computation.

They are no part of a run's identity; on a CPU they do not change its numbers.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Literal

from empirical.config import Data, require

if TYPE_CHECKING:
    import torch


@dataclasses.dataclass(frozen=True)
class Machine:
    """The device that computes, and the settings that make it faster."""

    # device to compute on; auto: a CUDA GPU if there is one, but the CPU for the digits
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    compile: bool = False  # compile the networks with torch.compile
    cuda_graph: bool = False  # replay each training step as one CUDA graph; CUDA devices only
    checkpoint: float = 120.0  # seconds between checkpoints of a network in training, at least 0

    def __post_init__(self) -> None:
        require(self.checkpoint >= 0, "machine.checkpoint", self.checkpoint, "at least 0 seconds")

    def check(self, data: Data) -> None:
        """Raise the errors of ``on`` before any work begins.

        torch is imported only if the settings ask for something that may be missing.
        """
        if self.cuda_graph or self.device not in ("auto", "cpu"):
            self.on(data)

    def on(self, data: Data) -> torch.device:
        """Return the device for this data set.

        Raises ValueError if this machine has no such device, or if it cannot capture CUDA graphs.
        """
        import torch

        available = {
            "cpu": True,
            "cuda": torch.cuda.is_available(),
            "mps": torch.backends.mps.is_available(),
        }
        chosen = self.device
        if chosen == "auto":
            chosen = "cuda" if available["cuda"] and not data.from_library else "cpu"
        names = ", ".join(name for name, there in available.items() if there)
        require(available[chosen], "machine.device", chosen, f"{names} on this machine")
        usable = not self.cuda_graph or chosen == "cuda"
        require(usable, f"machine.cuda_graph on {chosen}", self.cuda_graph, "only on a CUDA device")
        return torch.device(chosen)


DEFAULT_MACHINE = Machine()
