"""Test that what is written is read alike by torchvision's ImageFolder: a messy folder, layouts."""

import csv
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from image_files import messy, own, save, scene, tiny
from PIL import Image

from empirical.config import Data
from empirical.data.load import load_dataset
from empirical.data.sources.decode import decode_rgb
from empirical.data.sources.source import Unreadable
from empirical.own_images.folder import (
    decode_folder,
    folder_source,
    list_files,
    variant_names,
    write_folder,
)
from empirical.own_images.targets import claimed, copy_file, duplicate_lines, require_room


def written(folder, out, link=False, hold_out=False, skip=False):
    """Write a folder with one variant of each training image, half as bright; return its files."""
    source = folder_source(folder, hold_out)
    _, found = decode_folder(source, 8, skip, out.parent / "cache")
    files = list_files(source, found)
    sources = range(len(files.train))
    names = variant_names(files.train_targets, sources, [1] * len(sources))
    pictures = (
        np.asarray(decode_rgb((files.where / path).read_bytes())) // 2 for path in files.train
    )
    write_folder(out, files, names, pictures, {}, {"settings": 1}, link)
    return source, found, files, names


def seen_by_torchvision(folder):
    """Return path -> pixels as ImageFolder's default loader reads them, and the classes."""
    from torchvision.datasets import ImageFolder

    data = ImageFolder(folder)
    return {
        os.path.relpath(path, folder): np.asarray(data[i][0])
        for i, (path, _) in enumerate(data.samples)
    }, data.classes


@pytest.fixture(scope="module")
def mess(tmp_path_factory):
    """Return the messy folder, why its files are written decoded, and what was written."""
    root = tmp_path_factory.mktemp("mess")
    reasons = messy(root / "pets")
    return root / "pets", reasons, root / "more", written(root / "pets", root / "more")


def test_every_original_and_variant_is_seen_upright_by_torchvision(mess):
    folder, reasons, out, (source, _, files, names) = mess
    seen, classes = seen_by_torchvision(out / "train")
    assert classes == ["Cats é", "dogs"]
    targets = [target.removeprefix("train/") for target in files.train_targets]
    assert seen.keys() == {*targets, *(name.removeprefix("train/") for name in names)}
    for path, target, name in zip(files.train, targets, names, strict=True):
        decoded = np.asarray(decode_rgb((folder / path).read_bytes()), float)
        assert seen[target].shape == seen[name.removeprefix("train/")].shape == decoded.shape
        assert np.abs(seen[target] - decoded).max() <= 0
        assert decoded[:3].mean() > decoded[-3:].mean() or "turned" in path
    held, classes = seen_by_torchvision(out / "Val")
    assert classes == ["Cats é", "dogs"]
    assert len(held) == 3
    assert {os.path.basename(path): why for path, why in files.rewritten.items()} == reasons
    notes = " ".join(source.open().notes)
    assert "without training images: owls" in notes
    assert "1 images look like masks or thumbnails" in notes
    assert "plain_mask.png" in notes
    assert "left out: test, whose images have no class" in notes
    assert source.open().ignored == 2  # the notes, and the thumbnail that a server left
    assert all(len(os.fsencode(part)) <= 255 for name in names for part in name.split("/"))


def test_files_that_all_read_alike_keep_their_bytes(mess):
    folder, reasons, out, (_, _, files, _) = mess
    same = [
        (folder / path).read_bytes() == (out / target).read_bytes()
        for path, target in zip(files.train, files.train_targets, strict=True)
    ]
    changed = Counter(
        os.path.basename(path) for path, s in zip(files.train, same, strict=True) if not s
    )
    assert changed == Counter(reasons.keys() - {"odd.jfif", "without"})  # they need a suffix


