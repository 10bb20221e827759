"""Measure how fast classifiers are trained, against a plain PyTorch script of the usual style.

It is run by hand, never as a test:

    python tests/benchmarks/training.py all --device cuda --out training.json
    python tests/benchmarks/training.py all --tiny
    python tests/benchmarks/training.py rates --networks resnet8 --window 10

The parts are

- ``rates``: images per second, and the ratio to the plain script with the same network, optimiser
  and augmentation;
- ``accuracy``: the final errors of both after equally many steps;
- ``startup``: seconds to the first step, and of the help text;
- ``at-once``: several processes on one device.

The plain script (``plain.py``) augments image by image in a data loader and reads every loss. Times
are medians over windows of steps, after a warm-up; SAM counts every image once. A measurement that
fails is named, and the others are still made.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from multiprocessing import get_context
from pathlib import Path
from statistics import mean, median
from typing import Literal

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"
HERE = Path(__file__).resolve()
sys.path.insert(0, str(HERE.parents[2]))

import numpy as np
import plain
import torch
import tyro

from empirical.config import Data, Training
from empirical.data.images import Images, on_device
from empirical.data.load import load_dataset
from empirical.training.evaluation import misclassified
from empirical.training.networks import classifier
from empirical.training.trainer import EAGER_STEPS, Trainer

torch.set_num_threads(1)


@dataclasses.dataclass(frozen=True)
class Settings:
    """Settings of the benchmark."""

    device: str = "cpu"  # device on which to train
    tiny: bool = False  # rehearse in seconds; the numbers mean nothing
    networks: tuple[str, ...] = ("resnet18", "resnet8", "vit-s", "convnext-t")
    batch: int = 128  # images per step
    images: int = 50_000  # number of training images
    window: int = 50  # steps per window
    windows: int = 5  # windows, of which the median is taken
    loader_workers: int = 2  # worker processes of the plain script's data loader
    steps: int = 780  # steps of the accuracy runs
    seeds_at_once: tuple[int, ...] = (1, 2, 4)  # numbers of processes
    root: Path | None = None  # folder with CIFAR-10 for the accuracy; None: made-up images
    out: Path | None = None  # JSON file for the results; None: only print them

    @property
    def cuda(self) -> bool:
        """Whether the device is a GPU."""
        return self.device.startswith("cuda")

    def rehearsal(self) -> Settings:
        """Return smaller settings, which take seconds."""
        small = {
            "networks": ("resnet8",),
            "batch": 16,
            "images": 256,
            "window": 3,
            "windows": 2,
            "steps": 12,
            "seeds_at_once": (1, 2),
        }
        return dataclasses.replace(self, **small)


@dataclasses.dataclass(frozen=True)
class Setup:
    """How a step is done: by our trainer or by the plain script, and with which options."""

    ours: bool = True
    optimiser: str = "sgd"
    augment: str = "crop-flip"
    precision: str = "float32"
    compile: bool = False
    cuda_graph: bool = False

    @property
    def label(self) -> str:
        """One line that names the setup."""
        owner = "ours" if self.ours else "plain"
        options = [name for name in ("compile", "cuda_graph") if getattr(self, name)]
        extras = " + ".join(options) or "eager"
        training = f"{self.optimiser:4s} {self.augment:17s} {self.precision:8s}"
        return f"{owner:5s} {training} {extras}"

    def config(self, network: str, batch: int) -> Training:
        """Return the configuration of the training."""
        lr = 0.05 if "resnet" in network else 0.005
        return Training(
            network,
            self.optimiser,
            batch=batch,
            lr=lr,
            augment=self.augment,
            precision=self.precision,
            steps=1,
        )


def setups(network: str, settings: Settings) -> list[Setup]:
    """Return the setups to be measured, the plain script first.

    SAM, TrivialAugment and compilation take long: only the first network has them, and vision
    transformers have compilation.
    """
    first = network == settings.networks[0]
    gpu = settings.cuda
    found = [
        Setup(ours=False),
        Setup(ours=False, precision="bfloat16"),
        Setup(),
        Setup(precision="bfloat16"),
    ]
    if gpu:
        found += [Setup(cuda_graph=True), Setup(cuda_graph=True, precision="bfloat16")]
    if first or network.startswith("vit"):
        found += [Setup(compile=True, precision="bfloat16", cuda_graph=gpu)]
    if gpu and (first or network.startswith("vit")):
        found += [Setup(compile=True, precision="bfloat16")]
    if first:
        for extra in ({"optimiser": "sam"}, {"augment": "crop-flip-trivial"}):
            found += [
                Setup(ours=False, **extra),
                Setup(**extra),
                Setup(cuda_graph=gpu, precision="bfloat16", **extra),
            ]
    return found


def synthetic(n: int, seed: int, classes: int = 10) -> Images:
    """Return made-up images that can be learned, but not at once.

    An image is a smooth pattern of its class, of random strength, in pixel noise.
    """
    coarse = np.random.default_rng(0).standard_normal((classes, 4, 4, 3))
    patterns = coarse.repeat(8, 1).repeat(8, 2)  # (classes, 32, 32, 3)
    rng = np.random.default_rng(1 + seed)
    labels = rng.integers(0, classes, n)
    strength = rng.uniform(5, 40, (n, 1, 1, 1)).astype(np.float32)
    pixels = rng.standard_normal((n, 32, 32, 3), dtype=np.float32) * 50 + 127
    pixels += strength * patterns[labels].astype(np.float32)
    return Images(pixels.clip(0, 255).astype(np.uint8), labels, tuple(map(str, range(classes))))


def trainer(
    setup: Setup, images: Images, network: str, settings: Settings, steps: int, seed: int = 0
) -> Trainer | plain.Plain:
    """Return a trainer of either kind; its ``run`` yields after every step."""
    config = setup.config(network, settings.batch)
    module = classifier(images, config, seed).to(settings.device)
    if not setup.ours:
        module = module.to(memory_format=torch.contiguous_format)
        return plain.Plain(
            module, images, config, steps, settings.device, settings.loader_workers, seed
        )
    rng = np.random.default_rng(seed)
    return Trainer(
        module,
        *on_device(images, settings.device),
        config,
        steps,
        rng,
        setup.compile,
        setup.cuda_graph,
    )


def wait(settings: Settings) -> None:
    """Wait until the device has finished its work."""
    if settings.cuda:
        torch.cuda.synchronize()


def window_rates(steps: Iterator[int], settings: Settings) -> list[float]:
    """Return the images per second of each window, after a warm-up.

    Steps are compiled and captured during the warm-up.
    """
    warm = EAGER_STEPS + 2 if settings.tiny else EAGER_STEPS + settings.window
    rates = []
    for _ in range(warm):
        next(steps)
    for _ in range(settings.windows):
        wait(settings)
        begin = time.perf_counter()
        for _ in range(settings.window):
            next(steps)
        wait(settings)
        rates.append(settings.window * settings.batch / (time.perf_counter() - begin))
    return rates


def attempt(do: Callable[[], dict]) -> dict:
    """Return the result, or the error as ``failed``, so that other measurements go on."""
    begin = time.perf_counter()
    try:
        found = do()
    except Exception as error:
        first = next(iter(str(error).splitlines()), "")
        found = {"failed": f"{type(error).__name__}: {first}"}
    return {**found, "seconds": round(time.perf_counter() - begin, 1)}


def rates(settings: Settings) -> Iterator[dict]:
    """Yield the images per second by network and setup.

    The ratio is to the plain script in float32 with the same optimiser and augmentation.
    """
    images = synthetic(settings.images, 0)
    for network in settings.networks:
        base: dict[tuple[str, str], float] = {}
        for setup in setups(network, settings):

            def do(network: str = network, setup: Setup = setup) -> dict:
                run = trainer(setup, images, network, settings, 10**6).run()
                found = window_rates(run, settings)
                run.close()
                return {
                    "images_per_second": median(found),
                    "slowest": min(found),
                    "fastest": max(found),
                }

            found = attempt(do)
            kind = (setup.optimiser, setup.augment)
            if "failed" not in found:
                if not setup.ours:
                    base.setdefault(kind, found["images_per_second"])
                found["ratio"] = found["images_per_second"] / base[kind] if kind in base else None
            yield {
                "network": network,
                **dataclasses.asdict(setup),
                **found,
                "label": f"{network:11s} {setup.label}",
            }


def accuracy(settings: Settings) -> Iterator[dict]:
    """Yield the final training and test errors of both scripts.

    They have the same first weights, batch size, rates and number of steps.
    """
    network = settings.networks[0]
    if settings.root is None:
        kind = "made-up images"
        train_images = synthetic(min(settings.images, 10_000), 0)
        parts = (train_images, synthetic(200 if settings.tiny else 2_000, 1))
    else:
        kind = "cifar10"
        os.environ["TADA_DATA"] = str(settings.root.absolute())
        whole = load_dataset(Data("cifar10", train=None))
        parts = (whole.train, whole.test)
    for setup in (
        Setup(ours=False),
        Setup(),
        Setup(precision="bfloat16", cuda_graph=settings.cuda),
    ):

        def do(setup: Setup = setup) -> dict:
            errors = []
            for seed in range(1 if settings.tiny else 3):
                run = trainer(setup, parts[0], network, settings, settings.steps, seed)
                for _ in run.run():
                    pass
                batches = (on_device(part[:10_000], settings.device) for part in parts)
                errors.append([float(misclassified(run.network, *b).mean()) for b in batches])
            train, test = zip(*errors, strict=True)
            return {
                "train_error": mean(train),
                "test_error": mean(test),
                "test_errors": test,
                "steps": settings.steps,
            }

        yield {
            **dataclasses.asdict(setup),
            **attempt(do),
            "label": f"{network:11s} {setup.label}, {kind}",
        }


def startup(settings: Settings) -> Iterator[dict]:
    """Yield the wall time of whole processes, for which a user waits."""
    steps = {"eager, 1 step": ["first", "1"], "compiled, 1 step": ["first-compiled", "1"]}
    if settings.cuda:
        steps["captured, first replay"] = ["first-captured", str(EAGER_STEPS + 1)]
    options = ["--device", settings.device, "--networks", settings.networks[0]]
    options += ["--images", str(settings.images)]
    commands = {
        name: [str(HERE), what, *options, "--steps", count] for name, (what, count) in steps.items()
    }
    commands["python -m empirical --help"] = ["-m", "empirical", "--help"]
    for name, words in commands.items():

        def do(words: list[str] = words) -> dict:
            times = []
            for _ in range(1 if settings.tiny else 3):
                begin = time.perf_counter()
                subprocess.run(
                    [sys.executable, *words], check=True, capture_output=True, cwd=HERE.parents[2]
                )
                times.append(time.perf_counter() - begin)
            return {"wall": median(times)}

        yield {"what": name, **attempt(do), "label": name}


def first(what: str, settings: Settings) -> None:
    """Train a few steps in a process of its own, which ``startup`` times."""
    setup = Setup(
        compile=what.endswith("compiled"),
        cuda_graph=what.endswith("captured"),
        precision="bfloat16",
    )
    images = synthetic(settings.images, 0)
    run = trainer(setup, images, settings.networks[0], settings, settings.steps)
    for _ in run.run():
        pass


def one_of_many(
    settings: Settings, setup: Setup, network: str, seed: int, together, results
) -> None:
    """Train one of several seeds at once, and put the begin and end of its steps into ``results``.

    The steps begin when all seeds have finished their warm-up.
    """
    try:
        images = synthetic(min(settings.images, 10_000), seed)
        run = trainer(setup, images, network, settings, 10**6, seed).run()
        for _ in range(EAGER_STEPS + 5):
            next(run)
        wait(settings)
        together.wait(300)
        begin = time.time()
        for _ in range(settings.window * settings.windows):
            next(run)
        wait(settings)
        results.put((begin, time.time()))
    except BaseException:
        together.abort()
        raise


def at_once(settings: Settings) -> Iterator[dict]:
    """Yield the images per second of several processes together."""
    setup = Setup(precision="bfloat16" if settings.cuda else "float32", cuda_graph=settings.cuda)
    context = get_context("spawn")
    for network in settings.networks[:2]:
        alone = None
        for count in settings.seeds_at_once:

            def do(count: int = count, network: str = network) -> dict:
                together = context.Barrier(count)
                results = context.Queue()
                work = [
                    context.Process(
                        target=one_of_many, args=(settings, setup, network, s, together, results)
                    )
                    for s in range(count)
                ]
                for process in work:
                    process.start()
                for process in work:
                    process.join()
                if any(process.exitcode for process in work):
                    raise RuntimeError("a process failed")
                begins, ends = zip(*(results.get() for _ in work), strict=True)
                images = count * settings.window * settings.windows * settings.batch
                return {"images_per_second": images / (max(ends) - min(begins))}

            found = attempt(do)
            alone = alone or found.get("images_per_second")
            found["ratio"] = found["images_per_second"] / alone if "failed" not in found else None
            yield {
                "network": network,
                "processes": count,
                **found,
                "label": f"{network:11s} {count} at once, {setup.label}",
            }


PARTS = {"rates": rates, "accuracy": accuracy, "startup": startup, "at-once": at_once}


def line(row: dict) -> str:
    """Format a row for printing."""
    forms = {
        "images_per_second": "{:10,.0f} images/s",
        "ratio": "x {:5.2f}",
        "train_error": "training error {:6.2%}",
        "test_error": "test error {:6.2%}",
        "wall": "{:6.2f} s",
        "failed": "{}",
    }
    return f"  {row['label']:72s}" + "  ".join(
        form.format(row[name]) for name, form in forms.items() if row.get(name) is not None
    )


PartName = Literal[
    "all",
    "rates",
    "accuracy",
    "startup",
    "at-once",
    "first",
    "first-compiled",
    "first-captured",
]


def main(
    what: tyro.conf.Positional[PartName], settings: tyro.conf.OmitArgPrefixes[Settings]
) -> None:
    """Run one part or all; print a line for each measurement and, with --out, write JSON.

    Args:
        what: part to run; the names that begin with first are used by the part startup.
        settings: settings of the benchmark.
    """
    if what.startswith("first"):
        return first(what, settings)
    settings = settings.rehearsal() if settings.tiny else settings
    device = torch.cuda.get_device_name() if settings.cuda else settings.device
    print(f"{device}, torch {torch.__version__}, batches of {settings.batch}")
    print(f"median of {settings.windows} windows of {settings.window} steps")
    found: dict = {
        "device": device,
        "torch": torch.__version__,
        "settings": {k: str(v) for k, v in vars(settings).items()},
    }
    for part in PARTS if what == "all" else [what]:
        print(part)
        found[part] = []
        for row in PARTS[part](settings):
            print(line(row), flush=True)
            found[part].append(row)
            if settings.out is not None:  # after every row, so that an interruption loses none
                settings.out.write_text(json.dumps(found, indent=1, allow_nan=False) + "\n")
    return None


if __name__ == "__main__":
    tyro.cli(main)
