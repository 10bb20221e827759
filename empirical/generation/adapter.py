"""Adapt a text-to-image model to given images by LoRA (Hu et al. 2021), with peft.

Small matrices of low rank are added to the attention layers and trained on the model's own loss;
the weights of the model stay as they are. It is the middle way between a small model trained on
the images alone and a large one that has never seen them.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from empirical.config import Generator, require
from empirical.data.images import Images, tensors
from empirical.generation.backends.passes import resize
from empirical.generation.noise_levels import is_flow
from empirical.runtime.seeding import construction, stream, torch_stream
from figures.records import Advance, no_progress, write_json

if TYPE_CHECKING:
    from empirical.data.context import Context

RANK = 8
LEARNING_RATE = 1e-4
BATCH = 4
CLIP = 1.0  # largest norm of a gradient
LAYERS = ("to_q", "to_k", "to_v", "to_out.0")  # of attention, in UNets and transformers
NAME = "own"  # of the adapter

Condition = dict[str, Any]  # what the network is given beside latents and time


@dataclasses.dataclass(frozen=True)
class Family:
    """How the network of a kind of pipeline is called while it is trained.

    encode: (pipe, prompts) -> what it is told of the prompts. call: (network, noised latents,
    times, condition) -> prediction.
    """

    encode: Callable[[Any, list[str]], Condition]
    call: Callable[[Any, Tensor, Tensor, Condition], Tensor]


def encode_sd(pipe: Any, prompts: list[str]) -> Condition:
    """Encode prompts for Stable Diffusion 1 and 2."""
    hidden, _ = pipe.encode_prompt(prompts, pipe.device, 1, False)
    return {"encoder_hidden_states": hidden}


def encode_sdxl(pipe: Any, prompts: list[str]) -> Condition:
    """Encode prompts for SDXL; images count as whole ones of the model's own size."""
    hidden, _, pooled, _ = pipe.encode_prompt(
        prompts, device=pipe.device, num_images_per_prompt=1, do_classifier_free_guidance=False
    )
    side = pipe.unet.config.sample_size * pipe.vae_scale_factor
    ids = torch.tensor([[side, side, 0, 0, side, side]], device=pipe.device, dtype=hidden.dtype)
    added = {"text_embeds": pooled, "time_ids": ids.expand(len(prompts), -1)}
    return {"encoder_hidden_states": hidden, "added_cond_kwargs": added}


def encode_sd3(pipe: Any, prompts: list[str]) -> Condition:
    """Encode prompts for Stable Diffusion 3."""
    hidden, _, pooled, _ = pipe.encode_prompt(
        prompts, prompts, prompts, device=pipe.device, do_classifier_free_guidance=False
    )
    return {"encoder_hidden_states": hidden, "pooled_projections": pooled}


def call_unet(network: Any, x: Tensor, times: Tensor, condition: Condition) -> Tensor:
    """Return a UNet's prediction."""
    return network(x, times, **condition).sample


def call_transformer(network: Any, x: Tensor, times: Tensor, condition: Condition) -> Tensor:
    """Return a transformer's prediction."""
    return network(hidden_states=x, timestep=times, **condition).sample


FAMILIES = {
    "StableDiffusionXL": Family(encode_sdxl, call_unet),
    "StableDiffusion3": Family(encode_sd3, call_transformer),
    "StableDiffusion": Family(encode_sd, call_unet),
}


def family_of(pipe: Any) -> Family:
    """Return how a pipeline is trained. Raises ValueError for one that cannot be adapted here."""
    name = type(pipe).__name__
    found = next((each for head, each in FAMILIES.items() if name.startswith(head)), None)
    require(found is not None, "adapt with", name, f"{', '.join(FAMILIES)}, or adapt 0")
    assert found is not None
    return found


def network_of(pipe: Any) -> Any:
    """Return the network that denoises."""
    unet = getattr(pipe, "unet", None)
    return pipe.transformer if unet is None else unet


def add_adapter(pipe: Any, seed: int) -> list[Tensor]:
    """Add an adapter that changes nothing yet; return its weights, float32.

    Raises ValueError if peft is not installed.
    """
    try:
        from peft import LoraConfig
    except ImportError:
        raise ValueError(
            "adapt needs the package peft, which is not here; install it with: pip install peft"
        ) from None
    network = network_of(pipe)
    network.requires_grad_(False)
    with construction(seed, "adapter"):
        network.add_adapter(
            LoraConfig(r=RANK, lora_alpha=RANK, target_modules=list(LAYERS)), adapter_name=NAME
        )
    weights = [each for each in network.parameters() if each.requires_grad]
    for each in weights:
        each.data = each.data.float()
    return weights


def train_adapter(
    pipe: Any,
    images: Images,
    prompts: Sequence[Sequence[tuple[str, str]]],
    side: int,
    steps: int,
    flip: bool,
    seed: int,
) -> Iterator[float]:
    """Train an adapter of the pipeline's network in place, yielding the loss of every step.

    images: uint8 or floats in [-1, 1]; they are resized to ``side``. prompts: of each class, at
    least one, as in ``class_prompts``. steps: of 4 images each. flip: mirror images at random. The
    loss is that of the model: the noise, v, or for flow matching noise minus image.
    """
    family = family_of(pipe)
    weights = add_adapter(pipe, seed)
    network = network_of(pipe)
    optimiser = torch.optim.AdamW(weights, LEARNING_RATE, weight_decay=1e-2)
    rng = stream(seed, "adapter order")
    noise_rng = torch_stream(seed, "adapter noise")
    dtype = next(pipe.vae.parameters()).dtype
    conditions = [[family_condition(family, pipe, text) for text, _ in own] for own in prompts]
    network.train()
    for _ in range(steps):
        rows = rng.integers(0, len(images), BATCH)
        x, labels = tensors(images[rows])
        if flip:
            mirrored = torch.from_numpy(rng.random(BATCH) < 0.5)
            x = torch.where(mirrored[:, None, None, None], x.flip(3), x)
        chosen = [conditions[c][int(rng.integers(len(conditions[c])))] for c in labels.tolist()]
        with torch.no_grad():
            latents = encode_images(pipe, resize(x.to(pipe.device), side, side).to(dtype))
        loss = model_loss(family, pipe, latents, join(chosen), noise_rng)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, CLIP)
        optimiser.step()
        yield float(loss.detach())
    network.eval()


