"""The values that the paper reports."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Reported:
    """A test error that the paper reports: mean and standard deviation, if given, in %."""

    data: str
    network: str
    method: str
    mean: float
    sd: float | None = None


REPORTED = (
    Reported("cifar10", "convnext-t", "original", 37.33, 3.12),
    Reported("cifar10", "convnext-t", "useful-2", 34.16, 2.47),
    Reported("cifar10", "convnext-t", "tada", 27.40, 1.99),
    Reported("cifar10", "swin-t", "original", 16.10, 0.19),
    Reported("cifar10", "swin-t", "useful-2", 14.93, 0.07),
    Reported("cifar10", "swin-t", "tada", 14.57, 0.10),
    *(
        Reported(data, "ResNet18, fine-tuned", method, value)
        for data, values in (
            ("Flowers-102", (8.55, 8.92, 8.08)),
            ("Aircraft", (26.02, 25.65, 25.12)),
            ("Cars", (15.45, 15.19, 14.96)),
        )
        for method, value in zip(
            ("original", "DiffuseMix", "TADA + DiffuseMix"), values, strict=True
        )
    ),
)


PAPER_NAMES = {"original": "Original", "useful-2": "USEFUL", "tada": "TADA"}


PAPER = {  # values that the paper reports, test error in %: mean and spread where it gives one
    "convnext.original": (37.33, 3.12),
    "convnext.useful": (34.16, 2.47),
    "convnext.tada": (27.40, 1.99),
    "swin.original": (16.10, 0.19),
    "swin.useful": (14.93, 0.07),
    "swin.tada": (14.57, 0.10),
    "gain": 2.8,
    "hours.all": 12,
    "hours.targeted": 3.6,
    "factor.useful": 2,
    "factor.tada.cifar": 5,
    "factor.tada.tiny": 4,
    "slow.low": 30,
    "slow.high": 40,
}
