"""Test that a data set with its variants is one: every kind of torch's data sets, and mistakes."""

import pickle
import re

import numpy as np
import pytest
import torch
from image_files import own, pictures, save
from PIL import Image
from torch.utils.data import (
    ConcatDataset,
    DataLoader,
    Dataset,
    IterableDataset,
    Subset,
    TensorDataset,
    random_split,
)
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from empirical.config import Generator
from empirical.own_images import api
from empirical.own_images.api import slow_indices, variants_of
from empirical.own_images.augmented import Augmented
from empirical.own_images.datasets import augment_dataset

TO_TENSOR = v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32, scale=True)])
PIXELS = pictures(12, 16)
LABELS = np.arange(12) % 3
OUTPUTS = np.random.default_rng(5).normal(size=(12, 3)).astype(np.float32)
SLOW = slow_indices(OUTPUTS, LABELS)


def darker(pixels, labels, generators):
    """Return images darker by 0.1, and up to 0.1 more by the generator of each image."""
    noise = torch.stack([torch.rand((), generator=g) for g in generators])
    return pixels * 0.8 - 0.1 - 0.1 * noise[:, None, None, None]


def augmented(dataset, outputs=OUTPUTS, **options):
    return augment_dataset(dataset, outputs, darker, progress=False, **options)


class Folder(Dataset):
    """A data set as people write their own: PIL images, a transform that is called if given."""

    classes = ("ant", "bee", "cat")

    def __init__(self, images=PIXELS, labels=LABELS, transform=None, target_transform=None):
        self.images = images
        self.targets = list(map(int, labels))
        self.transform = transform
        self.target_transform = target_transform

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        image = Image.fromarray(self.images[index])
        target = self.targets[index]
        if self.transform is not None:
            image = self.transform(image)
        if self.target_transform is not None:
            target = self.target_transform(target)
        return image, target


def same(image, other):
    return np.array_equal(np.asarray(image), np.asarray(other))


@pytest.fixture(scope="module")
def expected():
    """Return the variants that the function for arrays makes of the same images."""
    return variants_of(PIXELS, LABELS, SLOW, 3, darker)


def test_slow_examples_and_noise_are_those_of_the_functions_for_arrays(expected):
    images, labels, sources = expected
    result = augmented(Folder(), k=3)
    assert len(result) == 12 + len(images)
    np.testing.assert_array_equal(result.sources, sources)
    for i in range(12):
        assert same(result[i][0], PIXELS[i])
    for made, image, label in zip(range(12, len(result)), images, labels, strict=True):
        assert isinstance(result[made][0], Image.Image)
        assert same(result[made][0], image)
        assert result[made][1] == label
    assert result.targets == [*LABELS, *labels]
    assert result.classes == Folder.classes
    assert same(result[-1][0], images[-1])
    with pytest.raises(IndexError):
        result[len(result)]


def forms():
    first = torch.from_numpy(PIXELS).permute(0, 3, 1, 2)
    labels = torch.from_numpy(LABELS)
    return {
        "bytes": TensorDataset(first, labels),
        "floats": TensorDataset(first / 127.5 - 1, labels),
        "halves": TensorDataset((first / 127.5 - 1).half(), labels),
        "list": list(zip(PIXELS, LABELS.tolist(), strict=True)),
        "subset": Subset(Folder(), range(12)),
        "joined": ConcatDataset([Folder(PIXELS[:5], LABELS[:5]), Folder(PIXELS[5:], LABELS[5:])]),
        "nested": Subset(
            ConcatDataset([Subset(Folder(), [3, 1, 0, 2]), Subset(Folder(), range(4, 12))]),
            [2, 1, 3, 0, *range(4, 12)],
        ),
    }


@pytest.mark.parametrize("name", forms())
def test_every_kind_of_data_set_gives_the_same_variants(name, expected):
    images, labels, sources = expected
    result = augmented(forms()[name], k=3)
    np.testing.assert_array_equal(result.sources, sources)
    assert result.targets == [*LABELS, *labels]
    first = result[0][0]
    for i, image in enumerate(images):
        made, label = result[12 + i]
        assert type(made) is type(first)
        assert int(label) == labels[i]
        if isinstance(made, torch.Tensor):
            assert made.dtype == first.dtype
            values = made.float() if made.dtype == torch.uint8 else (made.float() + 1) * 127.5
            made = values.permute(1, 2, 0)
        assert np.abs(np.asarray(made, float) - image).max() <= 0.6


