"""One protocol, ``step(closure)``: torch's optimisers speak it, and so do SAM and ASAM, so that all share one training loop.

A closure clears the gradients, computes the loss of the step's batch, calls backward and returns the loss. It may go through the batch in
micro-batches whose gradients add up (``gradients_of``): SAM then evaluates all of them at each of its two points, for its perturbation is
that of the whole batch. Everything here can be captured in a CUDA graph: no value is read by the host, no tensor is rebound.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor, nn

from empirical.config import Training

Closure = Callable[[], Tensor]


class SAM:
    """Sharpness-aware minimisation: step with the gradient taken at w + e(w).

    SAM (Foret et al. 2021): e = rho g / |g|. ASAM (Kwon et al. 2021): e = rho T^2 g / |T g| with T = |w| + eta in weights and 1 in biases
    and embeddings, as in the authors' code. |.| is the Euclidean norm over all parameters of all groups; at g = 0 nothing is perturbed.
    Weight decay acts in the base optimiser's step only. Batch norm's running statistics are updated in the first pass and left alone in
    the second. A network that draws random numbers in training draws new ones in the second pass.

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
        self.norms = [
            m
            for m in network.modules()
            if isinstance(m, nn.modules.batchnorm._NormBase) and m.track_running_stats
        ]

    def step(self, closure: Closure) -> Tensor:
        """Two gradients, one step of the base optimiser. Returns the loss at the unperturbed weights."""
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

    def perturbation(self, parameters: list[Tensor]) -> list[Tensor]:
        """e(w), in the parameters' order."""
        gradients = [p.grad for p in parameters]
        if self.eta is None:
            return torch._foreach_mul(gradients, self.scale(gradients))
        units = [
            p.abs() + self.eta if p in self.weights else torch.ones_like(p) for p in parameters
        ]
        scaled = torch._foreach_mul(gradients, units)
        e = torch._foreach_mul(scaled, units)
        torch._foreach_mul_(e, self.scale(scaled))
        return e

    def scale(self, gradients: list[Tensor]) -> Tensor:
        """rho / |g|, or 0 at g = 0."""
        norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
        return torch.where(norm > 0, self.rho / norm, 0.0)

    def state_dict(self) -> dict:
        """The base optimiser's: SAM itself remembers nothing from step to step."""
        return self.base.state_dict()

    def load_state_dict(self, state: dict) -> None:
        self.base.load_state_dict(state)


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


def build(
    network: nn.Module, config: Training, capturable: bool = False
) -> tuple[torch.optim.Optimizer | SAM, torch.optim.Optimizer]:
    """The optimiser to step with, and the base optimiser whose learning rate the schedule sets.

    capturable: for a step captured in a CUDA graph, the learning rate lives in a tensor on the parameters' device.
    """
    device = next(network.parameters()).device
    rate = torch.tensor(config.lr, device=device) if capturable else config.lr
    if config.base == "adamw":
        groups = decay_groups(network, config.weight_decay)
        options = {"capturable": True} if capturable else {}
        base = torch.optim.AdamW(groups, rate, betas=config.betas, fused=True, **options)
    else:
        options = {
            "momentum": config.momentum,
            "nesterov": config.nesterov,
            "weight_decay": config.weight_decay,
        }
        base = torch.optim.SGD(network.parameters(), rate, fused=True, **options)
    if not config.sharpness_aware:
        return base, base
    return SAM(
        network, base, config.rho, config.eta if config.optimiser.startswith("asam") else None
    ), base


def decay_groups(network: nn.Module, weight_decay: float) -> list[dict]:
    """Two groups for AdamW: matrices and filters, which decay, and the rest, which does not.

    The rest is norms, biases, layer scales, class tokens, and embeddings of positions, absolute or relative.
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
    network: nn.Module,
    base: torch.optim.Optimizer,
    loss: Callable[[Tensor, Tensor], Tensor],
    parts: Sequence[tuple[Tensor, Tensor]],
) -> Closure:
    """The closure of a batch given as micro-batches (x, y): their mean losses weighted by their sizes, gradients added up.

    One part is the ordinary case. With several, batch norm normalises each part by itself, and its running statistics take in every part.
    """
    total = sum(len(y) for _, y in parts)

    def closure() -> Tensor:
        base.zero_grad(set_to_none=True)
        losses = []
        for x, y in parts:
            value = loss(network(x), y)
            if len(parts) > 1:
                value = value * (len(y) / total)
            value.backward()
            losses.append(value.detach())
        return losses[0] if len(losses) == 1 else torch.stack(losses).sum()

    return closure
