"""What is measured on a trained or training classifier. Errors are fractions in [0, 1]."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

if TYPE_CHECKING:
    from torch import Tensor, nn


CHUNK = 250  # images whose loss is differentiated twice at once


def wrong(network: nn.Module, images: Tensor, labels: Tensor) -> np.ndarray:
    """Which images are misclassified, (n,) bool, in evaluation mode."""
    if not len(labels):
        return np.zeros(0, bool)
    return (logits(network, images).argmax(1) != labels).cpu().numpy()


def mean(values: np.ndarray) -> float | None:
    """The mean, or None where there is nothing to average."""
    return float(values.mean(dtype=np.float64)) if len(values) else None


def balanced_error(errors: np.ndarray, labels: np.ndarray) -> float:
    """Mean over the classes of the error in each, of those that ``labels`` (n >= 1,) holds; errors: (n,) bool.

    A constant guess is wrong by 1 - 1 / classes, whatever their balance.
    """
    count = np.bincount(labels)
    there = count > 0
    return float((np.bincount(labels[errors], minlength=len(count))[there] / count[there]).mean())


def test_errors(
    network: nn.Module, images: Tensor, labels: Tensor, slow: np.ndarray, classes: int
) -> dict[str, float | list | None]:
    """Test error on all, on slow and on fast test images, and by class; slow: (n,) bool."""
    errors, truth = wrong(network, images, labels), labels.cpu().numpy()
    by_class = [mean(errors[truth == label]) for label in range(classes)]
    groups = {
        "test_error": mean(errors),
        "test_error_slow": mean(errors[slow]),
        "test_error_fast": mean(errors[~slow]),
    }
    return {**groups, "test_error_by_class": by_class}


class History:
    """When each training original is learned: right or wrong, and its loss, at each of T checks on the way."""

    def __init__(self, slow: np.ndarray) -> None:
        """slow: (n,) bool."""
        self.slow = slow
        self.steps: list[int] = []
        self.right: list[np.ndarray] = []  # T of (n,) bool
        self.losses: list[np.ndarray] = []  # T of (n,) float32

    def add(self, step: int, network: nn.Module, images: Tensor, labels: Tensor) -> None:
        """Look at the network after ``step`` steps."""
        outputs = logits(network, images)
        self.steps.append(step)
        self.right.append((outputs.argmax(1) == labels).cpu().numpy())
        self.losses.append(F.cross_entropy(outputs, labels, reduction="none").cpu().numpy())

    def state_dict(self) -> dict[str, list | Tensor]:
        """What a checkpoint keeps."""
        return {
            "steps": self.steps,
            "right": torch.from_numpy(np.array(self.right)),
            "losses": torch.from_numpy(np.array(self.losses)),
        }

    def load_state_dict(self, state: dict[str, list | Tensor]) -> None:
        self.steps, self.right, self.losses = (
            list(state["steps"]),
            *(list(state[name].cpu().numpy()) for name in ("right", "losses")),
        )

    def metrics(self) -> dict[str, list | float | None]:
        """Error and mean loss at each check, and what ``learning`` says, of all, slow and fast originals."""
        groups = {"": np.ones(len(self.slow), bool), "_slow": self.slow, "_fast": ~self.slow}
        right, losses = np.array(self.right), np.array(self.losses)  # (T, n)
        values: dict[str, list | float | None] = {"steps": self.steps}
        for suffix, group in groups.items():
            values["train_error" + suffix] = [mean(~row[group]) for row in right]
            values["train_loss" + suffix] = [mean(row[group]) for row in losses]
        for name, each in learning(right, self.steps).items():
            values |= {name + suffix: mean(each[group]) for suffix, group in groups.items()}
        slow, fast = values["learned_slow"], values["learned_fast"]
        values["learning_gap"] = None if slow is None or fast is None else slow - fast
        return values


def learning(right: np.ndarray, steps: Sequence[int]) -> dict[str, np.ndarray]:
    """When each image is learned, from right or wrong (T, n) at ``steps``; the last step is the end of the run.

    first: the first check at which it is right; learned: the first from which on it stays right; both as fractions of the run, in (0, 1],
    and 1 for images that never are, whose share is ``never``. forgotten: how often it is right and wrong at the next check (Toneva
    et al. 2019). All (n,).
    """
    checks, n = right.shape
    times = np.append(
        np.asarray(steps, float) / steps[-1], 1.0
    )  # (T + 1,): a check that never came counts as the end
    ever = right.any(axis=0)
    first = np.where(ever, right.argmax(axis=0), checks)
    stays = np.logical_and.accumulate(right[::-1])[::-1]  # (T, n): right from here on
    final = np.where(stays[-1], stays.argmax(axis=0), checks)
    forgotten = (right[:-1] & ~right[1:]).sum(axis=0) if checks > 1 else np.zeros(n)
    return {
        "first_learned": times[first],
        "learned": times[final],
        "never_learned": ~stays[-1],
        "forgotten": forgotten,
    }


def sharpness(
    network: nn.Module,
    images: Tensor,
    labels: Tensor,
    rng: torch.Generator,
    iterations: int = 50,
    chunk: int = CHUNK,
) -> float:
    """Largest eigenvalue (in size) of the Hessian of the mean cross-entropy in evaluation mode, by power iteration.

    images: (n, channels, side, side) float on the [-1, 1] scale; rng: of the first direction; chunk: images at once, at least 1, which
    bounds the memory. v <- Hv / |Hv|; returned is <v, Hv> of the last direction, after ``iterations`` or once it changes by less than 0.1%.
    """
    training = network.training
    network.eval()
    weights = [p for p in network.parameters() if p.requires_grad]
    parts = list(zip(images.split(chunk), labels.split(chunk), strict=True))
    eager, plain = (
        torch.compiler.set_stance("force_eager"),
        torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH),
    )
    with eager, plain:  # neither compiled networks nor other attention can be differentiated twice
        direction = [torch.randn(p.shape, generator=rng).to(p) for p in weights]
        value = 0.0
        for _ in range(iterations):
            length = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(direction)))
            direction = [v / length for v in direction]
            product = _hessian_times(direction, network, weights, parts)
            last, value = (
                value,
                sum((v * h).sum() for v, h in zip(direction, product, strict=True)).item(),
            )
            if abs(value - last) <= 1e-3 * abs(value):
                break
            direction = product
    network.train(training)
    return value


def _hessian_times(
    direction: Sequence[Tensor],
    network: nn.Module,
    weights: Sequence[Tensor],
    parts: Sequence[tuple[Tensor, Tensor]],
) -> list[Tensor]:
    """Hv: the gradient of <g, v>, with g the gradient of the mean loss, summed over parts of the images. No graph outlives its part."""
    count, total = sum(len(labels) for _, labels in parts), [torch.zeros_like(v) for v in direction]
    for images, labels in parts:
        loss = F.cross_entropy(network(images), labels, reduction="sum") / count
        gradients = torch.autograd.grad(loss, weights, create_graph=True)
        torch._foreach_add_(total, torch.autograd.grad(gradients, weights, direction))
    return total


def logits(network: nn.Module, images: Tensor, batch: int = 512) -> Tensor:
    """Outputs (n, classes) in evaluation mode, in float32, on the images' device; the network is left in the mode it was in.

    images: (n, channels, side, side), uint8 or float on the [-1, 1] scale.
    """
    import torch

    from empirical.data.pixels import normalised

    training = network.training
    network.eval()
    with torch.inference_mode():
        outputs = torch.cat(
            [network(normalised(part)) for part in images.split(batch)]
        )  # (n, classes)
    network.train(training)
    return outputs