def test_transforms_are_those_of_the_data_set_and_may_be_changed():
    data = Folder(transform=TO_TENSOR, target_transform=lambda target: 10 * target)
    result = augmented(data, OUTPUTS.repeat(7, 1)[:, :21])
    image, label = result[12]
    assert (image.dtype, image.shape, label) == (
        torch.float32,
        (3, 16, 16),
        result.targets[12] * 10,
    )
    assert result.transform is TO_TENSOR
    result.transform = v2.Compose([TO_TENSOR, v2.Resize((4, 4))])
    assert {result[0][0].shape, result[-1][0].shape} == {(3, 4, 4)}
    assert data.transform is result.transform
    images, batch = next(iter(DataLoader(result, batch_size=len(result))))
    assert len(images) == len(batch) == len(result)


def test_random_split_leaves_the_other_part_as_it_is():
    data = Folder(transform=TO_TENSOR)
    train, test = random_split(data, [8, 4], torch.Generator().manual_seed(1))
    before = [(image.sum().item(), label) for image, label in test]
    rows = np.array(train.indices)
    result = augmented(train, OUTPUTS[rows])
    assert result.targets[:8] == LABELS[rows].tolist()
    assert set(result.sources) <= set(range(8))
    assert [(image.sum().item(), label) for image, label in test] == before
    assert result.classes == Folder.classes
    slow = slow_indices(OUTPUTS[rows], LABELS[rows])
    np.testing.assert_array_equal(np.unique(result.sources), slow)


def test_joined_data_sets_keep_a_transform_each():
    one = Folder(PIXELS[:6], LABELS[:6], transform=v2.Compose([TO_TENSOR, v2.Resize((4, 4))]))
    two = Folder(PIXELS[6:], LABELS[6:], transform=v2.Compose([TO_TENSOR, v2.Resize((6, 6))]))
    result = augmented(ConcatDataset([one, two]))
    assert {index < 6 for index in result.sources} == {True, False}
    for number, source in enumerate(result.sources):
        assert result[12 + number][0].shape[-1] == (4 if source < 6 else 6)
    with pytest.raises(AttributeError, match="different transform"):
        _ = result.transform


def test_an_image_folder_of_any_sizes(tmp_path):
    own(tmp_path, counts=(5, 5), size=(40, 30))
    save(tmp_path / "cats/tall.png", pictures(1, 60)[0][:, :24])
    data = ImageFolder(tmp_path, TO_TENSOR)
    outputs = np.random.default_rng(1).normal(size=(11, 2))
    result = augmented(data, outputs, rule="all")
    assert len(result) == 22
    assert result.classes == ["cats", "dogs"]
    assert result.class_to_idx == data.class_to_idx
    assert result.targets == [*data.targets, *data.targets]
    for i in range(11):
        original, made = result[i][0], result[11 + i][0]
        assert original.shape == made.shape
        assert made.mean() < original.mean()


def test_grey_images_stay_grey():
    data = Folder(PIXELS[..., 0])
    result = augmented(data)
    assert result[-1][0].mode == "L"
    seen = []
    augment_dataset(data, OUTPUTS, lambda x, y, g: (seen.append(x.shape[1]), x)[1], progress=False)
    assert set(seen) == {1}


def test_float_images_that_are_no_squares_and_of_another_range():
    tall = torch.from_numpy(PIXELS[:, :, :10]).permute(0, 3, 1, 2) / 255
    data = TensorDataset(tall, torch.from_numpy(LABELS))
    with pytest.raises(ValueError, match=re.escape("say value_range=(0, 1)")):
        augmented(data)
    result = augmented(data, value_range=(0, 1))
    for number, source in enumerate(result.sources):
        made = result[12 + number][0]
        assert made.shape == (3, 16, 10)
        change = (tall[source] - made - 0.2 * (tall[source] - 0.5) - 0.05) / 0.05
        assert change.min() > -0.01
        assert change.max() < 1.01


