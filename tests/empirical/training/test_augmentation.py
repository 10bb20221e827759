"""Test batched augmentation: torchvision's pixels, draws that depend on seed and epoch only.

Also that it can be captured in a CUDA graph.
"""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from nothing_read import NothingRead
from torch.utils._python_dispatch import TorchDispatchMode
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as TF

from empirical.data.pixels import normalised
from empirical.runtime.seeding import torch_stream
from empirical.training import trivial_augment
from empirical.training.augmentation import (
    COLUMNS,
    FLIP,
    LEFT,
    OPERATION,
    TOP,
    Augmenter,
    crop_flip,
    draw,
    margin,
    padded,
)

WIDE = v2.TrivialAugmentWide()
# (868, 3): operation, level, sign
CODES = torch.tensor(list(itertools.product(range(14), range(31), range(2))))
PARTS = ("none", "crop", "crop-flip", "trivial", "crop-flip-trivial")


def stream(seed=0):
    return torch.Generator().manual_seed(seed)


def pictures(n, channels, side, seed=0):
    """Return noise, smooth pictures, pictures of few values, and of one value, in turn."""
    noise = torch.randint(0, 256, (n, channels, side, side), generator=stream(seed)).float()
    coarse = torch.randint(0, 256, (n, channels, 4, 4), generator=stream(seed + 1)).float()
    smooth = torch.nn.functional.interpolate(coarse, (side, side), mode="bilinear")
    kinds = torch.stack(
        [noise, smooth, (noise / 100).floor() * 60 + 17, coarse[:, :, :1, :1].expand_as(noise)]
    )
    return kinds[torch.arange(n) % 4, torch.arange(n)].to(torch.uint8)


def torchvisions(image, operation, level, negative):
    """Return the image after TrivialAugmentWide, once it has drawn these."""
    name = list(WIDE._AUGMENTATION_SPACE)[operation]
    magnitudes, signed = WIDE._AUGMENTATION_SPACE[name]
    values = magnitudes(31, *image.shape[-2:])
    magnitude = 0.0 if values is None else float(values[level])
    magnitude *= -1 if signed and negative else 1
    return WIDE._apply_image_or_video_transform(
        image, name, magnitude, interpolation=WIDE.interpolation, fill=WIDE._fill
    )


def test_operations_are_torchvisions():
    assert tuple(WIDE._AUGMENTATION_SPACE) == trivial_augment.OPERATIONS
    assert WIDE.num_magnitude_bins == trivial_augment.LEVELS
    named = list(itertools.chain(*(members for members, _ in trivial_augment.FAMILIES)))
    assert named == list(trivial_augment.OPERATIONS[1:])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("channels", "side"), [(1, 8), (3, 15), (3, 32), (1, 33), (3, 64), (3, 96)]
)
@pytest.mark.parametrize("dense", [False, True])
def test_every_operation_magnitude_and_sign_gives_torchvisions_pixels(channels, side, dense):
    images, codes = pictures(len(CODES), channels, side, side), CODES
    if side > 64 or (dense and side > 32):  # a third of the codes
        images, codes = images[side % 3 :: 3], codes[side % 3 :: 3]
    expected = torch.stack(
        [torchvisions(image, *code.tolist()) for image, code in zip(images, codes, strict=True)]
    )
    made = trivial_augment.trivial_augment(images, *codes.T, dense)
    assert made.dtype == torch.uint8
    differs = made != expected
    wrong = [int(differs[codes[:, 0] == o].sum()) for o in range(len(trivial_augment.OPERATIONS))]
    assert wrong == [0] * 14


