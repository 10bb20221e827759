"""How fast augmentation of batches is against torchvision, in one process of one thread. Run by hand, never as a test:

    python tests/benchmarks/augmentation.py [--batch 128] [--repeats 7]

Peers treat one image after another with parameters of its own, as a data loader does: torchvision's transforms.v2 on tensors, and
its first transforms on Pillow images. All end in the network's input, but for the rows marked uint8, which end in bytes.
Times are medians over repeats taken in turn, each of several batches.
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
BATCHES = 5  # in each measurement


def ours(images: Tensor, augment: str, batch: int) -> Callable[[], Tensor]:
    augmenter, position = Augmenter(images, augment.removesuffix(" uint8"), 0), 0

    def go() -> Tensor:
        nonlocal position
        position += batch
        chosen = torch.randint(len(images), (batch,))
        rows = augmenter.rows(chosen, position)
        return (
            crop_flip(augmenter.images, chosen, rows, augmenter.side)
            if "uint8" in augment
            else augmenter.batch(chosen, rows)
        )

    return go


def tensors(images: Tensor, augment: str, batch: int) -> Callable[[], Tensor]:
    """torchvision's second transforms on tensors."""
    side = images.shape[-1]
    steps = (
        [v2.RandomCrop(side, margin(side)), v2.RandomHorizontalFlip()] if "crop" in augment else []
    )
    steps += [v2.TrivialAugmentWide()] if "trivial" in augment else []
    steps += (
        []
        if "uint8" in augment
        else [v2.ToDtype(torch.float32, scale=True), v2.Normalize([0.5] * 3, [0.5] * 3)]
    )
    chain = v2.Compose(steps)
    return lambda: torch.stack(
        [chain(image) for image in images[torch.randint(len(images), (batch,))]]
    )


def pillow(images: Tensor, augment: str, batch: int) -> Callable[[], Tensor]:
    """torchvision's first transforms on Pillow images, as in most training scripts."""
    side, pictures = (
        images.shape[-1],
        [transforms.functional.to_pil_image(image) for image in images],
    )
    steps = (
        [transforms.RandomCrop(side, margin(side)), transforms.RandomHorizontalFlip()]
        if "crop" in augment
        else []
    )
    steps += [transforms.TrivialAugmentWide()] if "trivial" in augment else []
    steps += (
        [transforms.PILToTensor()]
        if "uint8" in augment
        else [transforms.ToTensor(), transforms.Normalize([0.5] * 3, [0.5] * 3)]
    )
    chain = transforms.Compose(steps)
    return lambda: torch.stack(
        [chain(pictures[i]) for i in torch.randint(len(images), (batch,)).tolist()]
    )


def measure(ways: dict[str, Callable[[], Tensor]], repeats: int, batch: int) -> dict[str, float]:
    """Median microseconds an image of each way, taken in turn."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for repeat in range(repeats + 1):  # the first is a warm-up
        for name, go in ways.items():
            begin = time.perf_counter()
            for _ in range(BATCHES):
                go()
            if repeat:
                times[name].append((time.perf_counter() - begin) / (BATCHES * batch) * 1e6)
    return {name: median(values) for name, values in times.items()}


def main(batch: int = 128, repeats: int = 7) -> None:
    """Microseconds an image, and how many times longer than ours."""
    print(
        f"batches of {batch}, one thread, median of {repeats}; microseconds an image (times ours)"
    )
    for side in (32, 64):
        images = torch.randint(0, 256, (IMAGES, 3, side, side), dtype=torch.uint8)
        for augment in ("crop-flip uint8", "crop-flip", "trivial", "crop-flip-trivial"):
            makers = {
                "ours": ours,
                "torchvision v2, tensors": tensors,
                "torchvision, Pillow": pillow,
            }
            seconds = measure(
                {name: make(images, augment, batch) for name, make in makers.items()},
                repeats,
                batch,
            )
            for name, value in seconds.items():
                print(
                    f"  {side} px  {augment:18s} {name:24s} {value:8.1f}  ({value / seconds['ours']:.1f})"
                )


if __name__ == "__main__":
    tyro.cli(main)
