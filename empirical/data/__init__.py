"""Load data sets and split them into training, validation and test images.

Read ``load.py`` first, then ``split.py``. A data set is found by ``sources/``, decoded once and
kept on disk by ``decoded.py``, and held in memory as ``Images`` of ``images.py``; ``pixels.py``
converts between uint8 and [-1, 1]; ``known_noise.py`` adds noise and cues that are known exactly.
``context.py`` joins a run, its seed and its split. Importing the room does not load torch.
"""

from empirical._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "Context": "context",
        "Dataset": "load",
        "Images": "images",
        "Split": "split",
        "as_pixels": "pixels",
        "as_uint8": "pixels",
        "find_or_decode": "decoded",
        "load_dataset": "load",
        "load_digits": "load",
        "set_data_root": "sources.locate",
        "split_dataset": "split",
    },
)
