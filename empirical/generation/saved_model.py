"""A trained generator as a folder: what diffusers loads (``DDPMPipeline.from_pretrained``), and what it has seen, so that nothing leaks.

model_index.json  unet/  scheduler/     the model, weights as safetensors
training.json                           classes, data, settings, seed, steps, loss, versions
indices.npy                             which of the data set's training images it was trained on, int64, increasing
"""

from __future__ import annotations

import copy
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from figures.records import atomic_folder, write_json

if TYPE_CHECKING:
    from diffusers import DDPMScheduler, UNet2DModel

    from empirical.data.split import Split

ABOUT, INDICES = "training.json", "indices.npy"
NEEDED = (
    "classes",
    "data",
    "data_content",
    "seen",
    "indices_sha256",
    "images",
    "settings",
    "seed",
    "steps",
)


def save(
    folder: Path,
    unet: UNet2DModel,
    schedule: DDPMScheduler,
    about: dict[str, Any],
    indices: np.ndarray,
    bf16: bool = False,
) -> None:
    """Write the folder, whole or not at all; its digest of ``indices`` is added to ``about``.

    indices: (n,) of the images seen. bf16: weights in half the bytes, to 8 significant bits. Raises ValueError if the folder is there.
    """
    from diffusers import DDPMPipeline

    if folder.exists():
        raise ValueError(
            f"folder {folder} is there already; allowed: a new one; remove it or give another name"
        )
    with atomic_folder(folder) as part:
        weights = copy.deepcopy(unet).to("cpu")
        for parameter in (
            weights.parameters() if bf16 else ()
        ):  # one by one, as diffusers warns of a cast of the whole
            parameter.data = parameter.data.bfloat16()
        DDPMPipeline(weights, schedule).save_pretrained(part)
        indices = np.sort(np.asarray(indices, np.int64))
        np.save(part / INDICES, indices)
        write_json(
            part / ABOUT, {**about, "images": len(indices), "indices_sha256": sha256(indices)}
        )


def load_about(folder: Path) -> dict[str, Any]:
    """What a generator's folder says of itself; empty for a model of other people's, which says nothing. ValueError if it is damaged."""
    try:
        about = json.loads((folder / ABOUT).read_text())
    except FileNotFoundError:
        return {}
    except ValueError:
        about = None
    if not isinstance(about, dict) or any(name not in about for name in NEEDED):
        raise ValueError(
            f"{folder / ABOUT} is damaged; allowed: what `python -m empirical diffusion train` writes; train it again"
        )
    return about


def load_indices(folder: Path) -> np.ndarray:
    """Which training images the generator has seen, (n,) int64, increasing. ValueError if they are missing or not those of its about."""
    try:
        indices = np.load(folder / INDICES, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        indices = np.empty(0, np.int64)
    if sha256(indices) != load_about(folder).get("indices_sha256"):
        raise ValueError(
            f"{folder / INDICES} is missing or damaged; allowed: the images that {ABOUT} tells of; train the generator again"
        )
    return indices


def check_disjoint(folder: Path, parts: Split) -> dict[str, Any]:
    """What the folder says of itself, after a check that it may serve this split.

    external: its images are among ``parts.rest`` alone, so in no training or validation set; own: they are just the training split's.
    Nothing is checked of a model that says nothing of itself. Raises ValueError if it saw other images than it may, or another data set.
    """
    about = load_about(folder)
    if not about:
        return about
    if about["data_content"] != parts.content:
        raise ValueError(
            f"generator {folder} was trained on data of content {about['data_content'][:16] or 'digits'}; "
            f"allowed: {parts.content[:16] or 'digits'}, this run's; train one on it"
        )
    indices = load_indices(folder)
    if about["seen"] == "external":
        if leaked := len(np.setdiff1d(indices, parts.rest)):
            raise ValueError(
                f"generator {folder} has seen {leaked} images of this run's training or validation set or pool; allowed: 0 of an external "
                "generator; train one with the run's data.candidate_pool, data.validation and data.classes"
            )
    elif not np.array_equal(indices, np.sort(parts.train_indices)):
        raise ValueError(
            f"generator {folder} has seen {len(indices)} images that are not this run's training split of {len(parts.train_indices)}; "
            "allowed: the same images; train one with the run's data and seed"
        )
    return about


def check_unseen(folder: Path, parts: Split) -> None:
    """Raise ValueError if a generator that says what it has seen has seen validation images of this split (one without a pool)."""
    about = load_about(folder)
    if about and about["data_content"] == parts.content:
        unseen = np.setdiff1d(load_indices(folder), np.union1d(parts.train_indices, parts.rest))
        if len(unseen):
            raise ValueError(
                f"generator {folder} has seen {len(unseen)} of the validation images; allowed: 0; hold out those that its training held out"
            )


def sha256(indices: np.ndarray) -> str:
    """Digest of which images a set holds, whatever their order."""
    return hashlib.sha256(np.sort(indices).astype("<i8").tobytes()).hexdigest()
