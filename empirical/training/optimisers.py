"""Build optimisers that share one protocol, ``step(closure)``: torch's own, SAM and ASAM.

So one training loop serves all of them. A closure clears the gradients, computes the loss of the
step's batch, calls backward and returns the loss. It may process the batch in micro-batches whose
gradients add up (``gradients_of``). SAM then evaluates all of them at each of its two points,
because its perturbation belongs to the whole batch. Everything here can be captured in a CUDA
graph: the host reads no value, and no tensor is replaced by another.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, cast

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from empirical.config import Training

Closure = Callable[[], Tensor]


class Optimiser(Protocol):
    """What the training loop needs of an optimiser."""

    def step(self, closure: Closure) -> Tensor:
        """Update the weights; return the loss at the weights before the update."""

    def state_dict(self) -> dict:
        """Return the state for a checkpoint."""

    def load_state_dict(self, state: dict) -> None:
        """Restore the state of ``state_dict``."""


class SAM:
    """Sharpness-aware minimisation: a step with the gradient taken at w + e(w).

    SAM (Foret et al. 2021): e = rho g / |g|. ASAM (Kwon et al. 2021): e = rho T^2 g / |T g|, with
    T = |w| + eta for weights and T = 1 for biases and embeddings, as in the authors' code. |.| is
    the Euclidean norm over all parameters of all groups; at g = 0 nothing is perturbed. Weight
    decay acts only in the base optimiser's step. Batch norm's running statistics are updated in the
    first pass and stay unchanged in the second. A network that draws random numbers in training
    draws new ones in the second pass.

    rho: radius, at least 0. eta: at least 0 for ASAM, None for SAM.
    """

    def __init__(
        self, network: nn.Module, base: torch.optim.Optimizer, rho: float, eta: float | None = None
    ) -> None:
        self.base = base
        self.rho = rho
        self.eta = eta
        self.parameters = [p for group in base.param_groups for p in group["params"]]
        self.weights = {p for name, p in network.named_parameters() if "weight" in name}
        found = [m for m in network.modules() if isinstance(m, _NormBase)]
        self.norms = [m for m in found if m.track_running_stats]

    def step(self, closure: Closure) -> Tensor:
        """Compute two gradients and do one step of the base optimiser.

        Returns the loss at the unperturbed weights.
        """
        loss = closure()
        parameters = [p for p in self.parameters if p.grad is not None]
        with torch.no_grad():
            before = [p.clone() for p in parameters]
            torch._foreach_add_(parameters, self.perturbation(parameters))
        with frozen_statistics(self.norms):
            closure()
        with torch.no_grad():
            torch._foreach_copy_(parameters, before)
        self.base.step()
        return loss

    def perturbation(self, parameters: list[Tensor]) -> tuple[Tensor, ...]:
        """Return e(w), one tensor for each of the parameters, which have gradients."""
        gradients = tuple(p.grad for p in parameters if p.grad is not None)
        if self.eta is None:
            return torch._foreach_mul(gradients, self.scale(gradients))
        units = [
            p.abs() + self.eta if p in self.weights else torch.ones_like(p) for p in parameters
        ]
        scaled = torch._foreach_mul(gradients, units)
        e = torch._foreach_mul(scaled, units)
        torch._foreach_mul_(e, self.scale(scaled))
        return e

    def scale(self, gradients: tuple[Tensor, ...]) -> Tensor:
        """Return rho / |g|, or 0 if g = 0."""
        norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
        return torch.where(norm > 0, self.rho / norm, 0.0)

    def state_dict(self) -> dict:
        """Return the base optimiser's state; SAM itself has none."""
        return self.base.state_dict()

    def load_state_dict(self, state: dict) -> None:
        """Restore the state of ``state_dict``."""
        self.base.load_state_dict(state)


@contextlib.contextmanager
def frozen_statistics(norms: Sequence[_NormBase]) -> Iterator[None]:
    """Keep running statistics of batch norms unchanged; they still normalise by the batch."""
    for norm in norms:
        norm.track_running_stats = False
    try:
        yield
    finally:
        for norm in norms:
            norm.track_running_stats = True


def build(
    network: nn.Module, config: Training, capturable: bool = False
) -> tuple[Optimiser, torch.optim.Optimizer]:
    """Return the optimiser to step with, and the base optimiser whose rate the schedule sets.

    capturable: store the learning rate in a tensor on the parameters' device, for a step captured
    in a CUDA graph.
    """
    device = next(network.parameters()).device
    rate = torch.tensor(config.lr, device=device) if capturable else config.lr
    base: torch.optim.Optimizer
    if config.base == "adamw":
        groups = decay_groups(network, config.weight_decay)
        options = {"capturable": True} if capturable else {}
        base = torch.optim.AdamW(groups, rate, betas=config.betas, fused=True, **options)
    else:
        base = torch.optim.SGD(
            network.parameters(),
            rate,
            momentum=config.momentum,
            nesterov=config.nesterov,
            weight_decay=config.weight_decay,
            fused=True,
        )
    if not config.sharpness_aware:
        return cast(Optimiser, base), base
    eta = config.eta if config.optimiser.startswith("asam") else None
    return SAM(network, base, config.rho, eta), base


def decay_groups(network: nn.Module, weight_decay: float) -> list[dict]:
    """Return two parameter groups for AdamW: matrices and filters, which decay, and the rest.

    The rest does not decay: norms, biases, layer scales, class tokens, and embeddings of positions,
    absolute or relative. A group without parameters is left out.
    """
    named = [(name, p) for name, p in network.named_parameters() if p.requires_grad]
    decays = [name.endswith("weight") and p.ndim >= 2 for name, p in named]
    groups = [
        {
            "params": [p for (_, p), yes in zip(named, decays, strict=True) if yes is wanted],
            "weight_decay": decay,
        }
        for wanted, decay in ((True, weight_decay), (False, 0.0))
    ]
    return [group for group in groups if group["params"]]


def gradients_of(
    network: Callable[[Tensor], Tensor],
    base: torch.optim.Optimizer,
    loss: Callable[[Tensor, Any], Tensor],
    parts: Sequence[tuple[Tensor, Any]],
) -> Closure:
    """Return the closure of a batch that is given as micro-batches ``parts`` of (x, y).

    y: labels, or whatever else ``loss`` takes as its second argument.

    The loss is the mean of the parts' losses, weighted by their sizes; gradients add up. One part
    is the usual case. With several, batch norm normalises each part separately and updates its
    running statistics with every part.
    """
    total = sum(len(x) for x, _ in parts)

    def closure() -> Tensor:
        base.zero_grad(set_to_none=True)
        losses = []
        for x, y in parts:
            value = loss(network(x), y)
            if len(parts) > 1:
                value = value * (len(x) / total)
            value.backward()
            losses.append(value.detach())
        return losses[0] if len(losses) == 1 else torch.stack(losses).sum()

    return closure