def test_tables_list_every_image_as_hugging_face_reads_them(mess):
    _, _, out, (_, _, files, names) = mess
    for part, paths in (("train", (*files.train_targets, *names)), ("Val", files.test_targets)):
        with (out / part / "metadata.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert {f"{part}/{row['file_name']}" for row in rows} == set(paths)
        assert all(row["file_name"].split("/")[0] == row["label"] for row in rows)


def test_equal_images_are_counted(mess):
    _, _, _, (_, found, files, _) = mess
    assert duplicate_lines(found, files.train, files.test) == [
        "warning: 1 images are there under two classes: Val/dogs/again.png = "
        "train/Cats é/plain0.png"
    ]


def test_equal_images_in_training_and_test_are_counted(tmp_path):
    own(tmp_path / "pets/train", counts=(3, 3))
    own(tmp_path / "pets/test", counts=(1, 1))
    _, found, files, _ = written(tmp_path / "pets", tmp_path / "more")
    (line,) = duplicate_lines(found, files.train, files.test)
    assert line.startswith("warning: 2 test images are training images as well: ")


def test_saving_over_a_result_leaves_the_source_unless_links_are_asked_for(tmp_path):
    folder = own(tmp_path / "pets", counts=(2, 2))
    before = (folder / "cats/0.png").read_bytes()
    for link in (False, True):
        out = tmp_path / f"more-{link}"
        written(folder, out, link=link)
        assert os.path.samefile(folder / "cats/0.png", out / "cats/0.png") == link
    (tmp_path / "more-False/cats/0.png").write_bytes(b"changed")
    assert (folder / "cats/0.png").read_bytes() == before
    copy_file(folder / "cats/0.png", tmp_path / "copy.png", link=False)
    assert (tmp_path / "copy.png").stat().st_mtime == (folder / "cats/0.png").stat().st_mtime


def layout(root, folder, name="pets", **options):
    """Return the training and test paths that are written for a folder."""
    _, _, files, _ = written(root / folder, root / f"out-{name}", **options)
    return sorted(files.train_targets), sorted(files.test_targets)


def sets(root, **parts):
    for part, count in parts.items():
        own(root / part, counts=(count, count))
    return root


@pytest.mark.parametrize(
    ("parts", "train", "test"),
    [
        ({"train": 3, "val": 2}, 6, 4),
        ({"train": 3, "valid": 2, "test": 1}, 6, 6),
        ({"TRAIN": 3, "Validation": 2}, 6, 4),
        ({"train": 2}, 4, 0),
    ],
)
def test_parts_by_any_name(tmp_path, parts, train, test):
    sets(tmp_path / "pets", **parts)
    found = layout(tmp_path, "pets")
    assert tuple(map(len, found)) == (train, test)
    roots = {path.split("/")[0] for each in found for path in each}
    assert roots == set(parts)


def test_two_images_a_class_an_empty_class_and_an_unlabelled_test_set(tmp_path):
    own(tmp_path / "pets/train", counts=(2, 1), names=("cats", "dogs"))
    (tmp_path / "pets/train/owls").mkdir()
    save(tmp_path / "pets/test/images/1.png", scene(1))
    train, test = layout(tmp_path, "pets")
    assert (len(train), test) == (3, [])


def test_a_test_set_is_held_out_of_train_alone(tmp_path):
    sets(tmp_path / "pets", train=5)
    train, test = layout(tmp_path, "pets", hold_out=True)
    assert (len(train), len(test)) == (8, 2)
    assert {path.split("/")[0] for path in test} == {"test"}
    assert all(path.count("train") == 1 for path in train)


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_table_of_labels_is_read(tmp_path, form):
    rows = []
    for part, count in (("train", 4), ("test", 2)):
        for number in range(count):
            save(tmp_path / "pets" / part / f"{number}.png", scene(number + count))
            rows.append((part, f"{number}.png", ("a cat", "dog")[number % 2]))
        lines = [(name, label) for where, name, label in rows if where == part]
        if form == "csv":
            text = "file_name,label\n" + "".join(f"{n},{label}\n" for n, label in lines)
        else:
            text = "".join(f'{{"file_name": "{n}", "label": "{c}"}}\n' for n, c in lines)
        (tmp_path / "pets" / part / f"metadata.{form}").write_text(text)
    train, test = layout(tmp_path, "pets")
    assert train == sorted(f"train/{label}/{name}" for w, name, label in rows if w == "train")
    assert test == ["test/a cat/0.png", "test/dog/1.png"]


def test_a_table_for_images_in_one_heap(tmp_path):
    for number in range(4):
        save(tmp_path / "pets/images" / f"{number}.png", scene(number))
    table = tmp_path / "pets/labels.csv"
    table.write_text("".join(["path,class\n", *(f"images/{n}.png,c{n % 2}\n" for n in range(4))]))
    assert layout(tmp_path, "pets")[0] == [
        *("c0/images-0.png", "c0/images-2.png", "c1/images-1.png", "c1/images-3.png")
    ]
    for text, said in (
        ("path,size\nimages/0.png,3\n", "has the columns path, size; allowed: one of label"),
        ("path,class\n../x.png,cat\n", "allowed: files in the folder of the images"),
        ("path,class\nimages/0.png,\n", "row 1 of .* has no path or no class"),
    ):
        table.write_text(text)
        with pytest.raises(ValueError, match=said):
            folder_source(tmp_path / "pets")


def sort_val(folder, form):
    """Sort Tiny ImageNet's validation images into classes, as scripts do, in one of four forms."""
    rows = (folder / "val/val_annotations.txt").read_text().splitlines()
    for row in rows:
        name, wnid = row.split("\t")[:2]
        target = {
            "class": f"val/{wnid}",
            "class/images": f"val/{wnid}/images",
            "images/class": f"val/images/{wnid}",
            "annotations": "val/images",
        }[form]
        (folder / target).mkdir(parents=True, exist_ok=True)
        (folder / "val/images" / name).rename(folder / target / name)
    if form != "annotations":
        (folder / "val/val_annotations.txt").unlink()
    if form in ("class", "class/images"):
        (folder / "val/images").rmdir()


@pytest.mark.parametrize("form", ["class", "class/images", "images/class", "annotations"])
@pytest.mark.parametrize("own_name", [False, True])
def test_tiny_imagenet_in_all_its_forms(tmp_path, monkeypatch, form, own_name):
    inside = "tiny-imagenet-200/tiny-imagenet-200" if own_name else "tiny-imagenet-200"
    folder = tiny(tmp_path / "sets" / inside)
    monkeypatch.setenv("TADA_DATA", str(tmp_path / "sets"))
    cache = tmp_path / "artifacts"
    before = load_dataset(Data("tiny-imagenet", train=None), cache).manifest["content"]
    sort_val(folder, form)
    assert load_dataset(Data("tiny-imagenet", train=None), cache).manifest["content"] == before
    train, test = layout(tmp_path, "sets/tiny-imagenet-200")  # as a folder of one's own
    assert (len(train), len(test)) == (15, 6)
    seen, classes = seen_by_torchvision(tmp_path / "out-pets/val")
    assert (len(seen), len(classes)) == (6, 3)


def test_what_cannot_be_read_is_named_with_the_reason(tmp_path):
    folder = own(tmp_path / "pets", counts=(3, 3))
    os.mkfifo(folder / "cats/pipe.png")
    os.mkfifo(folder / "cats/pipe")
    (folder / "cats/phone.heic").write_bytes(b"\0\0\0\x18ftypheic" + b"\0" * 20)
    (folder / "cats/figure.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    with pytest.raises(ValueError, match="cannot be read as images"):
        written(folder, tmp_path / "more")
    _, found, files, _ = written(folder, tmp_path / "more", skip=True)
    assert dict(found.manifest["unreadable"]) == {
        "cats/pipe.png": "not a regular file",
        "cats/pipe": "not a regular file",
        "cats/phone.heic": "HEIF, which is not read: convert it to JPEG or PNG",
        "cats/figure.png": "not an image",
    }
    assert len(files.train) == 6


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (np.full((4, 4), 4095, np.uint16), "16-bit values up to 4095, as of 12 bits"),
        (np.full((4, 4), 70000, np.int32), "32-bit values from 70000 to 70000"),
        (np.full((4, 4), 0.5, np.float32), "floating-point pixels"),
    ],
)
def test_wide_images_of_unknown_scale_are_refused(tmp_path, values, said):
    path = save(tmp_path / "x.tif", Image.fromarray(values))
    with pytest.raises(Unreadable, match=said):
        decode_rgb(path.read_bytes())


