"""Train as most scripts do, to measure other scripts against it.

A data loader augments image by image, and one loss is read at every step.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from empirical.config import Training
from empirical.data.images import Images

NORMALISE = [
    v2.PILToTensor(),
    v2.ToDtype(torch.float32, scale=True),
    v2.Normalize([0.5] * 3, [0.5] * 3),
]


class Pictures(Dataset):
    """Images kept as bytes and transformed one by one, as torchvision's CIFAR10 does."""

    def __init__(self, images: Images, augment: str) -> None:
        self.data = np.ascontiguousarray(images.stored)
        self.targets = images.labels.tolist()
        steps: list = []
        if "crop-flip" in augment:
            steps += [v2.RandomCrop(32, padding=4), v2.RandomHorizontalFlip()]
        if "trivial" in augment:
            steps += [v2.TrivialAugmentWide()]
        self.transform = v2.Compose([*steps, *NORMALISE])

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(Image.fromarray(self.data[index])), self.targets[index]


class Plain:
    """SGD or SAM with torch's optimiser; the rate is divided by 10 at 1/2 and 3/4 of the run."""

    def __init__(
        self,
        network: nn.Module,
        images: Images,
        config: Training,
        steps: int,
        device: str,
        workers: int,
        seed: int,
    ) -> None:
        self.network = network
        self.config = config
        self.steps = steps
        self.device = device
        self.loader = DataLoader(
            Pictures(images, config.augment),
            config.batch,
            shuffle=True,
            num_workers=workers,
            pin_memory=device.startswith("cuda"),
            drop_last=True,
            generator=torch.Generator().manual_seed(seed),
            persistent_workers=workers > 0,
        )
        options = {"momentum": config.momentum, "weight_decay": config.weight_decay}
        self.optimiser = torch.optim.SGD(network.parameters(), config.lr, **options)
        milestones = [steps // 2, 3 * steps // 4]
        self.schedule = torch.optim.lr_scheduler.MultiStepLR(self.optimiser, milestones)
        self.criterion = nn.CrossEntropyLoss()
        self.total = 0.0

    def loss(self, x: Tensor, y: Tensor) -> Tensor:
        """Return the mean loss of a batch, in the configured precision."""
        kind = self.device.split(":")[0]
        low = self.config.precision == "bfloat16"
        with torch.autocast(kind, torch.bfloat16, enabled=low):
            return self.criterion(self.network(x), y)

    def run(self) -> Iterator[int]:
        """Train to the end; yield the number of steps done."""
        done = 0
        self.network.train()
        while done < self.steps:
            for images, labels in self.loader:
                x = images.to(self.device, non_blocking=True)
                y = labels.to(self.device, non_blocking=True)
                self.optimiser.zero_grad()
                loss = self.loss(x, y)
                loss.backward()
                if self.config.optimiser == "sam":
                    self.second_gradient(x, y)
                self.optimiser.step()
                self.schedule.step()
                self.total += loss.item()
                done += 1
                yield done
                if done == self.steps:
                    return

    def second_gradient(self, x: Tensor, y: Tensor) -> None:
        """Replace the gradients by SAM's, as the widely used code does, parameter by parameter.

        The second pass does not change batch norm's running statistics.
        """
        norms = [m for m in self.network.modules() if isinstance(m, nn.BatchNorm2d)]
        with torch.no_grad():
            gradients = [p.grad for p in self.network.parameters() if p.grad is not None]
            norm = torch.norm(torch.stack([g.norm(2) for g in gradients]), 2)
            kept = {p: p.data.clone() for p in self.network.parameters()}
            for p in self.network.parameters():
                p.add_(p.grad * (self.config.rho / (norm + 1e-12)))
        momenta = [m.momentum for m in norms]
        for m in norms:
            m.momentum = 0
        self.optimiser.zero_grad()
        self.loss(x, y).backward()
        for m, momentum in zip(norms, momenta, strict=True):
            m.momentum = momentum
        with torch.no_grad():
            for p, before in kept.items():
                p.copy_(before)
