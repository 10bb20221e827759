"""The stages generator and variants of a run: train or load a diffusion model, make variants.

Variants are kept in a store, which several runs and several processes share.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from empirical.config import Generator, Run
from empirical.data.context import Context
from empirical.data.images import Images
from empirical.data.load import load_dataset, with_known_noise
from empirical.data.pixels import as_pixels, as_uint8
from empirical.generation import denoiser_trainer
from empirical.generation.backends.ideal import IdealBackend
from empirical.generation.backends.model_files import (
    digest_model_files,
    local_folder,
    network_dtype,
)
from empirical.generation.backends.pixel_unet import wrap_unet
from empirical.generation.backends.protocol import Backend
from empirical.generation.backends.resolve import compile_backend, load_backend
from empirical.generation.saved_model import check_disjoint, digest_indices
from empirical.generation.store.store import Store, block_of, open_store
from empirical.generation.training import train_with_checkpoints
from empirical.generation.unet import build_unet, noise_schedule
from empirical.generation.variants import make_variants, mix_with_sources
from empirical.runtime.artifacts import artifact, load_weights, save_weights
from empirical.runtime.locks import locked
from empirical.training.fit import forget_checkpoint
from empirical.training.progress import progress_bar
from figures.records import Advance, digest, no_progress, write_json

if TYPE_CHECKING:
    from diffusers import UNet2DModel

ABOUT = "about.json"  # in a store of variants: the model and the noise level that made them


def training_images(context: Context) -> tuple[Images, np.ndarray, int]:
    """Return what the run's own generator is trained on: images, their indices, and the seed.

    indices: (n,), which of the official training images these are. ``own``: the training split.
    ``external``: the images left over by all parts of the split; with ``data.candidate_pool`` these
    are the same for every seed, so that one generator, trained with seed 0, serves all seeds.
    Raises ValueError if no images are left over.
    """
    run, parts = context.run, context.parts
    if run.generator.trained_on == "own":
        return parts.train, parts.train_indices, context.seed
    if run.data.from_library or not len(parts.rest):
        raise ValueError(
            f"generator.trained_on is 'external', but all images of {run.data.name} are in the "
            "training, validation or test set; allowed: own, or a smaller data.train"
        )
    clean = load_dataset(run.data, context.root).train[parts.rest]
    images = with_known_noise(clean, parts.rest, "train", run.data)
    return images, parts.rest, context.seed if run.data.candidate_pool is None else 0


def load_or_train_generator(context: Context, advance: Advance = no_progress) -> UNet2DModel:
    """Return the diffusion model trained for the run, on the machine's device.

    advance: called with the number of steps done since the last call. Stopped, the same call goes
    on from the last checkpoint, on a CPU to the same bits.
    """
    run, machine, device = context.run, context.machine, context.device
    images, indices, seed = training_images(context)
    content = context.parts.content
    depends = (run.data.name, run.data.side, content, digest_indices(indices), run.generator, seed)
    path = artifact(context.root, "generator", ".safetensors", *depends)
    model = build_unet(images, run.generator, seed)
    with locked(path):
        if (weights := load_weights(path)) is not None:
            model.load_state_dict(weights)
            return model.to(device).eval()
        checkpoint = artifact(
            context.root, "generator", ".pt", device.type, *depends, name="checkpoint"
        )
        trainer = denoiser_trainer.DenoiserTrainer(
            model.to(device), images, run.generator, seed, machine.compile
        )
        done = 0
        identity = digest(depends)
        for step in train_with_checkpoints(trainer, checkpoint, machine.checkpoint, identity):
            advance(step - done)
            done = step
        model = trainer.averaged()
        save_weights(path, model.state_dict())
        forget_checkpoint(checkpoint)
    return model


def resolve_backend(context: Context) -> Backend:
    """Return the model that makes the run's variants, on the machine's device.

    It is the one that ``generator.model`` names, or else the one trained for the run. Raises
    ValueError if a named model has seen images of the split, or does not fit the run.
    """
    run, parts, device = context.run, context.parts, context.device
    classes = parts.train.classes
    if run.generator.kind == "ideal":
        return IdealBackend(run.variants)
    made: Backend
    if run.generator.model is None:
        made = wrap_unet(
            load_or_train_generator(context),
            noise_schedule(),
            run.variants,
            classes,
            device,
            run.generator.trained_on,
            network_dtype(run.generator, device),
        )
    else:
        name = run.generator.model
        check_disjoint(local_folder(name) or Path(name), parts)
        made = load_existing(context)
    return compile_backend(made) if context.machine.compile and device.type == "cuda" else made


def load_existing(context: Context) -> Backend:
    """Return the model that ``generator.model`` names, adapted to the images if so set.

    Raises ValueError if it does not fit the run.
    """
    from empirical.generation.adapter import adapt

    run, train = context.run, context.parts.train
    made = load_backend(run.generator, run.variants, train.classes, train.shape, context.device)
    with progress_bar("adapting the generator", run.generator.adapt, "step") as bar:
        adapt(context, made, generator_by_content(run), bar.update)
    return made


def load_or_make_variants(
    context: Context, sources: np.ndarray, copies: np.ndarray, advance: Advance = no_progress
) -> np.ndarray:
    """Return the variants (source, copy): (m, channels, height, width) float32 in [-1, 1].

    sources, copies: (m,). Those that the store does not hold are made and added to it. advance:
    called with the number of missing variants that were made since the last call.
    """
    store = fill_variant_store(context, sources, copies, advance)
    return as_pixels(store.read(np.stack([sources, copies], axis=1)))


def fill_variant_store(
    context: Context,
    sources: np.ndarray,
    copies: np.ndarray,
    advance: Advance = no_progress,
    load: Callable[[Context], Backend] | None = None,
) -> Store:
    """Return the store of the run's variants, after making those of (source, copy) that it lacks.

    sources, copies, advance: as in ``load_or_make_variants``. load: returns the model; called only
    if a variant is missing; None: ``resolve_backend``.
    """
    parts = context.parts
    store = open_variant_store(context)
    pairs = np.stack([sources, copies], axis=1)
    if len(store.missing(pairs)):
        model = resolve_backend(context) if load is None else load(context)
        write_json(store.folder / ABOUT, {**model.describe(), **model.level()})

        def make(sources: np.ndarray, copies: np.ndarray) -> np.ndarray:
            made = make_variants(model, parts.train, sources, copies, context.seed)
            if context.run.variants.mix:
                made = mix_with_sources(made, parts.train, sources, copies, context.seed)
            return as_uint8(made) if store.dtype == np.uint8 else made

        store.fill(pairs, make, parts.train.labels, advance)
    return store


def open_variant_store(context: Context) -> Store:
    """Open the store of the run's variants; processes that need the same ones share the work."""
    run, parts = context.run, context.parts
    description = {
        "data": run.data,
        "content": parts.content,
        "classes": parts.train.classes,
        "train": digest_indices(parts.train_indices),
        "generator": generator_by_content(run),
        "variants": run.variants,
        "seed": context.seed,
    }
    stored = parts.train.stored
    shape = stored.shape[1:]
    block = block_of(shape)
    return open_store(variant_store_path(context), description, shape, stored.dtype, block)


def variant_store_path(context: Context) -> Path:
    """Return the folder of the store that keeps the run's variants."""
    run, content = context.run, context.parts.content
    depends = (run.data, content, generator_by_content(run), run.variants, context.seed)
    return artifact(context.root, "variants", "", *depends)


def generator_by_content(run: Run) -> Generator:
    """Return the generator's settings with a local model named by the digest of its files.

    The same files give the same settings, wherever the folder lies.
    """
    folder = None if run.generator.model is None else local_folder(run.generator.model)
    if folder is None:
        return run.generator
    return dataclasses.replace(run.generator, model=f"sha256:{digest_model_files(folder)}")


def describe_variants(context: Context) -> dict[str, Any]:
    """Return the model and the noise level of the run's variants, as its store describes them.

    Entries without a value are left out. Empty if the run generates none, or has no store yet.
    """
    if not context.run.generates:
        return {}
    about = variant_store_path(context) / ABOUT
    if not about.exists():
        return {}
    kept = json.loads(about.read_text())
    kept["model"] = context.run.generator.model  # equal files may have another name elsewhere
    return {name: value for name, value in kept.items() if value is not None}
