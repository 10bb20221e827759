"""Keep images named by (source, copy) on disk: made once, by many processes, and read by many.

Read ``store.py`` first: ``Store.fill`` makes what is missing, ``Store.read`` returns images.
``shards.py`` is the format of the files, ``index.py`` and ``open_shards.py`` find images in them.
``export.py`` hands images on: as a data set for torch, and as a folder of PNG files.
"""

from empirical._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "Store": "store",
        "StoreDataset": "export",
        "export_images": "export",
        "open_store": "store",
    },
)
