"""A trained generator as a folder in the format of diffusers, which ``DDPMPipeline`` loads; ``training.json`` tells of its training."""

from __future__ import annotations

import copy
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from empirical.generators.unet import ABOUT
from figures.records import write_json

if TYPE_CHECKING:
    from diffusers import UNet2DModel


def save(folder: Path, model: UNet2DModel, schedule, about: dict[str, Any], half: bool = False) -> None:
    """Write the folder, whole or not at all; half: weights as bfloat16, half the size. Raises FileExistsError if it is there already.

    about: classes, seen, indices_sha256, data_content, and what else a reader should know of the training.
    """
    from diffusers import DDPMPipeline

    if folder.exists():
        raise FileExistsError(f"{folder} is there already: remove it, or choose another name")
    partial = folder.with_name(f".{os.getpid()}.{folder.name}")
    kept = copy.deepcopy(model).to(dtype=torch.bfloat16) if half else model
    try:
        DDPMPipeline(unet=kept, scheduler=schedule).save_pretrained(partial)
        write_json(partial / ABOUT, about)
        partial.replace(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
