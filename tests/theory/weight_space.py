"""Train the network on explicit patches by autograd in float64: an oracle without coordinates."""

import numpy as np
import torch

from theory.config import Network, Optimiser
from theory.data import Sample


def patches(sample: Sample) -> torch.Tensor:
    """Return the patches (N, 2 + Q, 2 + r): both feature patches, then the noise patches.

    The basis begins with v_e, v_d.
    """
    noise = sample.noise
    if sample.orthogonal:
        noise = np.zeros((*sample.noise.shape, sample.other_weights.shape[1]))
        noise.reshape(sample.noise.size, -1)[:, : sample.noise.size] = np.diag(sample.noise.ravel())
    N, Q, r = noise.shape
    x = np.zeros((N, 2 + Q, 2 + r))
    x[:, 0, 0] = sample.labels * sample.strengths[:, 0]
    x[:, 1, 1] = sample.labels * sample.strengths[:, 1]
    x[:, 2:, 2:] = noise
    return torch.tensor(x)


def initial_weights(sample: Sample) -> torch.Tensor:
    """Return W(0): (J, 2 + r)."""
    return torch.tensor(np.concatenate((sample.feature_weights, sample.other_weights), axis=1))


def loss(weights: torch.Tensor, x: torch.Tensor, sample: Sample, network: Network) -> torch.Tensor:
    """Return the training loss of the weights (J, 2 + r) on the patches x."""
    z = x @ weights.T  # (N, P, J)
    logits = ((z.clamp(min=0) if network.rectified else z) ** network.power).sum((1, 2))
    losses = torch.nn.functional.softplus(-torch.tensor(sample.labels) * logits)  # (N,)
    multiplicities = torch.tensor(sample.multiplicities)
    return (multiplicities * losses).sum() / multiplicities.sum()


def train(sample: Sample, network: Network, optimiser: Optimiser) -> torch.Tensor:
    """Return the weights after ``optimiser.steps`` steps of textbook gradient descent or SAM."""
    x = patches(sample)
    weights = initial_weights(sample)

    def gradient(at: torch.Tensor) -> torch.Tensor:
        at = at.clone().requires_grad_()
        return torch.autograd.grad(loss(at, x, sample, network), at)[0]

    for _ in range(optimiser.steps):
        g = gradient(weights)
        if optimiser.name == "sam":
            g = gradient(weights + optimiser.rho * g / g.norm())
        weights = weights - optimiser.eta * g
    return weights
