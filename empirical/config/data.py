"""The settings of a data set: which images, how they are split, and what is planted in them."""

from __future__ import annotations

import dataclasses
import math
from typing import Literal, get_args

from empirical.config.require import require

DIGITS = ("digits", "noisy-digits")
DATA_NAMES = (*DIGITS, "cifar10", "cifar100", "tiny-imagenet")
NOISY_DIGITS = 0.5  # standard deviation of the pixel noise of noisy-digits, on the [-1, 1] scale
CueName = Literal["none", "beside", "patch", "domino"]


@dataclasses.dataclass(frozen=True)
class Data:
    """A data set and its split.

    Training images, and of digits the test images, are drawn by seed; the validation images are the
    same for every seed. Settings are chosen on the validation images, never on test images; nothing
    is trained on them. Where a data set lies on this machine is not part of the settings.
    """

    # digits, noisy-digits, cifar10, cifar100, tiny-imagenet, or folder:PATH for your own images
    name: str = "noisy-digits"
    # number of training images, at least 20; None: all that are not held out (not for digits)
    train: int | None = 400
    # number of images held out of training and test, at least 0
    validation: int = 200
    # average pixels down to this side, at least 4; for folder:PATH, resize to it (64 if None)
    side: int | None = None
    # names of the classes to use, at least two; None: all classes
    classes: tuple[str, ...] | None = None
    # leave out files that cannot be read as images, instead of stopping
    skip_unreadable: bool = False
    # draw the training images of every seed from this many images, and leave all others to an
    # external generator; None: draw from all images
    candidate_pool: int | None = None
    # digest of the images, or its first digits; a run on other images is refused
    content: str | None = None
    # standard deviation of Gaussian noise added once to each image, on the [-1, 1] scale, above 0;
    # None: no noise is added (noisy-digits has noise of 0.5)
    pixel_noise: float | None = None
    # a fast feature that tells the class, planted in a share of the images: a pattern beside the
    # image or in its corner (patch), or a digit beside it (domino); needs known noise
    cue: CueName = "none"
    # share of the images that have the cue, (0, 1); the others are slow in truth
    cue_share: float = 0.8
    # strength of the cue, above 0; 1 is full contrast
    cue_strength: float = 1.0

    def __post_init__(self) -> None:
        own = self.name.startswith("folder:") and len(self.name) > len("folder:")
        known = self.name in DATA_NAMES or own
        require(known, "data.name", self.name, f"{', '.join(DATA_NAMES)}, folder:PATH")
        require(self.train is None or self.train >= 20, "data.train", self.train, "at least 20")
        require(self.validation >= 0, "data.validation", self.validation, "at least 0")
        require(self.side is None or self.side >= 4, "data.side", self.side, "at least 4")
        pool = self.candidate_pool
        roomy = pool is None or (self.train is not None and pool >= self.train)
        require(roomy, "data.candidate_pool", pool, f"at least data.train, {self.train}")
        distinct = self.classes is None or len(set(self.classes)) == len(self.classes) >= 2
        require(distinct, "data.classes", self.classes, "at least two different classes")
        if self.from_library:
            self._check_digits()
        self._check_noise()

    def _check_digits(self) -> None:
        """Refuse settings that digits do not have."""
        limited = self.train is not None
        allowed = "a number, as the other images are for testing"
        require(limited, f"data.train of {self.name}", self.train, allowed)
        others = (self.side, self.classes, self.candidate_pool, self.content)
        names = "data.side, classes, candidate_pool, content"
        require(others == (None,) * 4, names, others, f"none of them for {self.name}")

    def _check_noise(self) -> None:
        """Refuse noise and cues that these data cannot carry."""
        noise = self.pixel_noise
        positive = noise is None or (math.isfinite(noise) and noise > 0)
        require(positive, "data.pixel_noise", noise, "above 0, or none")
        once = noise is None or self.name != "noisy-digits"
        require(once, f"data.pixel_noise of {self.name}", noise, f"none: it has {NOISY_DIGITS}")
        names = get_args(CueName)
        require(self.cue in names, "data.cue", self.cue, ", ".join(names))
        carried = self.cue == "none" or self.known_noise
        allowed = "none, or with data.pixel_noise"
        require(carried, f"data.cue of {self.name} without pixel_noise", self.cue, allowed)
        require(0 < self.cue_share < 1, "data.cue_share", self.cue_share, "(0, 1)")
        strong = math.isfinite(self.cue_strength) and self.cue_strength > 0
        require(strong, "data.cue_strength", self.cue_strength, "above 0")

    @property
    def from_library(self) -> bool:
        """Whether the images come with a library: nothing to look for, nothing to decode."""
        return self.name in DIGITS

    @property
    def noise_size(self) -> float:
        """Return the standard deviation of the pixel noise that is drawn for each image, or 0."""
        return NOISY_DIGITS if self.name == "noisy-digits" else self.pixel_noise or 0.0

    @property
    def known_noise(self) -> bool:
        """Whether the noise of every image is known."""
        return self.noise_size > 0
