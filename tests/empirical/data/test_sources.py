"""Test that every source gives the images and labels that Pillow and numpy read directly."""

import json
from pathlib import Path

import numpy as np
import pytest
from image_files import WNIDS, cifar10_batches, cifar_folders, own, pictures, save, tiny, tiny_zip
from PIL import Image

from empirical.commands import data as inventory
from empirical.config import Data
from empirical.data.load import identify_by_content, load_dataset
from empirical.data.sources.cifar import CIFAR10
from empirical.data.sources.decode import average_down, decode_rgb, resize_square
from empirical.data.sources.source import Missing, Unreadable


@pytest.fixture
def root(tmp_path, monkeypatch):
    """Set the folder with the data sets for a test, and return it."""
    monkeypatch.setenv("TADA_DATA", str(tmp_path / "sets"))
    (tmp_path / "sets").mkdir()
    return tmp_path / "sets"


def whole(name, tmp_path, **settings):
    return load_dataset(Data(name, train=None, **settings), tmp_path / "artifacts")


def sources(found):
    return json.loads((found.folder / "sources.json").read_text())


def as_pairs(pixels, labels):
    return sorted(
        (int(label), image.tobytes()) for image, label in zip(pixels, labels, strict=True)
    )


def test_official_cifar_and_the_same_images_as_files_are_the_same_data_set(
    root, tmp_path, monkeypatch
):
    arrays = cifar10_batches(root, monkeypatch)
    train, labels, test, test_labels = arrays
    official = whole("cifar10", tmp_path)
    assert official.train.classes == CIFAR10
    assert as_pairs(official.train.stored, official.train.labels) == as_pairs(train, labels)
    assert as_pairs(official.test.stored, official.test.labels) == as_pairs(test, test_labels)
    part, row = sources(official)["train"][7].split("/")
    assert (part, official.train.stored[7].tobytes()) == ("train", train[int(row)].tobytes())

    cifar_folders(tmp_path / "files", *arrays, CIFAR10)
    monkeypatch.setenv("TADA_DATA", str(tmp_path / "files"))
    files = whole("cifar10", tmp_path)
    np.testing.assert_array_equal(
        files.train.stored, official.train.stored
    )  # in the same order: the same split for every seed
    np.testing.assert_array_equal(files.train.labels, official.train.labels)
    assert files.manifest["content"] == official.manifest["content"]
    assert files.folder != official.folder


def test_official_files_that_are_not_the_published_ones_are_refused(root, tmp_path, monkeypatch):
    cifar10_batches(root, monkeypatch)
    path = root / "cifar-10-batches-py/data_batch_3"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(ValueError, match="checksums are not the published ones"):
        whole("cifar10", tmp_path)


def test_a_folder_that_is_not_cifar_is_not_taken_for_it(root, tmp_path):
    for part in ("train", "test"):
        own(root / part, names=("cat", "unicorn"), size=(32, 32))
    with pytest.raises(ValueError, match="classes that are not of this data set: unicorn"):
        whole("cifar10", tmp_path)


def test_cifar_images_of_another_size_are_named(root, tmp_path, monkeypatch):
    cifar_folders(root / "cifar10", *cifar10_batches(tmp_path / "elsewhere", monkeypatch), CIFAR10)
    save(root / "cifar10/train/cat/odd.png", pictures(1, 31)[0])
    with pytest.raises(ValueError, match=r"train/cat/odd\.png \(31x31 pixels instead of 32x32\)"):
        whole("cifar10", tmp_path)


def test_pixels_are_averaged_over_squares(root, tmp_path, monkeypatch):
    cifar10_batches(root, monkeypatch)
    large, small = whole("cifar10", tmp_path), whole("cifar10", tmp_path, side=16)
    blocks = large.train.stored.reshape(60, 16, 2, 16, 2, 3).astype(float).mean((2, 4))
    assert np.abs(small.train.stored - blocks).max() <= 0.5
    assert (
        abs((small.train.stored - blocks).mean()) < 0.26
    )  # a quarter of all sums lie half-way, and are rounded up
    assert small.train.shape == (3, 16, 16)
    assert average_down(np.array([[[1], [2]], [[2], [1]]], np.uint8), 1) == [[[2]]]
    with pytest.raises(ValueError, match=r"data\.side is 12; allowed: divisors of 32"):
        whole("cifar10", tmp_path, side=12)


def check_tiny(found, folder, classes=("goldfish", "bullfrog", "Egyptian cat")):
    assert found.train.classes == classes
    for part, images in (("train", found.train), ("test", found.test)):
        for path, pixels in zip(sources(found)[part], images.stored, strict=True):
            np.testing.assert_array_equal(
                pixels, np.asarray(Image.open(folder / path).convert("RGB"))
            )
    order = {
        wnid: c
        for c, wnid in enumerate(wnid for wnid in WNIDS if (folder / "train" / wnid).exists())
    }
    assert found.train.labels.tolist() == [
        order[path.split("/")[1]] for path in sources(found)["train"]
    ]


