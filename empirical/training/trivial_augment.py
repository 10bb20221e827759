"""Apply TrivialAugmentWide (Müller and Hutter 2021) to batches: one operation for each image.

The pixels equal those of torchvision's transforms.v2 on single uint8 tensors with nearest-neighbour
interpolation and black fill. Tables that depend on the parameters only are made once by
torchvision: the source of each pixel (geometric operations), and the new value of each of the 256
values (brightness, posterize, solarize). The rest is computed in integers, or rounded where
torchvision rounds.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache, partial

import torch
from torch import Tensor

OPERATIONS = (
    "Identity", "ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate", "Brightness",
    "Color", "Contrast", "Sharpness", "Posterize", "Solarize", "AutoContrast", "Equalize",
)  # fmt: skip
IDENTITY = 0
LEVELS = 31  # magnitudes, from 0 to the largest
STRETCH = {  # the largest magnitudes of the geometric operations
    "ShearX": 0.99,
    "ShearY": 0.99,
    "TranslateX": 32.0,
    "TranslateY": 32.0,
    "Rotate": 135.0,
}
BLEND = 0.99  # the largest magnitude of brightness, color, contrast and sharpness
SPLIT = 4097.0  # 2^12 + 1: splits the 24 bits of a float32 into halves
VALUES = 256  # of a uint8


def trivial_augment(
    images: Tensor, operations: Tensor, levels: Tensor, negatives: Tensor, dense: bool | None = None
) -> Tensor:
    """Return every image after its own operation: (B, 1 or 3, side, side) uint8 in and out.

    operations: indices of ``OPERATIONS``. levels: 0..30. negatives: 1 turns the sign of a signed
    operation. All three are (B,) int64. dense: True computes every operation on every image and
    selects, so that no shape depends on a value (needed in a CUDA graph); False computes each
    operation on its own images; None chooses what is fast on the device. Raises ValueError for
    images of another type or shape.
    """
    if images.dtype != torch.uint8 or images.ndim != 4 or images.shape[1] not in (1, 3):
        raise ValueError(
            f"TrivialAugment got {images.dtype} {tuple(images.shape)}; "
            "allowed: uint8 images, (n, 1 or 3, height, width)"
        )
    dense = images.is_cuda if dense is None else dense
    images = images.contiguous()
    out = images.clone()
    for members, apply in FAMILIES:
        # the operations of a family are neighbours in ``OPERATIONS``
        first = OPERATIONS.index(members[0])
        mine = (operations >= first) & (operations < first + len(members))
        if dense:
            local = (operations - first).clamp(0, len(members) - 1)
            codes = (local * LEVELS + levels) * 2 + negatives
            out = torch.where(mine[:, None, None, None], apply(images, codes), out)
        elif len(rows := mine.nonzero()[:, 0]):
            codes = ((operations[rows] - first) * LEVELS + levels[rows]) * 2 + negatives[rows]
            out[rows] = apply(images[rows], codes)
    return out


# --- one function for each family of operations. codes: (B,) int64, one number for each operation
# of the family, level and sign


def geometric(images: Tensor, codes: Tensor) -> Tensor:
    """Shear, translate or rotate: gather each pixel from its source; black if it has none."""
    count, channels, height, width = images.shape
    sources, inside = _sources(height, width, images.device)
    index = sources[codes][:, None].expand(count, channels, height * width)
    return images.flatten(2).gather(2, index).mul_(inside[codes][:, None]).view_as(images)


def tabulated(values: Callable[[torch.device], Tensor], images: Tensor, codes: Tensor) -> Tensor:
    """Change brightness, posterize or solarize: look each value up in a table."""
    return _lookup(values(images.device)[codes][:, None], images)


def color(images: Tensor, codes: Tensor) -> Tensor:
    """Blend with the grey image. Images of one channel stay as they are."""
    return _blend(images, _grey(images), codes) if images.shape[1] == 3 else images


def contrast(images: Tensor, codes: Tensor) -> Tensor:
    """Blend with the mean grey value.

    The sum of grey values is exact in float32 for up to 256x256 pixels, in any order of summation.
    """
    grey = _grey(images) if images.shape[1] == 3 else images.float()
    mean = grey.sum((1, 2, 3), keepdim=True) / (images.shape[2] * images.shape[3])
    ramp = torch.arange(VALUES, device=images.device).view(1, 1, 1, VALUES)
    return _lookup(_blend(ramp, mean, codes)[:, 0], images)


def sharpness(images: Tensor, codes: Tensor) -> Tensor:
    """Blend with the image smoothed by the filter (1 1 1; 1 5 1; 1 1 1) / 13, rounded.

    The border stays as it is. No sum / 13 lies halfway between two integers.
    """
    if min(images.shape[2:]) <= 2:
        return images
    wide = images.to(torch.int16)
    rows = wide[:, :, :-2] + wide[:, :, 1:-1] + wide[:, :, 2:]
    sums = rows[..., :-2] + rows[..., 1:-1] + rows[..., 2:]
    centre = wide[:, :, 1:-1, 1:-1]
    smooth = ((sums + 4 * centre).float() / 13).round_()
    _, away = _ratios(images.device)
    out = images.clone()
    inner = _fma(centre.float(), smooth - centre, away[codes][:, None, None, None])
    out[:, :, 1:-1, 1:-1] = inner.clamp_(0, 255).to(torch.uint8)
    return out


def autocontrast(images: Tensor, codes: Tensor) -> Tensor:
    """Stretch every channel to 0..255. A channel with a single value stays as it is."""
    pixels = images.flatten(2).float()
    low, high = pixels.amin(2, keepdim=True), pixels.amax(2, keepdim=True)
    flat = high == low
    scale = torch.where(flat, 1.0, (high - low) * (1 / 255))
    stretched = (pixels - torch.where(flat, 0.0, low)) / scale
    return stretched.clamp_(0, 255).to(torch.uint8).view_as(images)


def equalize(images: Tensor, codes: Tensor) -> Tensor:
    """Equalise every channel's histogram as Pillow does.

    lut[v] = (pixels below v + step // 2) // step, with step = (pixels below the largest value)
    // 255.
    """
    pixels = images.flatten(2).long()
    counts = torch.zeros(*pixels.shape[:2], VALUES, dtype=torch.int64, device=images.device)
    counts.scatter_add_(2, pixels, torch.ones_like(pixels))
    step = (pixels.shape[2] - counts.gather(2, pixels.amax(2, keepdim=True))) // 255
    below = counts.cumsum(2) - counts
    table = ((below + step // 2) // step.clamp(min=1)).clamp_(0, 255)
    unchanged = torch.arange(VALUES, device=images.device)
    return _lookup(torch.where(step > 0, table, unchanged).to(torch.uint8), images)


def magnitude(operation: str, level: int, negative: int) -> float:
    """Return the magnitude as torchvision computes it: in single, then in double precision."""
    value = float(torch.linspace(0.0, STRETCH.get(operation, BLEND), LEVELS)[level])
    return -value if negative else value


def _lookup(tables: Tensor, images: Tensor) -> Tensor:
    """Return the images with each value looked up in its table.

    tables: (B, 1 or channels, 256).
    """
    pixels = images.flatten(2).long()
    return tables.expand(-1, pixels.shape[1], -1).gather(2, pixels).view_as(images)


def _blend(images: Tensor, other: Tensor, codes: Tensor) -> Tensor:
    """Return (1 + m) images - m other, clipped to 0..255, with the magnitude m of each code."""
    ratio, away = _ratios(images.device)
    scaled = images * ratio[codes][:, None, None, None]
    blended = _fma(scaled, other, away[codes][:, None, None, None])
    return blended.clamp_(0, 255).to(torch.uint8)


def _fma(a: Tensor, b: Tensor, factor: Tensor) -> Tensor:
    """Return a + factor b in single precision, rounded once.

    So does torch's ``add`` with ``alpha`` on current processors.
    """
    if not _has_float64(a.device):
        return _fma_in_parts(a, b, factor)
    return (a.double() + factor.double() * b.double()).float()


def _has_float64(device: torch.device) -> bool:
    """Return whether the device computes in double precision; Apple's does not."""
    return device.type != "mps"


def _fma_in_parts(a: Tensor, b: Tensor, factor: Tensor) -> Tensor:
    """Return the same as ``_fma``, computed in float32 only.

    Product and sum are taken together with their rounding errors (Dekker 1971; Knuth, TAOCP 2,
    4.2.2). The result could differ from a single rounding only where these errors, which are
    rounded themselves, decide a tie. No values that color and sharpness blend are such a case.
    """
    product = factor * b
    (f, g), (x, y) = _halves(factor), _halves(b)
    lost = ((f * x - product) + f * y + g * x) + g * y
    total = a + product
    other = total - a
    return total + (((a - (total - other)) + (product - other)) + lost)


def _halves(values: Tensor) -> tuple[Tensor, Tensor]:
    """Split float32 values into two addends of 12 bits each, whose products are exact."""
    wide = SPLIT * values
    high = wide - (wide - values)
    return high, values - high


def _grey(images: Tensor) -> Tensor:
    """Return 0.2989 r + 0.587 g + 0.114 b, rounded down: (B, 1, height, width)."""
    r, g, b = (channel.contiguous() for channel in images.split(1, dim=1))
    return r.mul(0.2989).add_(g, alpha=0.587).add_(b, alpha=0.114).floor_()


@cache
def _ratios(device: torch.device) -> tuple[Tensor, Tensor]:
    """Return 1 + m and 1 - (1 + m) of the blends for each code (level, sign): (62,) each."""
    ratios = [1.0 + magnitude("Color", level, sign) for level in range(LEVELS) for sign in (0, 1)]
    away = [1.0 - ratio for ratio in ratios]
    return torch.tensor(ratios, device=device), torch.tensor(away, device=device)


@cache
def _sources(height: int, width: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return the source of every pixel under every geometric code, two arrays (310, pixels).

    The first holds the index of the source pixel, 0 if it lies outside the image; the second
    whether it lies inside.
    """
    from torchvision.transforms.v2 import functional as TF

    def shear(pixels: Tensor, x: float, y: float) -> Tensor:
        angles = [math.degrees(math.atan(x)), math.degrees(math.atan(y))]
        return TF.affine(
            pixels, angle=0.0, translate=[0, 0], scale=1.0, shear=angles, center=[0, 0]
        )

    def shift(pixels: Tensor, x: float, y: float) -> Tensor:
        return TF.affine(pixels, angle=0.0, translate=[int(x), int(y)], scale=1.0, shear=[0.0, 0.0])

    moves = {
        "ShearX": lambda pixels, m: shear(pixels, m, 0.0),
        "ShearY": lambda pixels, m: shear(pixels, 0.0, m),
        "TranslateX": lambda pixels, m: shift(pixels, m, 0.0),
        "TranslateY": lambda pixels, m: shift(pixels, 0.0, m),
        "Rotate": TF.rotate,
    }
    numbers = torch.arange(1.0, height * width + 1).view(1, height, width)  # 0: from outside
    moved = [
        move(numbers, magnitude(name, l, s))
        for name, move in moves.items()
        for l in range(LEVELS)
        for s in (0, 1)
    ]
    found = torch.stack(moved).view(len(moved), -1).long()
    return (found - 1).clamp_(min=0).to(device), (found > 0).to(device, torch.uint8)


@cache
def _brightness(device: torch.device) -> Tensor:
    """Return the new brightness of each value under each code: (62, 256)."""
    from torchvision.transforms.v2 import functional as TF

    ramp = torch.arange(VALUES, dtype=torch.uint8).view(1, 1, VALUES)
    made = [
        TF.adjust_brightness(ramp, 1.0 + magnitude("Brightness", l, s))
        for l in range(LEVELS)
        for s in (0, 1)
    ]
    return torch.cat(made).view(-1, VALUES).to(device)


@cache
def _steps(device: torch.device) -> Tensor:
    """Return the new value of each value under each code of posterize and solarize: (124, 256).

    Posterize keeps 8 to 2 bits, solarize has thresholds from 255 to 0; both have no sign.
    """
    from torchvision.transforms.v2 import functional as TF

    ramp = torch.arange(VALUES, dtype=torch.uint8).view(1, 1, VALUES)
    bits = (8 - torch.arange(LEVELS) / ((LEVELS - 1) / 6)).round().int().tolist()
    thresholds = [255.0 * t for t in torch.linspace(1.0, 0.0, LEVELS).tolist()]
    posterized = [TF.posterize(ramp, b) for b in bits for _ in (0, 1)]
    solarized = [TF.solarize(ramp, t) for t in thresholds for _ in (0, 1)]
    return torch.cat(posterized + solarized).view(-1, VALUES).to(device)


FAMILIES: tuple[tuple[tuple[str, ...], Callable[[Tensor, Tensor], Tensor]], ...] = (
    (("ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate"), geometric),
    (("Brightness",), partial(tabulated, _brightness)),
    (("Color",), color),
    (("Contrast",), contrast),
    (("Sharpness",), sharpness),
    (("Posterize", "Solarize"), partial(tabulated, _steps)),
    (("AutoContrast",), autocontrast),
    (("Equalize",), equalize),
)
