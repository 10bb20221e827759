"""Classifiers, built from torchvision's own blocks."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock

from empirical.config import Training
from empirical.data import Images
from empirical.seeding import construction


def classifier(images: Images, config: Training, seed: int) -> nn.Module:
    """The classifier of a run: first weights by ``seed`` alone, so that methods that are compared start equal."""
    network = resnet8(images.pixels.shape[1], len(images.classes), config.width, seed)
    return network.to(memory_format=torch.channels_last)


def resnet8(channels: int, classes: int, width: int, seed: int) -> nn.Module:
    """Eight layers for small images: a 3x3 stem, then residual blocks of width, 2 width and 4 width; first weights by ``seed``."""

    def block(inside: int, outside: int, stride: int) -> BasicBlock:
        shortcut = nn.Sequential(nn.Conv2d(inside, outside, 1, stride, bias=False), nn.BatchNorm2d(outside)) if stride > 1 else None
        return BasicBlock(inside, outside, stride, shortcut)

    with construction(seed, "classifier"):
        network = nn.Sequential(
            nn.Conv2d(channels, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            block(width, width, 1),
            block(width, 2 * width, 2),
            block(2 * width, 4 * width, 2),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(4 * width, classes),
        )
        network.apply(_initialise)
    return network


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")


def logits(network: nn.Module, pixels: Tensor, batch: int = 512) -> Tensor:
    """Outputs (n, classes) in evaluation mode; the network is left in the mode it was in."""
    training = network.training
    network.eval()
    with torch.inference_mode():
        outputs = torch.cat([network(part) for part in pixels.split(batch)])  # (n, classes)
    network.train(training)
    return outputs
