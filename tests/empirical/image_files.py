"""Write small data sets in the official formats, and folders of images, for tests."""

import hashlib
import pickle
import struct
import unicodedata
import zipfile
import zlib

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


def wide_png(values):
    """Return a 16-bit RGB PNG file of (height, width, 3) uint16, which Pillow does not write."""

    def chunk(kind, data):
        ends = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + ends

    height, width, _ = values.shape
    lines = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    head = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def scene(number, size=(24, 16)):
    """Return a smooth picture of (width, height), bright on top, another for each number."""
    width, height = size
    rows, columns = np.mgrid[:height, :width]
    grey = 220 - 180 * rows / height + 20 * np.sin(columns / 3 + number)
    return Image.fromarray(
        np.stack([grey, grey - number, grey / 2], 2).clip(0, 255).astype("uint8")
    )


def messy(root):
    """Write a folder as people have them; return path -> why common loaders read it otherwise.

    Two classes with images of all kinds, one of them empty, thumbnails, notes, odd names.
    """
    cats, dogs = root / "train/Cats é", root / "train/dogs"
    for number in range(4):
        save(cats / f"plain{number}.png", scene(number))
        save(dogs / f"photo{number}.JPG", scene(10 + number), quality=95)
    exif = Image.Exif()
    exif[0x0112] = 6
    save(dogs / "turned.jpg", scene(20), exif=exif, quality=95)
    clear = scene(21).convert("RGBA")
    clear.putalpha(Image.fromarray(np.tile(np.uint8([0, 255]), (16, 12))))
    save(dogs / "clear.png", clear)
    save(dogs / "palette.png", scene(22).quantize(64))
    save(dogs / "film.gif", scene(23), save_all=True, append_images=[scene(24)])
    save(dogs / "press.jpg", scene(25).convert("CMYK"), quality=95)
    deep = np.asarray(scene(26).convert("L")).astype(np.uint16) * 257
    save(dogs / "deep.png", Image.fromarray(deep))
    (dogs / "deep-colour.png").write_bytes(wide_png(np.asarray(scene(27)).astype(np.uint16) * 257))
    save(dogs / "odd.jfif", scene(28), format="JPEG", quality=95)
    save(dogs / "without", scene(29), format="PNG")
    save(dogs / "new.avif", scene(30), quality=95)
    save(dogs / "grey.png", scene(31).convert("L"))
    save(dogs / ("long" * 60 + ".gif"), scene(32))
    save(root / "train" / unicodedata.normalize("NFD", "Cats é") / "apart.png", scene(33))
    save(dogs / "@eaDir/photo0.JPG/thumb.jpg", scene(34))
    save(dogs / "plain_mask.png", scene(35))
    (dogs / "notes.txt").write_text("notes")
    (root / "train/owls").mkdir()
    for name, number in (("Cats é", 40), ("dogs", 41)):
        save(root / "Val" / name / "image.png", scene(number))
    save(root / "Val/dogs/again.png", scene(0))  # equal to a training image of the other class
    save(root / "test/unknown.png", scene(50))
    return {
        "turned.jpg": "turned by EXIF",
        "clear.png": "transparent",
        "palette.png": "palette",
        "film.gif": "GIF",
        "press.jpg": "CMYK",
        "deep.png": "16 bits",
        "deep-colour.png": "16 bits",
        "odd.jfif": "suffix of a JPEG",
        "without": "suffix",
        "new.avif": "AVIF",
        "long" * 60 + ".gif": "GIF",
    }
