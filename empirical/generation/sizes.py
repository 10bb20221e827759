"""Name sizes of generators: a network and a training budget that suits it.

A size is a ``Generator``: vary it with ``dataclasses.replace``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from empirical.config import Generator, require

if TYPE_CHECKING:
    from empirical.data.images import Images

SizeName = Literal["digits", "small", "medium", "large", "gpu", "cifar10-gpu"]

# Numbers of parameters are for 3 channels and 10 classes. Steps times batch images are seen.
SIZES: dict[str, Generator] = {
    # 0.2 million parameters
    "digits": Generator(),
    # 0.6 million parameters
    "small": Generator(
        (16, 32, 64), steps=2000, lr=2e-3, ema=0.999, flip=True, precision="bfloat16"
    ),
    # 2.5 million parameters
    "medium": Generator(
        (32, 64, 128), steps=4000, lr=1e-3, ema=0.999, flip=True, precision="bfloat16"
    ),
    # 14 million parameters
    "large": Generator(
        (96, 192, 192),
        steps=50_000,
        batch=128,
        lr=3e-4,
        ema=0.9995,
        layers=2,
        flip=True,
        precision="bfloat16",
    ),
    # 26 million parameters; an hour or more of a GPU
    "gpu": Generator(
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
    # 20 million parameters, 5.6 million images: an estimated 13 minutes of an H100 or H200 at
    # 7,500 images a second. lr: that of "large" times the square root of the ratio of the batches.
    "cifar10-gpu": Generator(
        (96, 192, 256),
        steps=11_000,
        batch=512,
        lr=6e-4,
        ema=0.999,
        layers=2,
        attention=True,
        flip=True,
        precision="bfloat16",
    ),
}


def named_size(name: str) -> Generator:
    """Return the settings of a named size. Raises ValueError for another name."""
    require(name in SIZES, "size", name, ", ".join(get_args(SizeName)))
    return SIZES[name]


def count_parameters(images: Images, config: Generator) -> int:
    """Return the number of weights of the network for such images; no weight is allocated."""
    import torch

    from empirical.generation.unet import build_unet

    with torch.device("meta"):
        return sum(p.numel() for p in build_unet(images, config, 0).parameters())