def test_tiny_imagenet_as_archive_and_as_folder(root, tmp_path, monkeypatch):
    folder = tiny(tmp_path / "unpacked")
    tiny_zip(folder, root / "tiny-imagenet-200.zip", monkeypatch)
    packed = whole("tiny-imagenet", tmp_path)
    check_tiny(packed, folder)
    assert (len(packed.train), len(packed.test)) == (15, 6)
    assert packed.test.labels.tolist() == [0, 0, 1, 1, 2, 2]
    assert packed.manifest["ignored"] == 3  # the boxes
    folder.rename(root / "tiny-imagenet-200")
    again = whole("tiny-imagenet", tmp_path)
    assert again.manifest["content"] == packed.manifest["content"]
    monkeypatch.setenv("TADA_DATA", str(root / "tiny-imagenet-200"))  # the folder itself
    assert whole("tiny-imagenet", tmp_path).manifest["content"] == packed.manifest["content"]


def test_a_damaged_archive_is_refused(root, tmp_path, monkeypatch):
    tiny_zip(tiny(tmp_path / "unpacked"), root / "tiny-imagenet-200.zip", monkeypatch)
    with (root / "tiny-imagenet-200.zip").open("ab") as file:
        file.write(b"x")
    with pytest.raises(ValueError, match="is damaged: its md5 is"):
        whole("tiny-imagenet", tmp_path)


def test_some_classes_of_tiny_imagenet(root, tmp_path):
    folder = tiny(
        root / "tiny-imagenet", listed=(*WNIDS, "n99999999")
    )  # one class of the list has no images here
    check_tiny(whole("tiny-imagenet", tmp_path), folder)
    by_name = whole("tiny-imagenet", tmp_path, classes=("Egyptian cat", "goldfish"))
    by_wnid = whole("tiny-imagenet", tmp_path, classes=("n01443537", "n02124075"))
    assert by_name.train.classes == by_wnid.train.classes == ("goldfish", "Egyptian cat")
    assert by_name.manifest["content"] == by_wnid.manifest["content"]
    assert by_name.train.labels.tolist() == [0] * 5 + [1] * 5
    with pytest.raises(
        ValueError, match="no class 'unicorn'; allowed: goldfish, bullfrog, Egyptian cat"
    ):
        whole("tiny-imagenet", tmp_path, classes=("goldfish", "unicorn"))


def test_tiny_imagenet_with_holes_is_told(root, tmp_path):
    folder = tiny(root / "tiny-imagenet")
    (folder / "val/images/val_3.JPEG").unlink()
    save(folder / "val/images/stranger.JPEG", pictures(1, 64)[0])
    with pytest.raises(
        ValueError,
        match=r"2 of 22 files .*stranger\.JPEG \(without a label in .*\); "
        r"val/images/val_3\.JPEG \(not there\)",
    ):
        whole("tiny-imagenet", tmp_path)
    (folder / "words.txt").unlink()
    with pytest.raises(ValueError, match=r"words\.txt of .* is missing"):
        whole("tiny-imagenet", tmp_path)


def test_own_images_are_the_centre_square_resized(root, tmp_path):
    folder = own(root / "pets", size=(48, 36))
    found = whole(f"folder:{folder}", tmp_path, side=12)
    assert found.train.shape == (3, 12, 12)
    assert whole("folder:pets", tmp_path).train.shape == (
        3,
        64,
        64,
    )  # seen from the folder of data sets, at the default side
    for part, images in (("train", found.train), ("test", found.test)):
        for path, pixels in zip(sources(found)[part], images.stored, strict=True):
            resized = Image.open(folder / path).resize((16, 12), Image.Resampling.BICUBIC)
            np.testing.assert_array_equal(pixels, np.asarray(resized.crop((2, 0, 14, 12))))
            assert (
                images.classes[images.labels[sources(found)[part].index(path)]]
                == path.split("/")[0]
            )


def test_a_fifth_of_every_class_is_drawn_for_testing_always_the_same(root, tmp_path):
    found = whole(f"folder:{own(root / 'pets')}", tmp_path)
    assert np.bincount(found.test.labels).tolist() == [2, 3]
    assert np.bincount(found.train.labels).tolist() == [8, 12]
    before = sources(found)
    save(root / "pets/dogs/new.png", pictures(1, 40)[0])
    after = sources(whole(f"folder:{root / 'pets'}", tmp_path))
    assert (
        len(set(before["test"]) ^ set(after["test"])) <= 2
    )  # one more image moves at most one other
    assert set(before["train"]) | set(before["test"]) | {"dogs/new.png"} == set(
        after["train"]
    ) | set(after["test"])
    assert not set(after["train"]) & set(after["test"])


