"""Train classifiers: networks, optimisers (SGD, AdamW, SAM), augmentation, evaluation.

Read ``trainer.py`` first: one training loop for every optimiser. ``fit.py`` adds evaluations and
checkpoints to it; ``evaluation.py`` defines what is measured. Networks, schedules and augmentation
each have a table by name, to which one line adds another. Importing the room does not load torch.
"""

from empirical._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "Augmenter": "augmentation",
        "Diverged": "trainer",
        "History": "evaluation",
        "NETWORKS": "networks",
        "Progress": "progress",
        "SAM": "optimisers",
        "SCHEDULES": "schedules",
        "Shape": "networks",
        "Trainer": "trainer",
        "classifier": "networks",
        "test_errors": "evaluation",
        "train_classifier": "trainer",
    },
)
