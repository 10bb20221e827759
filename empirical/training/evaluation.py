"""Measure a classifier, trained or in training. Errors are fractions in [0, 1]."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from empirical.data.pixels import normalised

CHUNK = 250  # images whose loss is differentiated twice at once
KRYLOV = 6  # vectors kept by the Lanczos iteration; more need more memory and no fewer products


def misclassified(network: nn.Module, images: Tensor, labels: Tensor) -> np.ndarray:
    """Return which images the network, in evaluation mode, misclassifies: (n,) bool."""
    if not len(labels):
        return np.zeros(0, bool)
    return (logits(network, images).argmax(1) != labels).cpu().numpy()


def mean(values: np.ndarray) -> float | None:
    """Return the mean, computed in double precision; None if there are no values."""
    return float(values.mean(dtype=np.float64)) if len(values) else None


def balanced_error(errors: np.ndarray, labels: np.ndarray) -> float:
    """Return the mean of the classes' errors over the classes that occur in ``labels``, in [0, 1].

    errors: (n,) bool. labels: (n,), n at least 1. A constant guess has the balanced error
    1 - 1/classes whatever the sizes of the classes.
    """
    count = np.bincount(labels)
    occurs = count > 0
    wrong = np.bincount(labels[errors], minlength=len(count))
    return float((wrong[occurs] / count[occurs]).mean())


def test_errors(
    network: nn.Module, images: Tensor, labels: Tensor, slow: np.ndarray, classes: int
) -> dict[str, float | list | None]:
    """Return the test errors on all, on slow and on fast images, and by class.

    slow: (n,) bool. None for a group or a class without images.
    """
    errors = misclassified(network, images, labels)
    truth = labels.cpu().numpy()
    return {
        "test_error": mean(errors),
        "test_error_slow": mean(errors[slow]),
        "test_error_fast": mean(errors[~slow]),
        "test_error_by_class": [mean(errors[truth == label]) for label in range(classes)],
    }


class History:
    """Predictions and losses on the n training originals at each of T evaluations during training.

    slow: (n,) bool, the slow originals.
    """

    def __init__(self, slow: np.ndarray) -> None:
        self.slow = slow
        self.steps: list[int] = []
        self.right: list[np.ndarray] = []  # T arrays (n,) bool: classified correctly
        self.losses: list[np.ndarray] = []  # T arrays (n,) float32

    def add(self, step: int, network: nn.Module, images: Tensor, labels: Tensor) -> None:
        """Evaluate the network on the originals after ``step`` steps."""
        outputs = logits(network, images)
        self.steps.append(step)
        self.right.append((outputs.argmax(1) == labels).cpu().numpy())
        self.losses.append(F.cross_entropy(outputs, labels, reduction="none").cpu().numpy())

    def state_dict(self) -> dict[str, list | Tensor]:
        """Return the state for a checkpoint."""
        return {
            "steps": self.steps,
            "right": torch.from_numpy(np.array(self.right)),
            "losses": torch.from_numpy(np.array(self.losses)),
        }

    def load_state_dict(self, state: dict) -> None:
        """Restore the state of ``state_dict``."""
        self.steps = list(state["steps"])
        self.right = list(state["right"].cpu().numpy())
        self.losses = list(state["losses"].cpu().numpy())

    def metrics(self) -> dict[str, list | float | None]:
        """Return errors and mean losses at each evaluation, and the means of ``learning``.

        Each of them for all, slow (``_slow``) and fast (``_fast``) originals. learning_gap:
        learned_slow - learned_fast. None for a group without images.
        """
        groups = {"": np.ones(len(self.slow), bool), "_slow": self.slow, "_fast": ~self.slow}
        right = np.array(self.right)  # (T, n)
        losses = np.array(self.losses)  # (T, n)
        curves: dict[str, list] = {"steps": self.steps}
        for suffix, group in groups.items():
            curves["train_error" + suffix] = [mean(~row[group]) for row in right]
            curves["train_loss" + suffix] = [mean(row[group]) for row in losses]
        means: dict[str, float | None] = {}
        for name, each in learning(right, self.steps).items():
            means |= {name + suffix: mean(each[group]) for suffix, group in groups.items()}
        slow, fast = means["learned_slow"], means["learned_fast"]
        means["learning_gap"] = None if slow is None or fast is None else slow - fast
        return {**curves, **means}


def learning(right: np.ndarray, steps: Sequence[int]) -> dict[str, np.ndarray]:
    """Return when each image is learned, four arrays (n,).

    right: (T, n) bool, whether an image is classified correctly at each of ``steps``; the last step
    is the end of the run. Times are fractions of the run in (0, 1], and 1 if they never come.
    first_learned: the first evaluation at which the image is right. learned: the first from which
    on it stays right. never_learned: whether it is wrong at the end. forgotten: how often it is
    right, then wrong at the next evaluation (Toneva et al. 2019).
    """
    count, n = right.shape
    times = np.append(np.asarray(steps, float) / steps[-1], 1.0)  # (T + 1,); the last: never
    ever = right.any(axis=0)
    first = np.where(ever, right.argmax(axis=0), count)
    stays = np.logical_and.accumulate(right[::-1])[::-1]  # (T, n): right from here on
    final = np.where(stays[-1], stays.argmax(axis=0), count)
    forgotten = (right[:-1] & ~right[1:]).sum(axis=0) if count > 1 else np.zeros(n)
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
    chunk: int = CHUNK,
    tolerance: float = 1e-2,
) -> float:
    """Return the eigenvalue of largest magnitude of the Hessian H of the mean cross-entropy.

    It keeps its sign. 0 if H is zero; not finite if H is not. The network is in evaluation mode.
    images: (n, channels, side, side) float on the [-1, 1] scale. rng: draws the start vector; equal
    generators give equal bits on a CPU with one thread. chunk: images that are differentiated at
    once, at least 1, which bounds the memory. tolerance: largest residual |H v - value v| of a unit
    vector v, relative to the value; H has an eigenvalue at least as near. On trained networks the
    default gave relative errors below 1e-4, with 8 products H v. Lanczos iteration (ARPACK).
    """
    from scipy.sparse.linalg import LinearOperator, eigsh

    training = network.training
    network.eval()
    weights = [p for p in network.parameters() if p.requires_grad]
    drawn = torch.cat([torch.randn(p.shape, generator=rng).flatten() for p in weights])
    parts = list(zip(images.split(chunk), labels.split(chunk), strict=True))
    product = _hessian_product(network, weights, parts)
    eager = torch.compiler.set_stance("force_eager")
    plain = torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH)
    with eager, plain:  # neither compiled networks nor other attention can be differentiated twice
        start = product(drawn.double().numpy())
        value = float(np.linalg.norm(start))  # zero or not finite: this is the result
        if value != 0 and math.isfinite(value):
            size = len(start)
            hessian = LinearOperator((size, size), matvec=product, dtype=np.float64)
            kept = min(KRYLOV, size)
            values = eigsh(hessian, 1, v0=start, ncv=kept, tol=tolerance, return_eigenvectors=False)
            value = float(values[0])
    network.train(training)
    return value


def _hessian_product(
    network: nn.Module, weights: Sequence[Tensor], parts: Sequence[tuple[Tensor, Tensor]]
) -> Callable[[np.ndarray], np.ndarray]:
    """Return the function v -> Hv, (m,) float64 in and out, for m trainable weights.

    H is the Hessian of the mean loss over all parts of the images.
    """
    sizes = [p.numel() for p in weights]

    def product(vector: np.ndarray) -> np.ndarray:
        flat = torch.from_numpy(vector.ravel()).to(weights[0])
        direction = [v.view_as(p) for v, p in zip(flat.split(sizes), weights, strict=True)]
        total = _hessian_times(direction, network, weights, parts)
        return torch.cat([h.flatten() for h in total]).cpu().double().numpy()

    return product


def _hessian_times(
    direction: Sequence[Tensor],
    network: nn.Module,
    weights: Sequence[Tensor],
    parts: Sequence[tuple[Tensor, Tensor]],
) -> list[Tensor]:
    """Return Hv: the gradient of <g, v>, where g is the gradient of the mean loss.

    It is summed over parts of the images; the graph of a part is freed before the next part.
    """
    count = sum(len(labels) for _, labels in parts)
    total = [torch.zeros_like(v) for v in direction]
    for images, labels in parts:
        loss = F.cross_entropy(network(images), labels, reduction="sum") / count
        gradients = torch.autograd.grad(loss, weights, create_graph=True)
        torch._foreach_add_(total, torch.autograd.grad(gradients, weights, direction))
    return total


def logits(network: nn.Module, images: Tensor, batch: int = 512) -> Tensor:
    """Return the outputs (n, classes) in evaluation mode, float32, on the images' device.

    images: (n, channels, side, side), uint8 or float on the [-1, 1] scale. The network is left in
    the mode it was in.
    """
    training = network.training
    network.eval()
    with torch.inference_mode():
        outputs = torch.cat([network(normalised(part)) for part in images.split(batch)])
    network.train(training)
    return outputs
