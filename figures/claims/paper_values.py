"""List the values that the paper reports (arXiv 2505.21574)."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Reported:
    """A test error that the paper reports: mean and standard deviation (None: not given), in %.

    optimiser: ``sgd`` or ``sam``. chart: True if the paper gives a picture and no number.
    """

    data: str
    network: str
    method: str
    mean: float
    sd: float | None = None
    optimiser: str = "sgd"
    chart: bool = False


FINE_TUNED = {  # Original, DiffuseMix, TADA with DiffuseMix
    "Flowers-102": (8.55, 8.92, 8.08),
    "Aircraft": (26.02, 25.65, 25.12),
    "Cars": (15.45, 15.19, 14.96),
}

REPORTED_ERRORS = (
    Reported("cifar10", "convnext-t", "original", 37.33, 3.12),
    Reported("cifar10", "convnext-t", "useful-2", 34.16, 2.47),
    Reported("cifar10", "convnext-t", "tada", 27.40, 1.99),
    Reported("cifar10", "swin-t", "original", 16.10, 0.19),
    Reported("cifar10", "swin-t", "useful-2", 14.93, 0.07),
    Reported("cifar10", "swin-t", "tada", 14.57, 0.10),
    Reported("tiny-imagenet", "resnet18", "original", 33, optimiser="sam", chart=True),
    *(
        Reported(data, "ResNet18, fine-tuned", method, error)
        for data, errors in FINE_TUNED.items()
        for method, error in zip(
            ("original", "DiffuseMix", "TADA + DiffuseMix"), errors, strict=True
        )
    ),
)

# Differences that the paper reports: claim, data set, what is compared as the claim's case names
# it, and the difference in points.
REPORTED_DIFFERENCES = (
    ("E1", "TinyImageNet (paper scale)", "TADA(4) − Original, equal epochs, SAM", -2.8),
    ("E6", "CIFAR-10 (paper scale)", "TADA(5) − Original, ConvNeXt-T", 27.40 - 37.33),
    ("E6", "CIFAR-10 (paper scale)", "TADA(5) − Original, Swin-T", 14.57 - 16.10),
)

# Other numbers, by the key under which the report reads them (``paper.gain``).
PAPER_NUMBERS = {
    "gain": 2.8,  # largest gain of TADA, points of test error
    "hours.all": 12,  # hours of generation for all of CIFAR-10
    "hours.targeted": 3.6,  # and for the slow images
    "factor.useful": 2,  # best k
    "factor.tada.cifar": 5,
    "factor.tada.tiny": 4,
    "slow.low": 30,  # share of slow images, %
    "slow.high": 40,
}
