"""What is measured on a trained or training classifier. Errors are fractions in [0, 1]."""

from __future__ import annotations

import numpy as np
from torch import Tensor, nn

from empirical.networks import logits


def wrong(network: nn.Module, pixels: Tensor, labels: Tensor) -> np.ndarray:
    """Which images are misclassified, (n,) bool, in evaluation mode."""
    return (logits(network, pixels).argmax(1) != labels).numpy()


def mean(values: np.ndarray) -> float | None:
    """The mean, or None where there is nothing to average."""
    return float(values.mean()) if len(values) else None


def test_errors(network: nn.Module, pixels: Tensor, labels: Tensor, slow: np.ndarray) -> dict[str, float | None]:
    """Test error on all, on slow and on fast test images; slow: (n,) bool."""
    errors = wrong(network, pixels, labels)
    return {"test_error": mean(errors), "test_error_slow": mean(errors[slow]), "test_error_fast": mean(errors[~slow])}


class LearningCurve:
    """Errors on the slow and fast training originals over the steps."""

    def __init__(self, slow: np.ndarray) -> None:
        self.slow = slow
        self.steps: list[int] = []
        self.errors: list[np.ndarray] = []

    def add(self, step: int, network: nn.Module, pixels: Tensor, labels: Tensor) -> None:
        self.steps.append(step)
        self.errors.append(wrong(network, pixels, labels))

    def metrics(self) -> dict[str, list]:
        return {
            "steps": self.steps,
            "train_error": [mean(e) for e in self.errors],
            "train_error_slow": [mean(e[self.slow]) for e in self.errors],
            "train_error_fast": [mean(e[~self.slow]) for e in self.errors],
        }
