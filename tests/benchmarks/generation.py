"""Measure how fast variants are made and generators trained.

It is run by hand, never as a test:

    python tests/benchmarks/generation.py --device cuda --out generation.json
    python tests/benchmarks/generation.py --tiny

``--parts`` chooses among three parts:

- ``batches``: images per second by batch size. The ratio is to the same model and steps called
  image by image, as a pipeline in a loop does.
- ``strengths``: cost against strength: evaluations of the denoiser, counted, and images per second.
  The share is of the whole schedule's evaluations.
- ``training``: training images per second by size of the UNet.

Weights are untrained, which does not change the time. Times are medians over repeats, after a
warm-up. A measurement that fails is named, and the others are still made.
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
from empirical.generation.denoising import noise_then_denoise
from empirical.generation.unet import build_unet, guided_denoiser, noise_schedule
from empirical.runtime.seeding import torch_stream

torch.set_num_threads(1)
Result = dict[str, object]


@dataclasses.dataclass(frozen=True)
class Settings:
    """Settings of the benchmark."""

    device: str = "cpu"  # device of the models
    tiny: bool = False  # rehearse in seconds; the numbers mean nothing
    parts: tuple[str, ...] = ("batches", "strengths", "training")
    side: int = 32  # height and width of the images, pixels
    grid: int = 50  # steps of the whole schedule
    # channels of each UNet; the first makes the variants
    channels: tuple[tuple[int, ...], ...] = (
        (32, 64, 128),
        (16, 32, 64),
        (64, 128, 128),
        (96, 192, 192),
    )
    batches: tuple[int, ...] = (1, 16, 64, 256)  # batch sizes; the last measures the strengths
    strengths: tuple[float, ...] = (0.1, 0.3, 0.5, 0.7, 1.0)  # fractions of the schedule, (0, 1]
    train_batch: int = 128  # images per training step
    train_steps: int = 20  # training steps per measurement
    repeats: int = 3  # measurements, of which the median is taken
    out: Path | None = None  # JSON file for the results; None: only print them

    def rehearsal(self) -> Settings:
        """Return smaller settings, which take seconds."""
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
    """Return the median wall time of a call in seconds, after a warm-up call."""
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
    """Return the result, or the error as ``failed``, so that other measurements go on."""
    try:
        return do()
    except Exception as error:
        first = next(iter(str(error).splitlines()), "")
        return {"failed": f"{type(error).__name__}: {first}"}


def made_up(n: int, side: int) -> Images:
    """Return n images of uniform noise with labels 0 to 9."""
    pixels = np.random.default_rng(0).uniform(-1, 1, (n, 3, side, side)).astype(np.float32)
    return Images(pixels, np.arange(n) % 10, tuple(map(str, range(10))))


class Counted:
    """A denoiser that counts the images it is given."""

    def __init__(self, settings: Settings) -> None:
        config = Generator(channels=settings.channels[0])
        model = build_unet(made_up(1, settings.side), config, 0)
        model = model.to(settings.device).eval()
        self.denoiser = guided_denoiser(model, 1.0, null=10)
        self.images = 0
        self.settings = settings

    def __call__(self, x: torch.Tensor, t: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        self.images += len(x)
        return self.denoiser(x, t, labels)

    def make(self, n: int, strength: float) -> torch.Tensor:
        """Return variants of n images, made in one batch."""
        images = made_up(n, self.settings.side)
        pixels = torch.from_numpy(images.pixels).to(self.settings.device)
        labels = torch.from_numpy(images.labels).to(self.settings.device)
        config = Variants(strength, self.settings.grid)
        rngs = [torch_stream(0, i) for i in range(n)]
        schedule = noise_schedule()
        with torch.inference_mode():
            return noise_then_denoise(self, schedule, pixels, labels, config, rngs).cpu()


def batches(settings: Settings) -> Iterator[Result]:
    """Yield the images per second by batch size, at strength 0.5."""
    denoiser = Counted(settings)
    alone = None
    for size in settings.batches:

        def do(size: int = size) -> Result:
            took = seconds(lambda: denoiser.make(size, 0.5), settings)
            return {"images_per_second": size / took}

        found = attempt(do)
        alone = found.get("images_per_second") if size == 1 else alone
        if alone and "failed" not in found:
            found["ratio"] = found["images_per_second"] / alone
        yield {"batch": size, **found}


def strengths(settings: Settings) -> Iterator[Result]:
    """Yield the cost of one batch by strength."""
    denoiser = Counted(settings)
    size = settings.batches[-1]
    for value in settings.strengths:

        def do(value: float = value) -> Result:
            before = denoiser.images
            took = seconds(lambda: denoiser.make(size, value), settings)
            evaluations = (denoiser.images - before) / size / (settings.repeats + 1)
            return {
                "evaluations": evaluations,
                "share": evaluations / settings.grid,
                "images_per_second": size / took,
            }

        yield {"strength": value, **attempt(do)}


def training(settings: Settings) -> Iterator[Result]:
    """Yield the training images per second by size of the UNet.

    Steps are whole ones, with optimiser and weight averaging.
    """
    images = made_up(4 * settings.train_batch, settings.side)
    for channels in settings.channels:

        def do(channels: tuple[int, ...] = channels) -> Result:
            config = Generator(channels=channels, steps=10**6, batch=settings.train_batch, lr=1e-4)
            model = build_unet(images, config, 0).to(settings.device)
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
    """Format a value, numbers to 3 significant digits."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def main(settings: Settings) -> None:
    """Print a line for each measurement; with ``--out``, also write all of them as JSON."""
    if unknown := set(settings.parts) - set(PARTS):
        raise SystemExit(f"error: parts is {sorted(unknown)}; allowed: {', '.join(PARTS)}")
    settings = settings.rehearsal() if settings.tiny else settings
    found: dict[str, list[Result]] = {}
    for part in settings.parts:
        print(part)
        found[part] = []
        for row in PARTS[part](settings):
            found[part].append(row)
            cells = (f"{key} {shown(value)}" for key, value in row.items())
            print("  " + "  ".join(cells), flush=True)
    if settings.out is not None:
        about = {"torch": torch.__version__, "settings": dataclasses.asdict(settings)}
        settings.out.write_text(json.dumps({**about, **found}, indent=1, default=str) + "\n")


if __name__ == "__main__":
    main(tyro.cli(Settings))
