"""Apply the method to images of your own.

Read ``api.py`` first: from the outputs of any model to the slow-learnable examples and variants of
them; ``datasets.py`` does it for a data set of torch. ``stages.py`` does it for a folder of images,
``folder.py`` reads and writes such folders (``targets.py`` decides which files go where), and
``forecast.py`` says beforehand what it will take.
"""

from empirical._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "AugmentTask": "stages",
        "Augmented": "datasets",
        "augment_dataset": "datasets",
        "forecast_cost": "forecast",
        "normalised_range": "arrays",
        "slow_indices": "api",
        "variants_of": "api",
    },
)
