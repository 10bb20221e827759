"""Which images, and how they are split."""

from __future__ import annotations

import dataclasses

from empirical.config.require import require

DIGITS = ("digits", "noisy-digits")
DATA_NAMES = (*DIGITS, "cifar10", "cifar100", "tiny-imagenet")


@dataclasses.dataclass(frozen=True)
class Data:
    """A data set and its split. Training images, and of digits the test images, are drawn per seed; the validation images are the same
    for all. Where a data set lies on this machine is no part of it.

    Settings are chosen on the validation images, never on test images; nothing is trained on them.
    """

    name: str = "noisy-digits"  # digits, noisy-digits, cifar10, cifar100, tiny-imagenet, or folder:PATH for images of your own
    train: int | None = (
        400  # training images, at least 20; None: all but the validation images (not for digits)
    )
    validation: int = 200  # held out of training and test
    side: int | None = (
        None  # average pixels down to this side; of folder:PATH, the side to resize to (64 if None)
    )
    classes: tuple[str, ...] | None = None  # these classes alone
    skip_unreadable: bool = (
        False  # leave out files that cannot be read as images, instead of stopping
    )
    candidate_pool: int | None = (
        None  # draw the training images of every seed from so many; all others are left for an external generator
    )
    content: str | None = (
        None  # digest of the images, or how it begins: a run with others is refused
    )

    def __post_init__(self) -> None:
        known = self.name in DATA_NAMES or (
            self.name.startswith("folder:") and len(self.name) > len("folder:")
        )
        require(known, "data.name", self.name, f"{', '.join(DATA_NAMES)}, folder:PATH")
        require(self.train is None or self.train >= 20, "data.train", self.train, "at least 20")
        require(self.validation >= 0, "data.validation", self.validation, "at least 0")
        require(self.side is None or self.side >= 4, "data.side", self.side, "at least 4")
        roomy = self.candidate_pool is None or (self.train is not None and self.candidate_pool >= self.train)
        require(roomy, "data.candidate_pool", self.candidate_pool, f"at least data.train, {self.train}")
        distinct = self.classes is None or len(set(self.classes)) == len(self.classes) >= 2
        require(distinct, "data.classes", self.classes, "at least two different classes")
        if self.from_library:
            require(
                self.train is not None,
                f"data.train of {self.name}",
                self.train,
                "a number, as the other images are for testing",
            )
            plain = (self.side, self.classes, self.candidate_pool, self.content) == (None,) * 4
            require(
                plain,
                "data.side, classes, candidate_pool, content",
                (self.side, self.classes, self.candidate_pool, self.content),
                f"none of them for {self.name}",
            )

    @property
    def from_library(self) -> bool:
        """Whether the images are part of a library: nothing to look for, nothing to decode."""
        return self.name in DIGITS
