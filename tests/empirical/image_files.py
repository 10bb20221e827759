"""Write small data sets in the official formats, and folders of images, for tests."""

import hashlib
import pickle
import zipfile

import numpy as np
from PIL import Image

from empirical.data.sources import cifar, tiny_imagenet

WNIDS = ("n01443537", "n01641577", "n02124075")
WORDS = {
    "n01443537": "goldfish, Carassius auratus",
    "n01641577": "bullfrog, Rana catesbeiana",
    "n02124075": "Egyptian cat",
}


def pictures(n, side, seed=0):
    """Return n different images, (n, side, side, 3) uint8."""
    return np.random.default_rng(seed).integers(0, 256, (n, side, side, 3), dtype=np.uint8)


def cifar10_batches(root, monkeypatch, per_class=6, test_per_class=2):
    """Write CIFAR-10's official files with few images, and return the arrays.

    There are five training batches; torchvision is told their checksums.
    """
    from torchvision.datasets import CIFAR10

    labels = np.random.default_rng(1).permutation(np.repeat(np.arange(10), per_class))
    test_labels = np.repeat(np.arange(10), test_per_class)
    train, test = pictures(len(labels), 32, 2), pictures(len(test_labels), 32, 3)
    folder = root / "cifar-10-batches-py"
    folder.mkdir(parents=True)

    def put(name, content):
        (folder / name).write_bytes(pickle.dumps(content, protocol=2))
        return hashlib.md5((folder / name).read_bytes()).hexdigest()

    def batch(pixels, labels):  # rows of 3,072: all red, all green, all blue
        return {
            "data": pixels.transpose(0, 3, 1, 2).reshape(len(pixels), -1),
            "labels": labels.tolist(),
        }

    parts = np.array_split(np.arange(len(labels)), 5)
    train_list = [
        [f"data_batch_{i}", put(f"data_batch_{i}", batch(train[p], labels[p]))]
        for i, p in enumerate(parts, 1)
    ]
    monkeypatch.setattr(CIFAR10, "train_list", train_list)
    monkeypatch.setattr(
        CIFAR10, "test_list", [["test_batch", put("test_batch", batch(test, test_labels))]]
    )
    md5 = put("batches.meta", {"label_names": list(cifar.CIFAR10)})
    monkeypatch.setattr(
        CIFAR10, "meta", {"filename": "batches.meta", "key": "label_names", "md5": md5}
    )
    return train, labels, test, test_labels


def cifar_folders(root, train, labels, test, test_labels, names):
    """Write the same images as ``{train,test}/<class>/*.png``, in reversed order."""
    for part, pixels, classes in (("train", train, labels), ("test", test, test_labels)):
        for i, (image, label) in enumerate(zip(pixels[::-1], classes[::-1], strict=True)):
            save(root / part / names[label] / f"{i:04d}.png", image)


def save(path, image, **options):
    """Write an array or image to ``path``, making its folder, and return the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(path, **options)
    return path


def tiny(root, wnids=WNIDS, train=5, val=2, listed=WNIDS):
    """Write Tiny ImageNet's layout; the first training image of every class is grey.

    wnids: classes with images. listed: classes in wnids.txt.
    """
    (root / "val/images").mkdir(parents=True)
    (root / "wnids.txt").write_text("\n".join(reversed(listed)) + "\n")
    (root / "words.txt").write_text(
        "".join(f"{wnid}\t{words}\n" for wnid, words in {**WORDS, "n99999999": "unicorn"}.items())
    )
    rows = []
    for c, wnid in enumerate(wnids):
        for i, image in enumerate(pictures(train, 64, 10 + c)):
            grey = Image.fromarray(image).convert("L") if i == 0 else image
            save(root / "train" / wnid / "images" / f"{wnid}_{i}.JPEG", grey, quality=90)
        (root / "train" / wnid / f"{wnid}_boxes.txt").write_text("0 0 63 63\n")
        for image in pictures(val, 64, 20 + c):
            name = f"val_{len(rows)}.JPEG"
            save(root / "val/images" / name, image, quality=90)
            rows.append(f"{name}\t{wnid}\t0\t0\t63\t63\n")
    (root / "val/val_annotations.txt").write_text("".join(rows))
    return root


def tiny_zip(folder, archive, monkeypatch):
    """Pack Tiny ImageNet's layout as the official archive does, and publish its checksum."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            packed.write(path, f"tiny-imagenet-200/{path.relative_to(folder)}")
    monkeypatch.setattr(tiny_imagenet, "MD5", hashlib.md5(archive.read_bytes()).hexdigest())


def own(root, counts=(10, 15), size=(40, 30), suffix="png", names=("cats", "dogs")):
    """Write ``<class>/<number>.<suffix>`` of (width, height), every second one folder deeper."""
    for c, (name, n) in enumerate(zip(names, counts, strict=True)):
        images = np.random.default_rng(30 + c).integers(
            0, 256, (n, size[1], size[0], 3), dtype=np.uint8
        )
        for i, image in enumerate(images):
            save(root / name / (f"deeper/{i}.{suffix}" if i % 2 else f"{i}.{suffix}"), image)
    return root