def test_without_outputs_and_generator_small_ones_are_trained(monkeypatch, capsys):
    rng = np.random.default_rng(0)
    images = np.full((60, 8, 8, 3), 128, np.uint8) + rng.integers(0, 60, (60, 8, 8, 3), np.uint8)
    labels = np.arange(60) % 2
    images[labels == 1, :4] //= 2
    small = Generator(channels=(8,), steps=2, batch=4)
    monkeypatch.setattr(api, "default_generator", lambda device: small)
    result = augment_dataset(Folder(images, labels), strength=0.1, device="cpu")
    assert len(result) > 60
    said = capsys.readouterr().err
    assert f"slow: {(len(result) - 60) / 60:.1%} of 60 examples" in said


def test_workers_of_a_loader_and_pickles():
    result = pickle.loads(pickle.dumps(augmented(Folder())))  # noqa: S301
    assert same(result[-1][0], augmented(Folder())[-1][0])


def test_variants_of_ones_own_are_added():
    new, labels, _ = variants_of(PIXELS, LABELS, [1, 2], 2, darker)
    both = Augmented(Folder(transform=np.asarray, target_transform=str), new, labels)
    assert len(both) == 14
    assert both[13][1] == "2"
    np.testing.assert_array_equal(both[13][0], new[1])
    assert both.targets == [*LABELS, 1, 2]
    floats = np.zeros((2, 3, 8, 8), np.float32)
    plain = Augmented(
        TensorDataset(torch.ones(1, 3, 8, 8), torch.ones(1, dtype=int)), floats, [4, 5]
    )
    assert torch.equal(plain[2][0], torch.zeros(3, 8, 8))
    assert plain[2][1] == 5
    apart = ConcatDataset([Folder(transform=np.asarray), Folder()])
    with pytest.raises(ValueError, match="sources of variants of data sets with different"):
        Augmented(apart, new, labels)
    assert isinstance(Augmented(apart, new, labels, sources=[13, 2])[24][0], Image.Image)


class Random(Folder):
    def __getitem__(self, index):
        image, target = super().__getitem__(index)
        return np.asarray(image) + np.uint8(np.random.default_rng().integers(256)), target


class Stream(IterableDataset):
    def __iter__(self):
        return iter(Folder())


class Late(Folder):
    """A data set whose list of targets is not that of its items."""

    def __getitem__(self, index):
        return Image.fromarray(self.images[index]).convert("RGBA"), 0


@pytest.mark.parametrize(
    ("dataset", "options", "said"),
    [
        (Stream(), {}, "dataset is a Stream; allowed: one with len and an index"),
        (Random(), {}, "an image of dataset, read twice is 'two different ones'"),
        (Late(), {}, "is 'a PIL image of mode RGBA'; allowed: PIL images of mode RGB or L"),
        (
            TensorDataset(torch.zeros(4, 3, 8, 8)),
            {},
            "an item of dataset is 'tuple'; allowed: a pair",
        ),
        ([(np.zeros((8, 8, 3), np.uint8), 0.5)] * 4, {}, "a label of dataset is '0.5'"),
        ([(PIXELS[0], 0), (PIXELS[1][:, :, :1], 1)] * 6, {"rule": "all"}, None),
        (Folder(), {"k": 1}, "k is 1; allowed: at least 2"),
        (
            Folder(),
            {"outputs": OUTPUTS[:5]},
            "shape of outputs is (5, 3); allowed: '(12, classes)'",
        ),
        (Folder(), {"value_range": (0, 1)}, "value_range of images of bytes is (0, 1)"),
        (Subset(Folder(), []), {}, "number of examples in dataset is 0"),
        (
            Folder(),
            {"classes": ("a", "b"), "outputs": OUTPUTS[:, :2]},
            "smallest and largest label",
        ),
    ],
)
def test_what_cannot_be_used_is_told_at_once(dataset, options, said):
    if said is None:
        assert len(augmented(dataset, **options)) == 24
        return
    said = said.replace("'(12", "(12").replace("classes)'", "classes)")
    with pytest.raises(ValueError, match=re.escape(said)) as error:
        augmented(dataset, **options)
    assert "\n" not in str(error.value)
