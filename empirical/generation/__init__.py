"""Train or load diffusion models, and make variants of images with them.

Read ``denoising.py`` first: noise an image to a strength, then denoise it. ``stage.py`` does it for
a run: it trains or loads the run's model and fills the store of its variants. ``unet.py``,
``denoiser_trainer.py`` and ``training.py`` are our own generator, ``saved_model.py`` its folder.
``backends/`` holds the other models, ``store/`` keeps variants, ``quality/`` measures them.
Importing the room does not load torch.
"""

from empirical._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "DenoiserTrainer": "denoiser_trainer",
        "build_unet": "unet",
        "diffuse_mix": "diffusemix",
        "load_or_make_variants": "stage",
        "load_or_train_generator": "stage",
        "make_variants": "variants",
        "named_size": "sizes",
        "noise_schedule": "unet",
        "noise_then_denoise": "denoising",
        "save_generator": "saved_model",
        "train_generator": "denoiser_trainer",
    },
)
