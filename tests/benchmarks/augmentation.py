"""Measure the speed of batch augmentation against torchvision, in one process of one thread.

It is run by hand, never as a test:

    python tests/benchmarks/augmentation.py [--batch 128] [--repeats 7]

The peers treat one image after another with its own parameters, as a data loader does:
torchvision's transforms.v2 on tensors, and its first transforms on Pillow images. All end in the
network's input, except for the rows marked uint8, which end in bytes. Times are medians over
repeats taken in turn, each of several batches.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import torch
import tyro
from torch import Tensor
from torchvision import transforms
from torchvision.transforms import v2

from empirical.training.augmentation import Augmenter, crop_flip, margin

torch.set_num_threads(1)
IMAGES = 20_000
BATCHES = 5  # per measurement


def ours(images: Tensor, augment: str, batch: int) -> Callable[[], Tensor]:
    """Return a function that augments a random batch by our augmenter."""
    augmenter = Augmenter(images, augment.removesuffix(" uint8"), 0)
    position = 0

    def go() -> Tensor:
        nonlocal position
        position += batch
        chosen = torch.randint(len(images), (batch,))
        rows = augmenter.rows(chosen, position)
        if "uint8" in augment:
            return crop_flip(augmenter.images, chosen, rows, augmenter.side)
        return augmenter.batch(chosen, rows)

    return go


def tensors(images: Tensor, augment: str, batch: int) -> Callable[[], Tensor]:
    """Return a function that augments a random batch by torchvision's v2 transforms on tensors."""
    side = images.shape[-1]
    steps: list = []
    if "crop" in augment:
        steps += [v2.RandomCrop(side, margin(side)), v2.RandomHorizontalFlip()]
    if "trivial" in augment:
        steps += [v2.TrivialAugmentWide()]
    if "uint8" not in augment:
        steps += [v2.ToDtype(torch.float32, scale=True), v2.Normalize([0.5] * 3, [0.5] * 3)]
    chain = v2.Compose(steps)

    def go() -> Tensor:
        return torch.stack([chain(image) for image in images[torch.randint(len(images), (batch,))]])

    return go


def pillow(images: Tensor, augment: str, batch: int) -> Callable[[], Tensor]:
    """Return a function that augments a random batch by torchvision's first transforms on Pillow.

    Most training scripts do this.
    """
    side = images.shape[-1]
    pictures = [transforms.functional.to_pil_image(image) for image in images]
    steps: list = []
    if "crop" in augment:
        steps += [transforms.RandomCrop(side, margin(side)), transforms.RandomHorizontalFlip()]
    if "trivial" in augment:
        steps += [transforms.TrivialAugmentWide()]
    if "uint8" in augment:
        steps += [transforms.PILToTensor()]
    else:
        steps += [transforms.ToTensor(), transforms.Normalize([0.5] * 3, [0.5] * 3)]
    chain = transforms.Compose(steps)

    def go() -> Tensor:
        chosen = torch.randint(len(images), (batch,)).tolist()
        return torch.stack([chain(pictures[i]) for i in chosen])

    return go


def measure(
    candidates: dict[str, Callable[[], Tensor]], repeats: int, batch: int
) -> dict[str, float]:
    """Return the median microseconds per image of each candidate; they are timed in turn."""
    times: dict[str, list[float]] = {name: [] for name in candidates}
    for repeat in range(repeats + 1):  # the first is a warm-up
        for name, go in candidates.items():
            begin = time.perf_counter()
            for _ in range(BATCHES):
                go()
            if repeat:
                times[name].append((time.perf_counter() - begin) / (BATCHES * batch) * 1e6)
    return {name: median(values) for name, values in times.items()}


def main(batch: int = 128, repeats: int = 7) -> None:
    """Print microseconds per image, and how many times longer than ours.

    Args:
        batch: images per batch, >= 1.
        repeats: number of measurements of each candidate, >= 1.
    """
    print(f"batches of {batch}, one thread, median of {repeats}; µs per image (times ours)")
    makers = {
        "ours": ours,
        "torchvision v2, tensors": tensors,
        "torchvision, Pillow": pillow,
    }
    for side in (32, 64):
        images = torch.randint(0, 256, (IMAGES, 3, side, side), dtype=torch.uint8)
        for augment in ("crop-flip uint8", "crop-flip", "trivial", "crop-flip-trivial"):
            candidates = {name: make(images, augment, batch) for name, make in makers.items()}
            times = measure(candidates, repeats, batch)
            for name, value in times.items():
                ratio = value / times["ours"]
                print(f"  {side} px  {augment:18s} {name:24s} {value:8.1f}  ({ratio:.1f})")


if __name__ == "__main__":
    tyro.cli(main)
