"""How fast variants are made and generators trained. Run by hand, never as a test:

    python tests/benchmarks/generation.py --device cuda --out generation.json
    python tests/benchmarks/generation.py --tiny

Parts, by ``--parts``: ``batches`` (images a second by batch size; ratio: times those of the same model and steps called image by image,
as a pipeline in a loop does), ``strengths`` (cost against strength: evaluations of the denoiser, counted, and seconds; share: of the whole
schedule's), ``training`` (training images a second by size of the UNet). Weights are untrained: what they say does not matter for the time.
Times are medians over repeats, after a warm-up. What fails is named, and the rest is measured.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
import torch
import tyro

from empirical.config import Generator, Variants
from empirical.data.images import Images
from empirical.generation import denoiser_trainer
from empirical.generation import unet as diffusion
from empirical.generation.denoising import noise_then_denoise
from empirical.runtime.seeding import torch_stream

torch.set_num_threads(1)
Result = dict[str, object]


@dataclasses.dataclass(frozen=True)
class Settings:
    """device: of the models. tiny: a rehearsal of seconds, whose numbers mean nothing. side: of the images; grid: steps of the whole
    schedule. channels: of the UNets, one after another; the first makes the variants.
    """

    device: str = "cpu"
    tiny: bool = False
    parts: tuple[str, ...] = ("batches", "strengths", "training")
    side: int = 32
    grid: int = 50
    channels: tuple[tuple[int, ...], ...] = (
        (32, 64, 128),
        (16, 32, 64),
        (64, 128, 128),
        (96, 192, 192),
    )
    batches: tuple[int, ...] = (1, 16, 64, 256)
    strengths: tuple[float, ...] = (0.1, 0.3, 0.5, 0.7, 1.0)
    train_batch: int = 128
    train_steps: int = 20
    repeats: int = 3
    out: Path | None = None

    def rehearsal(self) -> Settings:
        small = {
            "side": 8,
            "grid": 10,
            "channels": ((8, 16), (16, 16)),
            "batches": (1, 4),
            "train_batch": 8,
            "train_steps": 4,
            "repeats": 1,
        }
        return dataclasses.replace(self, **small)


def seconds(go: Callable[[], object], settings: Settings) -> float:
    """Median wall time; the first call warms up."""
    times = []
    for repeat in range(settings.repeats + 1):
        begin = time.perf_counter()
        go()
        if settings.device.startswith("cuda"):
            torch.cuda.synchronize()
        if repeat:
            times.append(time.perf_counter() - begin)
    return median(times)


def attempt(do: Callable[[], Result]) -> Result:
    """The result, or what went wrong: the rest is wanted all the same."""
    try:
        return do()
    except Exception as error:
        return {
            "failed": f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
        }


def made_up(n: int, side: int) -> Images:
    pixels = np.random.default_rng(0).uniform(-1, 1, (n, 3, side, side)).astype(np.float32)
    return Images(pixels, np.arange(n) % 10, tuple(map(str, range(10))))


class Counted:
    """A denoiser that counts the images it is given."""

    def __init__(self, settings: Settings) -> None:
        model = (
            diffusion.unet(made_up(1, settings.side), Generator(channels=settings.channels[0]), 0)
            .to(settings.device)
            .eval()
        )
        self.denoiser, self.images, self.settings = (
            diffusion.predict(model, 1.0, null=10),
            0,
            settings,
        )

    def __call__(self, x: torch.Tensor, t: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        self.images += len(x)
        return self.denoiser(x, t, labels)

    def make(self, n: int, strength: float) -> torch.Tensor:
        """Variants of n images in one batch."""
        images, device = made_up(n, self.settings.side), self.settings.device
        pixels, labels = (
            torch.from_numpy(images.pixels).to(device),
            torch.from_numpy(images.labels).to(device),
        )
        config, rngs = (
            Variants(strength, self.settings.grid),
            [torch_stream(0, i) for i in range(n)],
        )
        with torch.inference_mode():
            return noise_then_denoise(
                self, diffusion.noise_schedule(), pixels, labels, config, rngs
            ).cpu()


def batches(settings: Settings) -> Iterator[Result]:
    """Images a second at strength 0.5."""
    way, alone = Counted(settings), None
    for size in settings.batches:

        def do(size: int = size) -> Result:
            return {"images_per_second": size / seconds(lambda: way.make(size, 0.5), settings)}

        found = attempt(do)
        alone = found.get("images_per_second") if size == 1 else alone
        if alone and "failed" not in found:
            found["ratio"] = found["images_per_second"] / alone
        yield {"batch": size, **found}


def strengths(settings: Settings) -> Iterator[Result]:
    """Cost of one batch."""
    way, size, whole = Counted(settings), settings.batches[-1], round(settings.grid)
    for value in settings.strengths:

        def do(value: float = value) -> Result:
            before = way.images
            took = seconds(lambda: way.make(size, value), settings)
            evaluations = (way.images - before) / size / (settings.repeats + 1)
            return {
                "evaluations": evaluations,
                "share": evaluations / whole,
                "images_per_second": size / took,
            }

        yield {"strength": value, **attempt(do)}


def training(settings: Settings) -> Iterator[Result]:
    """Images a second by size of the UNet, whole steps with optimiser and averaging."""
    images = made_up(4 * settings.train_batch, settings.side)
    for channels in settings.channels:

        def do(channels: tuple[int, ...] = channels) -> Result:
            config = Generator(channels=channels, steps=10**6, batch=settings.train_batch, lr=1e-4)
            model = diffusion.unet(images, config, 0).to(settings.device)
            steps = denoiser_trainer.train_generator(model, images, config, 0)
            took = seconds(lambda: [next(steps) for _ in range(settings.train_steps)], settings)
            parameters = sum(p.numel() for p in model.parameters())
            return {
                "parameters": parameters,
                "images_per_second": settings.train_steps * settings.train_batch / took,
            }

        yield {"channels": channels, **attempt(do)}


PARTS = {"batches": batches, "strengths": strengths, "training": training}


def shown(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def main(settings: Settings) -> None:
    """A line for each measurement; all of it as JSON with ``--out``."""
    if unknown := set(settings.parts) - set(PARTS):
        raise SystemExit(f"error: parts is {sorted(unknown)}; allowed: {', '.join(PARTS)}")
    settings = settings.rehearsal() if settings.tiny else settings
    found: dict[str, list[Result]] = {}
    for part in settings.parts:
        print(part)
        found[part] = []
        for row in PARTS[part](settings):
            found[part].append(row)
            print(
                "  " + "  ".join(f"{key} {shown(value)}" for key, value in row.items()), flush=True
            )
    if settings.out is not None:
        about = {"torch": torch.__version__, "settings": dataclasses.asdict(settings)}
        settings.out.write_text(json.dumps({**about, **found}, indent=1, default=str) + "\n")


if __name__ == "__main__":
    main(tyro.cli(Settings))
