"""Stage generate: the diffusion model of a run, trained for it or there already, and the variants that it makes, kept in a store."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from empirical.config import Run
from empirical.data.images import Images
from empirical.data.load import dataset
from empirical.data.pixels import as_pixels, as_uint8
from empirical.data.split import Split
from empirical.generation import denoiser_trainer
from empirical.generation import saved_model as generator_folder
from empirical.generation import unet as diffusion
from empirical.generation.backends.model_files import contents, folder_of, precision
from empirical.generation.backends.pixel_unet import from_unet
from empirical.generation.backends.protocol import Backend
from empirical.generation.backends.resolve import backend, compiled
from empirical.generation.saved_model import sha256
from empirical.generation.store.store import Store, ignore, open_store
from empirical.generation.training import going_on
from empirical.generation.variants import make_variants, mixed
from empirical.runtime.artifacts import alone, artifact, load_weights, save_weights
from empirical.runtime.machine import USUAL, Machine
from empirical.training.fit import forget_checkpoint
from figures.records import Advance, digest, write_json

if TYPE_CHECKING:
    from diffusers import UNet2DModel

ABOUT = "about.json"  # in a store of variants: what made them


def seen(run: Run, seed: int, parts: Split, root: Path) -> tuple[Images, np.ndarray, int]:
    """What the run's generator is trained on: images, which of the official training images they are, and the seed of its training.

    ``own``: the training split. ``external``: the images that are left over, which with ``data.pool`` are the same for all seeds, so that
    one generator, of seed 0, serves all. Raises ValueError if none are left over.
    """
    if run.generator.seen == "own":
        return parts.train, parts.train_indices, seed
    if run.data.from_library or not len(parts.rest):
        raise ValueError(
            f"generator.seen is 'external', but all images of {run.data.name} are in the training, validation or test set; "
            "allowed: own, or a smaller data.train"
        )
    return (
        dataset(run.data, root).train[parts.rest],
        parts.rest,
        seed if run.data.pool is None else 0,
    )


def generator(
    run: Run,
    seed: int,
    parts: Split,
    root: Path,
    advance: Advance = ignore,
    machine: Machine = USUAL,
) -> UNet2DModel:
    """The diffusion model that is trained for the run, on the machine's device. ``advance(n)`` after every n steps.

    Stopped, the same call goes on from the last checkpoint, on a CPU to the same bits.
    """
    (images, indices, seed), device = seen(run, seed, parts, root), machine.on(run.data)
    depends = (run.data.name, run.data.side, parts.content, sha256(indices), run.generator, seed)
    path = artifact(root, "generator", ".safetensors", *depends)
    model = diffusion.unet(images, run.generator, seed)
    with alone(path):
        if (weights := load_weights(path)) is not None:
            model.load_state_dict(weights)
            return model.to(device).eval()
        checkpoint = artifact(root, "checkpoint", ".pt", "generator", device.type, *depends)
        trainer = denoiser_trainer.DenoiserTrainer(
            model.to(device), images, run.generator, seed, machine.compile
        )
        done = 0
        for step in going_on(trainer, checkpoint, machine.checkpoint, digest(depends)):
            advance(step - done)
            done = step
        model = trainer.averaged()
        save_weights(path, model.state_dict())
        forget_checkpoint(checkpoint)
    return model


def way(run: Run, seed: int, parts: Split, root: Path, machine: Machine = USUAL) -> Backend:
    """The model that makes the run's variants: trained for it, or the one that ``generator.model`` names; on the machine's device."""
    classes, device = parts.train.classes, machine.on(run.data)
    if run.generator.model is None:
        model, dtype = (
            generator(run, seed, parts, root, machine=machine),
            precision(run.generator, device),
        )
        made = from_unet(
            model,
            diffusion.noise_schedule(),
            run.variants,
            classes,
            device,
            run.generator.seen,
            dtype,
        )
    else:
        generator_folder.check_disjoint(
            folder_of(run.generator.model) or Path(run.generator.model), parts
        )
        made = backend(run.generator, run.variants, classes, parts.train.shape, device)
    return compiled(made) if machine.compile and device.type == "cuda" else made


def variants(
    run: Run,
    seed: int,
    parts: Split,
    root: Path,
    sources: np.ndarray,
    copies: np.ndarray,
    machine: Machine = USUAL,
    advance: Advance = ignore,
) -> np.ndarray:
    """The variants (source, copy), (m, channels, height, width), from the store as far as it holds them, else made and added to it.

    ``advance(n)`` when n more of those that were missing are there.
    """
    store, pairs = variant_store(run, seed, parts, root), np.stack([sources, copies], axis=1)
    if len(store.missing(pairs)):
        made_by = way(run, seed, parts, root, machine)
        write_json(store.folder / ABOUT, {**made_by.describe(), **made_by.level()})

        def make(sources: np.ndarray, copies: np.ndarray) -> np.ndarray:
            made = make_variants(made_by, parts.train, sources, copies, seed)
            made = mixed(made, parts.train, sources, copies, seed) if run.variants.mix else made
            return as_uint8(made) if store.dtype == np.uint8 else made

        store.fill(pairs, make, parts.train.labels, advance)
    return as_pixels(store.read(pairs))


def variant_store(run: Run, seed: int, parts: Split, root: Path) -> Store:
    """The store of the run's variants: several processes that need the same ones share the work."""
    description = {
        "data": run.data,
        "content": parts.content,
        "classes": parts.train.classes,
        "train": sha256(parts.train_indices),
    }
    made = {"generator": by_content(run), "variants": run.variants, "seed": seed}
    stored = parts.train.stored
    return open_store(
        variants_path(run, seed, parts, root),
        {**description, **made},
        stored.shape[1:],
        stored.dtype,
    )


def variants_path(run: Run, seed: int, parts: Split, root: Path) -> Path:
    """Where the run's variants are kept."""
    return artifact(
        root, "variants", "", run.data, parts.content, by_content(run), run.variants, seed
    )


def by_content(run: Run) -> Any:
    """The settings of the generator; of a model in a folder, what the files hold stands for its name, wherever the folder is."""
    folder = None if run.generator.model is None else folder_of(run.generator.model)
    return (
        run.generator
        if folder is None
        else dataclasses.replace(run.generator, model=f"sha256:{contents(folder)}")
    )


def made_by(run: Run, seed: int, parts: Split, root: Path) -> dict[str, Any]:
    """What the store of the variants says of the model and the noise level; nothing where the run has none."""
    about = variants_path(run, seed, parts, root) / ABOUT
    if not run.method.generates or not about.exists():
        return {}
    said = {
        **json.loads(about.read_text()),
        "model": run.generator.model,
    }  # others may call the same files by another name
    return {name: value for name, value in said.items() if value is not None}
