"""Print the peak memory of making and writing many variants.

    python tests/benchmarks/written_memory.py [COUNT [SIDE]]

A model that returns its sources stands in for a real one, whose weights would be added. COUNT
variants of SIDE pixels are made into a store and written from it, as the command augment does.
"""

import resource
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from empirical.data.images import Images
from empirical.data.pixels import as_uint8
from empirical.generation.store.store import block_of, open_store
from empirical.generation.variants import make_variants
from empirical.own_images.folder import FolderFiles, variant_names, write_folder

COUNT = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
SIDE = int(sys.argv[2]) if len(sys.argv) > 2 else 128
READ = 64 * 512 * 512 // SIDE**2


def peak():
    """Return the peak of the memory of this process so far, in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def same(pixels, labels, generators):
    return pixels


with tempfile.TemporaryDirectory() as name:
    root = Path(name)
    file = np.lib.format.open_memmap(root / "images.npy", "w+", np.uint8, (COUNT, SIDE, SIDE, 3))
    rng = np.random.default_rng(0)
    for row in file:
        row[:] = rng.integers(0, 256, (1, 1, 3))
    labels = np.arange(COUNT) % 2
    images = Images(file, labels, ("a", "b"))
    targets = tuple(f"{'ab'[i % 2]}/{i}.png" for i in range(COUNT))
    print(f"{COUNT:,} variants of {SIDE} pixels, {COUNT * SIDE**2 * 3 / 1e9:.2f} GB of pixels")
    print(f"before          {peak():.2f} GB")
    shape = (SIDE, SIDE, 3)
    store = open_store(root / "store", {}, shape, np.uint8, block_of(shape))
    pairs = np.stack([np.arange(COUNT), np.ones(COUNT, int)], 1)
    store.fill(pairs, lambda s, c: as_uint8(make_variants(same, images, s, c, 0)), labels)
    print(f"after making    {peak():.2f} GB")
    squares = (
        square
        for start in range(0, COUNT, READ)
        for square in store.read(pairs[start : start + READ])
    )
    names = variant_names(targets, range(COUNT), [1] * COUNT)
    (root / "images").mkdir()
    for path in ("a/0.png", "b/1.png"):
        (root / "images" / path).parent.mkdir()
        Image.fromarray(file[0]).save(root / "images" / path)
    files = FolderFiles(root / "images", targets[:2], (), targets[:2], ())
    write_folder(root / "out", files, names, squares, {}, {}, link=False)
    print(f"after writing   {peak():.2f} GB")
