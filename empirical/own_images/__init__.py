"""Apply the method to images of your own.

Read ``api.py`` first: from the outputs of any model to the slow-learnable examples and variants of
them; ``datasets.py`` does it for a data set of torch. ``augmenting.py`` does it for a folder of
images: ``task.py`` is what is asked for, ``stages.py`` how each stage is done, ``result.py`` what
is written. ``folder.py`` reads and writes such folders (``targets.py`` decides which files go
where), and ``forecast.py`` says beforehand what it will take.
"""

from empirical._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "AugmentTask": "task",
        "Augmented": "augmented",
        "augment_dataset": "datasets",
        "forecast_cost": "forecast",
        "normalised_range": "arrays",
        "slow_indices": "api",
        "variants_of": "api",
    },
)