@torch.no_grad()
def family_condition(family: Family, pipe: Any, prompt: str) -> Condition:
    """Return what the network is told of one prompt, a batch of one."""
    return family.encode(pipe, [prompt])


def join(conditions: Sequence[Condition]) -> Condition:
    """Return conditions of one prompt each as those of a batch."""
    joined: Condition = {}
    for name, first in conditions[0].items():
        values = [each[name] for each in conditions]
        joined[name] = join(values) if isinstance(first, dict) else torch.cat(values)
    return joined


def encode_images(pipe: Any, pixels: Tensor) -> Tensor:
    """Return latents of images in [-1, 1], float32, as the network expects them."""
    config = pipe.vae.config
    latents = pipe.vae.encode(pixels).latent_dist.mode().float()
    return (latents - (getattr(config, "shift_factor", None) or 0.0)) * config.scaling_factor


def model_loss(
    family: Family, pipe: Any, latents: Tensor, condition: Condition, rng: torch.Generator
) -> Tensor:
    """Return the mean squared error of the network at one random time and noise for each image."""
    schedule = pipe.scheduler
    n = len(latents)
    noise = torch.randn(latents.shape, generator=rng).to(latents)
    count = schedule.config.num_train_timesteps
    if is_flow(schedule):
        # times as the logistic of a normal, as Stable Diffusion 3 was trained (Esser et al. 2024)
        s = torch.sigmoid(torch.randn(n, generator=rng)).to(latents)
        part = s.reshape(-1, 1, 1, 1)
        noised, times, target = (1 - part) * latents + part * noise, s * count, noise - latents
    else:
        times = torch.randint(count, (n,), generator=rng).to(latents.device)
        bars = schedule.alphas_cumprod.to(latents)[times].reshape(-1, 1, 1, 1)
        noised = bars.sqrt() * latents + (1 - bars).sqrt() * noise
        kind = schedule.config.prediction_type
        target = noise if kind == "epsilon" else bars.sqrt() * noise - (1 - bars).sqrt() * latents
        require(kind in ("epsilon", "v_prediction"), "prediction_type", kind, "epsilon, v")
    network = network_of(pipe)
    dtype = next(pipe.vae.parameters()).dtype
    made = family.call(network, noised.to(dtype), times, condition)
    return (made.float() - target).square().mean()


def adapter_weights(pipe: Any) -> dict[str, Tensor]:
    """Return the adapter's weights by name."""
    from peft.utils import get_peft_model_state_dict

    found = get_peft_model_state_dict(network_of(pipe), adapter_name=NAME)
    return {name: value.detach().cpu() for name, value in found.items()}


def load_adapter(pipe: Any, weights: dict[str, Tensor]) -> None:
    """Add an adapter with these weights to the pipeline's network."""
    from peft.utils import set_peft_model_state_dict

    add_adapter(pipe, 0)
    set_peft_model_state_dict(network_of(pipe), weights, adapter_name=NAME)
    network_of(pipe).eval()


def adapt(
    context: Context, backend: Any, generator: Generator, advance: Advance = no_progress
) -> None:
    """Adapt a text-to-image backend to the run's training images, in place.

    generator: the run's, with a local model named by its content. The adapter is kept in the
    artifacts and found again. Nothing is done if ``generator.adapt`` is 0. advance: called at
    every step. Raises ValueError for a model of another kind.
    """
    from empirical.generation.backends.text_to_image import class_prompts
    from empirical.runtime.artifacts import artifact, load_weights, save_weights

    run, train = context.run, context.parts.train
    steps = run.generator.adapt
    if not steps:
        return
    require(backend.kind == "text", "adapt of a model of kind", backend.kind, "text, or adapt 0")
    depends = (context.parts.content, generator, context.seed)
    path = artifact(context.root, "adapter", ".safetensors", *depends)
    if (weights := load_weights(path)) is None:
        prompts = class_prompts(run.generator, train.classes)
        losses = []
        for loss in train_adapter(
            backend.pipe, train, prompts, backend.side, steps, run.generator.flip, context.seed
        ):
            losses.append(loss)
            advance(1)
        first, last = mean_loss(losses)
        save_weights(path, adapter_weights(backend.pipe))
        write_json(path.with_suffix(".json"), {"first_loss": first, "last_loss": last})
    else:
        load_adapter(backend.pipe, weights)
    losses_kept = json.loads(path.with_suffix(".json").read_text())
    backend.description = {
        **backend.description,
        "adapted": {"steps": steps, "rank": RANK, "images": len(train), **losses_kept},
    }


def mean_loss(losses: Sequence[float], share: float = 0.2) -> tuple[float, float]:
    """Return the mean of the first and of the last losses, each a share of all, at least one."""
    count = max(1, int(len(losses) * share))
    return float(np.mean(losses[:count])), float(np.mean(losses[-count:]))