def test_the_draw_is_spread_over_the_class(root, tmp_path):
    found = whole(f"folder:{own(root / 'pets', counts=(60, 5), size=(8, 8))}", tmp_path, side=8)
    drawn = [int(Path(path).stem) for path in sources(found)["test"] if path.startswith("cats")]
    assert len(drawn) == 12
    assert 15 < np.mean(drawn) < 44  # 29.5 +- 4.5 expected
    assert 1 < sum(number % 2 for number in drawn) < 11  # of both depths


def test_given_parts_are_kept(root, tmp_path):
    own(root / "pets/train")
    own(root / "pets/test", counts=(3, 4))
    found = whole("folder:pets", tmp_path)
    assert [np.bincount(part.labels).tolist() for part in (found.train, found.test)] == [
        [10, 15],
        [3, 4],
    ]
    own(root / "pets/val")
    assert whole("folder:pets", tmp_path).folder == found.folder
    assert "left out: val" in whole("folder:pets", tmp_path / "new").manifest["about"]


def test_folders_that_look_like_parts_are_not_taken_for_classes(root, tmp_path):
    own(root / "pets/Train")
    own(root / "pets/Test", counts=(3, 4))
    found = whole("folder:pets", tmp_path)
    assert (len(found.train), len(found.test)) == (25, 7)
    own(root / "half/test")
    with pytest.raises(ValueError, match=r"holds test; allowed: a folder train as well"):
        whole("folder:half", tmp_path)
    own(
        root / "vehicles", counts=(9, 9), names=("car", "train")
    )  # a class that happens to have this name
    assert whole("folder:vehicles", tmp_path).train.classes == ("car", "train")


def encode(path, image, **options):
    return save(path, image, **options).read_bytes()


def test_grey_palette_alpha_and_wide_images_become_rgb(tmp_path):
    grey = Image.fromarray(pictures(1, 9)[0]).convert("L")
    np.testing.assert_array_equal(
        decode_rgb(encode(tmp_path / "grey.png", grey)), np.asarray(grey)[..., None].repeat(3, 2)
    )
    palette = Image.fromarray(pictures(1, 9)[0]).quantize(8)
    np.testing.assert_array_equal(
        decode_rgb(encode(tmp_path / "palette.png", palette)), np.asarray(palette.convert("RGB"))
    )
    wide = np.arange(81, dtype=np.uint16).reshape(9, 9) * 800
    deep = np.asarray(decode_rgb(encode(tmp_path / "wide.png", Image.fromarray(wide))))
    np.testing.assert_array_equal(deep[..., 1], np.round(wide / 257))
    cmyk = Image.fromarray(pictures(1, 9)[0]).convert("CMYK")
    np.testing.assert_array_equal(
        decode_rgb(encode(tmp_path / "cmyk.tif", cmyk)), np.asarray(cmyk.convert("RGB"))
    )


def test_transparent_pixels_are_laid_on_white(tmp_path):
    image = np.zeros((4, 4, 4), np.uint8)
    image[:, :2] = (200, 10, 30, 255)  # left half opaque, right half transparent black
    expected = np.full((4, 4, 3), 255, np.uint8)
    expected[:, :2] = (200, 10, 30)
    np.testing.assert_array_equal(decode_rgb(encode(tmp_path / "alpha.png", image)), expected)
    palette = Image.new("P", (4, 4), 1)
    palette.putpalette([0, 0, 0, 9, 8, 7])
    np.testing.assert_array_equal(
        decode_rgb(encode(tmp_path / "hole.png", palette, transparency=1)), np.full((4, 4, 3), 255)
    )
    np.testing.assert_array_equal(
        decode_rgb(encode(tmp_path / "bytes.png", palette, transparency=b"\x00\xff")),
        np.full((4, 4, 3), (9, 8, 7)),
    )


def test_images_are_turned_upright(tmp_path):
    image = np.zeros((16, 24, 3), np.uint8)
    image[:8] = 255  # bright above
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright: turn a quarter clockwise to see it
    turned = np.asarray(
        decode_rgb(encode(tmp_path / "turned.jpg", Image.fromarray(image), exif=exif, quality=95))
    )
    assert turned.shape == (24, 16, 3)
    assert turned[:, 9:].mean() > 240  # bright on the right
    assert turned[:, :7].mean() < 15


