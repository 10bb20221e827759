"""Keep a trained generator in a folder that diffusers loads, with a list of the images it has seen.

The list lets every later run check that no validation or test image has leaked into the generator.

model_index.json  unet/  scheduler/    the model; ``DDPMPipeline.from_pretrained`` loads it
training.json                          classes, data, settings, seed, steps, loss, versions
indices.npy                            the data set's training images seen, int64, rising
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

TRAINING_INFO = "training.json"
INDICES = "indices.npy"
NEEDED = (  # entries of training.json without which it counts as damaged
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


def save_generator(
    folder: Path,
    unet: UNet2DModel,
    schedule: DDPMScheduler,
    info: dict[str, Any],
    indices: np.ndarray,
    bf16: bool = False,
) -> None:
    """Write a generator's folder completely or not at all.

    info: content of training.json, to which the number and the digest of ``indices`` are added.
    indices: (n,), the training images seen. bf16: store the weights in half the bytes, with 8
    significant bits. Raises ValueError if the folder exists.
    """
    from diffusers import DDPMPipeline

    if folder.exists():
        raise ValueError(
            f"folder {folder} is there already; allowed: a new one; remove it or give another name"
        )
    with atomic_folder(folder) as part:
        weights = copy.deepcopy(unet).to("cpu")
        if bf16:
            for parameter in weights.parameters():  # diffusers warns if a whole model is cast
                parameter.data = parameter.data.bfloat16()
        DDPMPipeline(weights, schedule).save_pretrained(part)
        indices = np.sort(np.asarray(indices, np.int64))
        np.save(part / INDICES, indices)
        seen = {"images": len(indices), "indices_sha256": digest_indices(indices)}
        write_json(part / TRAINING_INFO, {**info, **seen})


def read_training_info(folder: Path) -> dict[str, Any]:
    """Return the content of a generator's training.json.

    Empty for a model from elsewhere, which has no such file. Raises ValueError if it is damaged.
    """
    try:
        info = json.loads((folder / TRAINING_INFO).read_text())
    except FileNotFoundError:
        return {}
    except ValueError:
        info = None
    if not isinstance(info, dict) or any(name not in info for name in NEEDED):
        raise ValueError(
            f"{folder / TRAINING_INFO} is damaged; allowed: what `python -m empirical diffusion "
            "train` writes; train it again"
        )
    return info


def read_training_indices(folder: Path) -> np.ndarray:
    """Return which training images the generator has seen: (n,) int64, rising.

    Raises ValueError if the file is missing, or is not the one that training.json describes.
    """
    try:
        indices = np.load(folder / INDICES, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        indices = np.empty(0, np.int64)
    if digest_indices(indices) != read_training_info(folder).get("indices_sha256"):
        raise ValueError(
            f"{folder / INDICES} is missing or damaged; allowed: the images that {TRAINING_INFO} "
            "tells of; train the generator again"
        )
    return indices


def check_disjoint(folder: Path, parts: Split) -> dict[str, Any]:
    """Return a generator's training.json after checking that the generator may serve this split.

    external: it has seen only images of ``parts.rest``, which are in no training or validation set.
    own: it has seen exactly the images of the training split. A model without a training.json is
    not checked and gives an empty dict. Raises ValueError if it has seen other images, or was
    trained on another data set.
    """
    info = read_training_info(folder)
    if not info:
        return info
    if info["data_content"] != parts.content:
        raise ValueError(
            f"generator {folder} was trained on data of content "
            f"{info['data_content'][:16] or 'digits'}; allowed: "
            f"{parts.content[:16] or 'digits'}, this run's; train one on it"
        )
    indices = read_training_indices(folder)
    if info["seen"] == "external":
        if leaked := len(np.setdiff1d(indices, parts.rest)):
            raise ValueError(
                f"generator {folder} has seen {leaked} images of this run's training or validation "
                "set or pool; allowed: 0 of an external generator; train one with the run's "
                "data.candidate_pool, data.validation and data.classes"
            )
    elif not np.array_equal(indices, np.sort(parts.train_indices)):
        raise ValueError(
            f"generator {folder} has seen {len(indices)} images that are not this run's training "
            f"split of {len(parts.train_indices)}; allowed: the same images; train one with the "
            "run's data and seed"
        )
    return info


def check_validation_unseen(folder: Path, parts: Split) -> None:
    """Raise ValueError if a generator has seen validation images of this split.

    For a split without a pool. A model without a training.json is not checked.
    """
    info = read_training_info(folder)
    if info and info["data_content"] == parts.content:
        allowed = np.union1d(parts.train_indices, parts.rest)
        leaked = len(np.setdiff1d(read_training_indices(folder), allowed))
        if leaked:
            raise ValueError(
                f"generator {folder} has seen {leaked} of the validation images; allowed: 0; "
                "hold out those that its training held out"
            )


def digest_indices(indices: np.ndarray) -> str:
    """Return the SHA-256 of a set of image indices, whatever their order."""
    return hashlib.sha256(np.sort(indices).astype("<i8").tobytes()).hexdigest()
