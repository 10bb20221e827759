"""Digest the code and the library versions that the result of a stage depends on.

The code is what the stage can reach, as ``reachable`` finds it. A change anywhere else, such as a
comment, another command or another stage, keeps the results that users have on disk.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from empirical.runtime.reachable import Sources
from figures.records import digest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("empirical", "figures")


@dataclasses.dataclass(frozen=True)
class Stage:
    """Where a stage's code begins, and the libraries whose versions may change its result.

    entries: ``module:name`` of the functions and classes that compute it. libraries: names of
    distributions. A library that is not installed counts as version None.
    """

    entries: tuple[str, ...]
    libraries: tuple[str, ...]


INPUTS = ("empirical.data.context:Context", "empirical.data.split:split_dataset")
TRAINING = ("numpy", "torch", "torchvision", "timm")
DIFFUSION = (
    "numpy",
    "torch",
    "diffusers",
    "transformers",
    "accelerate",
    "glide-text2im",
    "peft",
)
STAGES: Mapping[str, Stage] = {
    "decode": Stage(
        (
            "empirical.data.sources.locate:find_source",
            "empirical.data.sources.build:decode_source",
        ),
        ("numpy", "pillow"),
    ),
    "early": Stage((*INPUTS, "empirical.selection.stage:early_outputs"), TRAINING),
    "select": Stage((*INPUTS, "empirical.selection.stage:selected"), (*TRAINING, "scikit-learn")),
    "generator": Stage(
        (*INPUTS, "empirical.generation.stage:load_or_train_generator"),
        ("numpy", "torch", "diffusers"),
    ),
    "variants": Stage((*INPUTS, "empirical.generation.stage:load_or_make_variants"), DIFFUSION),
    "train": Stage(
        (*INPUTS, "empirical.pipeline:execute"), (*TRAINING, *DIFFUSION, "scikit-learn", "scipy")
    ),
    "judge": Stage(
        (*INPUTS, "empirical.generation.quality.by_strength:load_or_train_judge"), TRAINING
    ),
    "adapter": Stage(
        (*INPUTS, "empirical.generation.adapter:adapt"),
        tuple(name for name in DIFFUSION if name != "glide-text2im"),
    ),
    "cross-fit": Stage((*INPUTS, "empirical.generation.quality.cross_fit:cross_fit"), TRAINING),
}
IGNORED = {  # modules whose code cannot change a result
    "empirical.data.decoded",  # reads back decoded images, whose digest is in every stage's key
    "empirical.runtime.leases",
    "empirical.runtime.locks",
    "empirical.runtime.stage_code",
    "empirical.training.progress",
}


@cache
def code(stage: str) -> str:
    """Return the digest of the code and the library versions of a stage, a key of ``STAGES``."""
    entries, libraries = STAGES[stage].entries, STAGES[stage].libraries
    return digest([sources().digest(entries), versions(libraries)])


@cache
def sources(root: Path = ROOT) -> Sources:
    """Return the source files below ``root`` that may count."""
    return Sources(root, PACKAGES, IGNORED)


def versions(libraries: Iterable[str]) -> dict[str, str | None]:
    """Return the installed version of each library; None if it is not installed."""
    found: dict[str, str | None] = {}
    for name in sorted(set(libraries)):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found