def test_classes_that_differ_in_capitals_are_told(tmp_path):
    own(tmp_path / "pets/train", counts=(3, 3), names=("cats", "dogs"))
    own(tmp_path / "pets/train", counts=(3,), names=("Cats",))
    with pytest.raises(ValueError, match="differ in capitals only: Cats, cats"):
        folder_source(tmp_path / "pets").open()


def test_a_folder_in_use_and_a_full_disk_are_told_before_anything_is_made(tmp_path, monkeypatch):
    out = tmp_path / "more"
    with (
        claimed(out),
        pytest.raises(ValueError, match="which another process is making"),
        claimed(out),
    ):
        pass
    assert not list(tmp_path.iterdir())
    own(tmp_path / "pets", counts=(2, 2))
    words = (out, tmp_path / "cache", tmp_path / "pets", ["cats/0.png", "dogs/0.png"], 10**9, 8)
    with pytest.raises(ValueError, match=r"has room for .* GB; allowed: at least"):
        require_room(*words)
    require_room(*words[:4], 10, 8)


def test_names_of_variants_fit_every_file_system():
    long = "a/" + "é" * 120 + ".png"
    other = "a/" + "é" * 121 + ".png"
    names = variant_names([long, other], [0, 1, 0], [1, 1, 2])
    assert len(set(names)) == 3
    assert all(len(os.fsencode(Path(name).name)) <= 255 for name in names)