class NoFloat64(TorchDispatchMode):
    """Raise if an operation returns float64, as on a device without double precision."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        made = function(*args, **(kwargs or {}))
        assert not (isinstance(made, torch.Tensor) and made.dtype == torch.float64), function
        return made


@pytest.mark.slow
@pytest.mark.parametrize("dense", [False, True])
def test_a_device_without_double_precision_gives_the_same_pixels(monkeypatch, dense):
    images = pictures(4 * len(CODES), 3, 16)
    codes = CODES.repeat_interleave(4, 0)  # every code on every kind of picture
    expected = trivial_augment.trivial_augment(images, *codes.T, dense)  # and the tables are made
    with pytest.raises(AssertionError, match="_to_copy"), NoFloat64():
        trivial_augment.trivial_augment(images, *codes.T, dense)
    monkeypatch.setattr(trivial_augment, "_has_float64", lambda device: False)
    with NoFloat64():
        assert torch.equal(trivial_augment.trivial_augment(images, *codes.T, dense), expected)


def test_only_apples_device_has_no_double_precision():
    found = [trivial_augment._has_float64(torch.device(kind)) for kind in ("cpu", "cuda", "mps")]
    assert found == [True, True, False]


@pytest.mark.parametrize("kind", ["color", "sharpness", "contrast"])
def test_blends_in_parts_are_rounded_as_in_one(kind):
    """Try all values that color and sharpness can have, and contrast with random means."""
    ratio, away = trivial_augment._ratios(torch.device("cpu"))
    ramp = torch.arange(256.0)
    other = {
        "color": ramp,
        "sharpness": torch.arange(-255.0, 256.0),
        "contrast": 255 * torch.rand(1000, generator=stream()),
    }[kind]
    for r, m in zip(ratio, away, strict=True):
        a, b = torch.broadcast_tensors(
            (ramp if kind == "sharpness" else ramp * r)[:, None], other[None]
        )
        assert torch.equal(trivial_augment._fma_in_parts(a, b, m), trivial_augment._fma(a, b, m))


def test_channels_last_in_memory_gives_the_same_pixels():
    images = pictures(len(CODES), 3, 16)
    expected = trivial_augment.trivial_augment(images, *CODES.T)
    assert torch.equal(
        trivial_augment.trivial_augment(
            images.contiguous(memory_format=torch.channels_last), *CODES.T
        ),
        expected,
    )
    assert torch.equal(images, pictures(len(CODES), 3, 16))  # what came in is left alone


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [((2, 3, 8, 8), torch.float32), ((2, 2, 8, 8), torch.uint8), ((3, 8, 8), torch.uint8)],
)
def test_trivial_augment_refuses_other_images(shape, dtype):
    rows = torch.zeros(2, dtype=torch.int64)
    with pytest.raises(ValueError, match="allowed: uint8 images"):
        trivial_augment.trivial_augment(torch.zeros(shape, dtype=dtype), rows, rows, rows)


def cropped(image, row, mode="constant"):
    """Return the image cropped and flipped by torchvision."""
    side = image.shape[-1]
    fill = -1.0 if image.is_floating_point() else 0
    wide = TF.pad(
        image,
        [margin(side)] * 4,
        padding_mode=mode,
        **({"fill": fill} if mode == "constant" else {}),
    )
    part = TF.crop(wide, int(row[TOP]), int(row[LEFT]), side, side)
    return TF.horizontal_flip(part) if row[FLIP] else part


def every_crop(side):
    corners = range(2 * margin(side) + 1)
    return torch.tensor(
        [[top, left, flip, 0, 0, 0] for top in corners for left in corners for flip in (0, 1)]
    )


@pytest.mark.slow
@pytest.mark.parametrize(("channels", "side"), [(1, 8), (3, 32), (3, 20), (3, 64)])
@pytest.mark.parametrize("kind", ["uint8", "float"])
@pytest.mark.parametrize(("ours", "theirs"), [("zero", "constant"), ("reflect", "reflect")])
def test_every_crop_and_flip_is_torchvisions(channels, side, kind, ours, theirs):
    images = pictures(6, channels, side)
    images = torch.randn(images.shape, generator=stream()) if kind == "float" else images
    rows = every_crop(side)
    chosen = torch.arange(len(rows)) % 6
    made = crop_flip(padded(images, ours), chosen, rows, side)
    assert made.dtype == images.dtype
    assert made.is_contiguous(memory_format=torch.channels_last)
    for image, row, result in zip(images[chosen], rows, made, strict=True):
        assert torch.equal(result, cropped(image, row, theirs))


def test_images_whose_channels_come_last_need_no_copy():
    stored = pictures(5, 3, 32).permute(0, 2, 3, 1).contiguous()  # as data sets keep them
    images = stored.permute(0, 3, 1, 2)
    assert images.data_ptr() == stored.data_ptr()
    rows = draw(5, 32, "crop-flip", stream())
    assert torch.equal(
        Augmenter(images, "crop-flip", 0).batch(torch.arange(5), rows),
        normalised(crop_flip(padded(images), torch.arange(5), rows, 32)),
    )


def test_padding_is_four_pixels_at_32_and_in_proportion():
    assert [margin(side) for side in (8, 16, 32, 64, 96)] == [1, 2, 4, 8, 12]


@given(
    n=st.integers(1, 60),
    more=st.integers(0, 20),
    side=st.sampled_from([8, 32, 64]),
    augment=st.sampled_from(PARTS),
    seed=st.integers(0, 99),
)
def test_a_row_is_drawn_whatever_follows_and_whatever_is_used_of_it(n, more, side, augment, seed):
    rows = draw(n, side, augment, stream(seed))
    full = draw(n + more, side, "crop-flip-trivial", stream(seed))
    pad = margin(side)
    assert rows.shape == (n, len(COLUMNS))
    for column, high, part, neutral in (
        (TOP, 2 * pad, "crop", pad),
        (LEFT, 2 * pad, "crop", pad),
        (FLIP, 1, "flip", 0),
        (OPERATION, 13, "trivial", 0),
    ):
        assert 0 <= rows[:, column].min() <= rows[:, column].max() <= high
        used = part in augment.split("-")
        assert torch.equal(rows[:, column], full[:n, column] if used else torch.full((n,), neutral))


def test_draws_are_even_and_independent():
    rows = draw(40_000, 32, "crop-flip-trivial", stream()).numpy()
    for column, choices in enumerate((9, 9, 2, 14, 31, 2)):
        share = np.bincount(rows[:, column], minlength=choices) / len(rows)
        assert np.abs(share - 1 / choices).max() < 5 * np.sqrt(1 / choices / len(rows))
    assert np.abs(np.corrcoef(rows.T) - np.eye(6)).max() < 5 / np.sqrt(len(rows))


@pytest.mark.parametrize("augment", PARTS)
def test_an_images_fate_depends_on_seed_epoch_and_itself_alone(augment):
    images = pictures(10, 3, 32)
    augmenter, again = Augmenter(images, augment, 7), Augmenter(images, augment, 7)
    order = torch.tensor([3, 1, 4, 0, 5, 9, 2, 6, 8, 7])
    whole = augmenter.batch(order, augmenter.rows(order, 20))  # the third epoch
    for start in range(0, 10, 3):  # in batches, from an augmenter that has seen nothing before
        part = order[start : start + 3]
        assert torch.equal(
            again.batch(part, again.rows(part, 20 + start)), whole[start : start + 3]
        )
    if augment != "none":
        assert not torch.equal(augmenter.rows(order, 0), augmenter.rows(order, 10))
        assert not torch.equal(
            augmenter.rows(order, 0), Augmenter(images, augment, 8).rows(order, 0)
        )


def test_a_batch_may_span_epochs():
    augmenter = Augmenter(pictures(4, 1, 8), "crop-flip", 0)
    chosen = torch.tensor([1, 3, 0, 2, 1, 0, 3, 2, 2])
    rows = augmenter.rows(chosen, 3)  # the last of epoch 0, epoch 1, the first four of epoch 2
    expected = [
        draw(4, 8, "crop-flip", torch_stream(0, "augmentation", epoch)) for epoch in range(3)
    ]
    assert torch.equal(rows, torch.stack([expected[(3 + i) // 4][c] for i, c in enumerate(chosen)]))


def test_without_augmentation_images_are_as_they_are():
    images = pictures(6, 3, 8)
    augmenter, chosen = Augmenter(images, "none", 0), torch.tensor([5, 0, 5])
    assert torch.equal(
        augmenter.batch(chosen, augmenter.rows(chosen, 0)), images[chosen].float() / 127.5 - 1
    )
    neutral = draw(6, 8, "none", stream())
    assert torch.equal(
        Augmenter(images, "crop-flip-trivial", 0).batch(torch.arange(6), neutral),
        normalised(images),
    )


def test_networks_get_images_from_minus_one_to_one_channels_last():
    ends = normalised(torch.tensor([0, 255], dtype=torch.uint8).view(1, 1, 1, 2).expand(2, 3, 4, 2))
    assert ends.dtype == torch.float32
    assert ends.unique().tolist() == [-1.0, 1.0]
    assert ends.is_contiguous(memory_format=torch.channels_last)
    floats = torch.randn(2, 1, 4, 4, generator=stream())
    assert normalised(floats) is floats


def test_float_images_are_cropped_but_not_trivially_augmented():
    images = torch.randn(3, 1, 8, 8, generator=stream())
    rows = torch.tensor([[0, 2, 1, 0, 0, 0]])
    batch = Augmenter(images, "crop-flip", 0).batch(torch.tensor([2]), rows)
    assert torch.equal(batch[0], cropped(images[2], rows[0]))
    with pytest.raises(
        ValueError, match=r"training\.augment crop-flip-trivial is 'float32'; allowed: uint8"
    ):
        Augmenter(images, "crop-flip-trivial", 0)
    with pytest.raises(ValueError, match="padding is 'black'; allowed: zero, reflect"):
        padded(images, "black")


def test_no_value_is_read_by_the_host():
    images, chosen = pictures(8, 3, 8), torch.arange(8)
    augmenter = Augmenter(images, "crop-flip", 0)
    rows = draw(8, 8, "crop-flip-trivial", stream())
    trivial_augment.trivial_augment(images, *CODES[::62].T[:, :8], True)  # tables are made once
    with NothingRead():
        augmenter.batch(chosen, rows)
        trivial_augment.trivial_augment(images, rows[:, 3], rows[:, 4], rows[:, 5], True)