@pytest.mark.parametrize(
    "spoil",
    [lambda data: data[: len(data) // 2], lambda data: b"no image at all", lambda data: b""],
)
def test_damaged_files_are_unreadable(tmp_path, spoil):
    data = encode(tmp_path / "image.jpg", pictures(1, 40)[0])
    decode_rgb(data)
    with pytest.raises(Unreadable):
        decode_rgb(spoil(data))


def test_the_square_of_an_extreme_shape_is_small_and_quick():
    assert (
        resize_square(Image.new("RGB", (20_000, 2), "red"), 64).tolist()
        == [[[255, 0, 0]] * 64] * 64
    )


def spoiled(root):
    """Write four files that cannot be decoded, and two that are ignored."""
    folder = own(root / "pets")
    jpeg = save(folder / "cats/half.jpg", pictures(1, 50)[0])
    jpeg.write_bytes(jpeg.read_bytes()[:900])
    (folder / "cats/text.jpg").write_text("no image")
    (folder / "dogs/film.mp4").write_bytes(b"film")
    (folder / "dogs/gone.png").symlink_to(folder / "nowhere.png")
    save(folder / "lost.png", pictures(1, 9)[0])
    (folder / "dogs/notes.csv").write_text("a,b")
    (folder / "dogs/.hidden.png").write_text("hidden")
    return folder


def test_unreadable_files_are_named_and_nothing_is_kept(root, tmp_path):
    spoiled(root)
    with pytest.raises(
        ValueError,
        match=r"^5 of 30 files in .* cannot be read as images.*and 2 more; .*--skip-unreadable$",
    ) as error:
        whole("folder:pets", tmp_path)
    assert (
        "dogs/film.mp4 (not an image file); lost.png (in no folder of a class); cats/half.jpg ("
        in str(error.value)
    )
    assert "\n" not in str(error.value)
    assert not list((tmp_path / "artifacts/data").glob("[!.]*/manifest.json"))
    assert not list((tmp_path / "artifacts/data").glob(".partial*"))


def test_unreadable_files_are_left_out_when_asked_for_and_listed(root, tmp_path):
    spoiled(root)
    found = whole("folder:pets", tmp_path, skip_unreadable=True)
    left_out = {"cats/half.jpg", "cats/text.jpg", "dogs/film.mp4", "dogs/gone.png", "lost.png"}
    assert {path for path, _ in found.manifest["unreadable"]} == left_out
    assert len(found.train) + len(found.test) == 25
    assert found.manifest["ignored"] == 2
    text = "\n".join(
        inventory.format_dataset(
            Data("folder:pets", train=None, skip_unreadable=True), 4, tmp_path / "artifacts"
        )
    )
    assert all(name in text for name in left_out)
    assert "16 training, 4 validation, 5 test" in text
    with pytest.raises(
        ValueError, match=r"^5 of 30 files .*--skip-unreadable$"
    ):  # a cache made without them does not hide them
        whole("folder:pets", tmp_path)


def test_classes_with_too_few_images_are_told(root, tmp_path):
    own(root / "pets", counts=(2, 9, 0), names=("cats", "dogs", "owls"))
    (root / "pets/owls").mkdir()
    with pytest.raises(
        ValueError,
        match=r"cats \(1 training, 1 test\), owls \(0 training, 0 test\); allowed: at least 2",
    ) as error:
        whole("folder:pets", tmp_path)
    assert "dogs" not in str(error.value)


def test_folders_that_hold_no_classes_are_told(root, tmp_path):
    with pytest.raises(Missing, match="no folder nothing"):
        whole("folder:nothing", tmp_path)
    (root / "empty").mkdir()
    with pytest.raises(ValueError, match="no images in"):
        whole("folder:empty", tmp_path)
    own(root / "one", counts=(9,), names=("cats",))
    with pytest.raises(ValueError, match=r"holds 1 classes of images \(cats\)"):
        whole("folder:one", tmp_path)
    (root / "one/cats/round").symlink_to(root / "one")
    with pytest.raises(ValueError, match="links to a folder that it lies in"):
        whole("folder:one", tmp_path)


def test_own_images_are_identified_by_their_content_not_by_their_path(root, tmp_path):
    first, second = own(root / "a/pets"), own(tmp_path / "b/pets")
    configs = [
        identify_by_content(Data(f"folder:{folder}", train=None), tmp_path / "artifacts")
        for folder in (first, second)
    ]
    assert configs[0] == configs[1]
    assert configs[0].name == "folder:pets"
    assert (
        len(load_dataset(configs[0], tmp_path / "artifacts").train) == 20
    )  # found by content, wherever the files are now
    save(first / "cats/0.png", pictures(1, 9)[0])
    assert (
        identify_by_content(Data(f"folder:{first}", train=None), tmp_path / "artifacts").content
        != configs[0].content
    )
    with pytest.raises(
        ValueError, match=r"data\.content is 'abc', but the images of folder:.*pets have"
    ):
        load_dataset(Data(f"folder:{first}", train=None, content="abc"), tmp_path / "artifacts")
    assert identify_by_content(Data("digits"), tmp_path) == Data("digits")
