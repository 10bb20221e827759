"""Where and how a run is computed: no part of what it is, and on a CPU without influence on its numbers."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Literal

from empirical.config import Data, require

if TYPE_CHECKING:
    import torch


@dataclasses.dataclass(frozen=True)
class Machine:
    """Device and speed. compile: torch.compile the network. cuda_graph: replay each step as one CUDA graph (a GPU only)."""

    device: Literal["auto", "cpu", "cuda", "mps"] = (
        "auto"  # auto: a GPU if there is one, but the CPU for the digits
    )
    compile: bool = False
    cuda_graph: bool = False
    checkpoint: float = 120.0  # seconds between checkpoints of a network in training, at least 0

    def __post_init__(self) -> None:
        require(self.checkpoint >= 0, "machine.checkpoint", self.checkpoint, "at least 0 seconds")

    def check(self, data: Data) -> None:
        """Raise what ``on`` would, once and before any work; torch is loaded only where something is asked for that may not be there."""
        if self.cuda_graph or self.device not in ("auto", "cpu"):
            self.on(data)

    def on(self, data: Data) -> torch.device:
        """The device for this data set. ValueError if it is not there, or cannot capture a step."""
        import torch

        there = {
            "cpu": True,
            "cuda": torch.cuda.is_available(),
            "mps": torch.backends.mps.is_available(),
        }
        chosen = self.device
        if chosen == "auto":
            chosen = "cuda" if there["cuda"] and not data.from_library else "cpu"
        require(
            there[chosen],
            "machine.device",
            chosen,
            ", ".join(name for name, yes in there.items() if yes) + " on this machine",
        )
        require(
            not self.cuda_graph or chosen == "cuda",
            "machine.cuda_graph on " + chosen,
            self.cuda_graph,
            "on a CUDA device alone",
        )
        return torch.device(chosen)


USUAL = Machine()
