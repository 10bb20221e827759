"""Named sizes of a generator: its network and a budget that suits it. Any part of them may be changed where they are used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from empirical.config import Generator, require

if TYPE_CHECKING:
    from empirical.data.images import Images

SizeName = Literal["digits", "small", "medium", "large", "gpu", "cifar10-gpu"]

# Parameters are of 3 channels and 10 classes; steps x batch images are seen.
SIZES: dict[str, Generator] = {
    "digits": Generator(),  # 0.2 M
    "small": Generator(
        (16, 32, 64), steps=2000, lr=2e-3, ema=0.999, flip=True, precision="bfloat16"
    ),  # 0.6 M
    "medium": Generator(
        (32, 64, 128), steps=4000, lr=1e-3, ema=0.999, flip=True, precision="bfloat16"
    ),  # 2.5 M
    "large": Generator(  # 14 M
        (96, 192, 192),
        steps=50_000,
        batch=128,
        lr=3e-4,
        ema=0.9995,
        layers=2,
        flip=True,
        precision="bfloat16",
    ),
    "gpu": Generator(  # 26 M, an hour or more of a GPU
        (128, 256, 256),
        steps=100_000,
        batch=256,
        lr=3e-4,
        ema=0.9999,
        layers=2,
        attention=True,
        flip=True,
        precision="bfloat16",
    ),
    "cifar10-gpu": Generator(  # 20 M, 5.6 million images: about 13 minutes of an H100 or H200 at 7,500 images a second, by estimate
        (96, 192, 256),
        steps=11_000,
        batch=512,
        lr=6e-4,
        ema=0.999,
        layers=2,
        attention=True,
        flip=True,
        precision="bfloat16",
    ),  # lr: that of "large" times the root of the ratio of the batches
}


def size(name: str) -> Generator:
    """A named size. Raises ValueError for another name."""
    require(name in SIZES, "size", name, ", ".join(get_args(SizeName)))
    return SIZES[name]


def parameters(images: Images, config: Generator) -> int:
    """How many weights the network for such images has; none of them is made."""
    import torch

    from empirical.generation.unet import unet

    with torch.device("meta"):
        return sum(p.numel() for p in unet(images, config, 0).parameters())
