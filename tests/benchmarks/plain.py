"""A training script as most are written, to measure others against: a data loader that augments image by image, one loss read a step."""

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
    """Images kept as bytes, transformed one by one, as torchvision's CIFAR10 does."""

    def __init__(self, images: Images, augment: str) -> None:
        self.data, self.targets = np.ascontiguousarray(images.stored), images.labels.tolist()
        steps = (
            [v2.RandomCrop(32, padding=4), v2.RandomHorizontalFlip()]
            if "crop-flip" in augment
            else []
        )
        self.transform = v2.Compose(
            [*steps, *([v2.TrivialAugmentWide()] if "trivial" in augment else []), *NORMALISE]
        )

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(Image.fromarray(self.data[index])), self.targets[index]


class Plain:
    """SGD or SAM with torch's own optimiser; the rate divided by 10 at one half and three quarters."""

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
        self.network, self.config, self.steps, self.device = network, config, steps, device
        generator = torch.Generator().manual_seed(seed)
        pin = device.startswith("cuda")
        self.loader = DataLoader(
            Pictures(images, config.augment),
            config.batch,
            shuffle=True,
            num_workers=workers,
            pin_memory=pin,
            drop_last=True,
            generator=generator,
            persistent_workers=workers > 0,
        )
        options = {"momentum": config.momentum, "weight_decay": config.weight_decay}
        self.optimiser = torch.optim.SGD(network.parameters(), config.lr, **options)
        self.schedule = torch.optim.lr_scheduler.MultiStepLR(
            self.optimiser, [steps // 2, 3 * steps // 4]
        )
        self.criterion = nn.CrossEntropyLoss()
        self.total = 0.0

    def loss(self, x: Tensor, y: Tensor) -> Tensor:
        with torch.autocast(
            self.device.split(":")[0], torch.bfloat16, enabled=self.config.precision == "bfloat16"
        ):
            return self.criterion(self.network(x), y)

    def run(self) -> Iterator[int]:
        """Train to the end, yielding the number of steps done."""
        done = 0
        self.network.train()
        while done < self.steps:
            for x, y in self.loader:
                x, y = x.to(self.device, non_blocking=True), y.to(self.device, non_blocking=True)
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
        """SAM as in the widely used code: parameter by parameter, batch norm's running statistics kept out of the second pass."""
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
