"""Diffusion models that make variants, one file for each kind, all behind ``Backend``.

Read ``protocol.py`` first: images, labels and one random generator for each image go in, images
come out. ``resolve.py`` turns a model's name into a backend; ``model_files.py`` finds, loads and
identifies its files. diffusers is imported inside functions: its import takes over ten seconds.
"""

from empirical._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "Backend": "protocol",
        "IdealBackend": "ideal",
        "check_model": "resolve",
        "load_backend": "resolve",
        "wrap_unet": "pixel_unet",
    },
)
