"""One protocol, ``step(closure)``: torch's SGD speaks it, and so does SAM, so that both share one training loop."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from empirical.config import Training


class SAM:
    """Sharpness-aware minimisation (Foret et al. 2021): step with the gradient taken at w + rho g / |g|.

    |g| is the Euclidean norm over all parameters; at g = 0 nothing is perturbed. Weight decay acts in the base optimiser's step only.
    Batch norm's running statistics are updated in the first pass and left alone in the second.
    """

    def __init__(self, network: nn.Module, base: torch.optim.Optimizer, rho: float) -> None:
        self.base = base
        self.rho = rho
        self.parameters = [p for group in base.param_groups for p in group["params"]]
        self.norms = [m for m in network.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]

    def step(self, closure: Callable[[], Tensor]) -> Tensor:
        """``closure`` clears the gradients, computes the loss, calls backward and returns the loss. Returns the unperturbed loss."""
        loss = closure()
        parameters = [p for p in self.parameters if p.grad is not None]
        gradients = [p.grad for p in parameters]
        norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
        scale = torch.where(norm > 0, self.rho / norm, 0.0)
        before = [p.detach().clone() for p in parameters]
        with torch.no_grad():
            torch._foreach_add_(parameters, torch._foreach_mul(gradients, scale))
        with frozen_statistics(self.norms):
            closure()
        with torch.no_grad():
            torch._foreach_copy_(parameters, before)
        self.base.step()
        return loss


@contextlib.contextmanager
def frozen_statistics(norms: list[nn.Module]) -> Iterator[None]:
    """Batch norm goes on normalising by the batch, but its running statistics stay as they are."""
    for norm in norms:
        norm.track_running_stats = False
    try:
        yield
    finally:
        for norm in norms:
            norm.track_running_stats = True


def build(network: nn.Module, config: Training) -> tuple[torch.optim.SGD | SAM, torch.optim.Optimizer]:
    """The optimiser to step with, and the base optimiser whose learning rate the schedule sets."""
    base = torch.optim.SGD(network.parameters(), config.lr, momentum=config.momentum, weight_decay=config.weight_decay, fused=True)
    return (SAM(network, base, config.rho) if config.optimiser == "sam" else base), base
