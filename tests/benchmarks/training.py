"""How fast classifiers are trained, against a plain PyTorch script of the usual style. Run by hand, never as a test:

    python tests/benchmarks/training.py all --device cuda --out training.json
    python tests/benchmarks/training.py all --tiny
    python tests/benchmarks/training.py rates --networks resnet8 --window 10

Parts: ``rates`` (images a second, and how many times the plain script's of the same network, optimiser and augmentation), ``accuracy``
(the errors both end at after equally many steps), ``startup`` (seconds to the first step and of the help text), ``at-once`` (several
processes on one device). The plain script (``plain.py``) augments image by image in a data loader and reads every loss. Times are medians
over windows of steps, after a warm-up; of SAM's images every one counts once. What fails is named, and the rest is measured.
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
from empirical.training.evaluation import wrong
from empirical.training.networks import classifier
from empirical.training.trainer import WARM, Trainer

torch.set_num_threads(1)


@dataclasses.dataclass(frozen=True)
class Settings:
    """device: where to train. tiny: a rehearsal of seconds, whose numbers mean nothing. root: folder that CIFAR-10 lies in, for accuracy;
    made-up images if not given. steps: of the accuracy runs.
    """

    device: str = "cpu"
    tiny: bool = False
    networks: tuple[str, ...] = ("resnet18", "resnet8", "vit-s", "convnext-t")
    batch: int = 128
    images: int = 50_000
    window: int = 50  # steps
    windows: int = 5
    loader_workers: int = 2
    steps: int = 780
    seeds_at_once: tuple[int, ...] = (1, 2, 4)
    root: Path | None = None
    out: Path | None = None

    @property
    def cuda(self) -> bool:
        return self.device.startswith("cuda")

    def rehearsal(self) -> Settings:
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
class Way:
    """How a step is done: by our trainer or by the plain script."""

    ours: bool = True
    optimiser: str = "sgd"
    augment: str = "crop-flip"
    precision: str = "float32"
    compile: bool = False
    cuda_graph: bool = False

    @property
    def label(self) -> str:
        extras = (
            " + ".join(name for name in ("compile", "cuda_graph") if getattr(self, name)) or "eager"
        )
        return f"{'ours' if self.ours else 'plain':5s} {self.optimiser:4s} {self.augment:17s} {self.precision:8s} {extras}"

    def config(self, network: str, batch: int) -> Training:
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


def ways(network: str, settings: Settings) -> list[Way]:
    """The plain script first; SAM, TrivialAugment and compilation for the first network alone, as they take long."""
    first, gpu = network == settings.networks[0], settings.cuda
    found = [
        Way(ours=False),
        Way(ours=False, precision="bfloat16"),
        Way(),
        Way(precision="bfloat16"),
    ]
    if gpu:
        found += [Way(cuda_graph=True), Way(cuda_graph=True, precision="bfloat16")]
    if first or network.startswith("vit"):
        found += [
            Way(compile=True, precision="bfloat16", cuda_graph=gpu),
            *([Way(compile=True, precision="bfloat16")] if gpu else []),
        ]
    if first:
        for extra in ({"optimiser": "sam"}, {"augment": "crop-flip-trivial"}):
            found += [
                Way(ours=False, **extra),
                Way(**extra),
                Way(cuda_graph=gpu, precision="bfloat16", **extra),
            ]
    return found


def synthetic(n: int, seed: int, classes: int = 10) -> Images:
    """Images that can be learned and not at once: a smooth pattern of the class, of random strength, in pixel noise."""
    patterns = (
        np.random.default_rng(0).standard_normal((classes, 4, 4, 3)).repeat(8, 1).repeat(8, 2)
    )  # (classes, 32, 32, 3)
    rng = np.random.default_rng(1 + seed)
    labels = rng.integers(0, classes, n)
    strength = rng.uniform(5, 40, (n, 1, 1, 1)).astype(np.float32)
    pixels = rng.standard_normal((n, 32, 32, 3), dtype=np.float32) * 50 + 127
    pixels += strength * patterns[labels].astype(np.float32)
    return Images(pixels.clip(0, 255).astype(np.uint8), labels, tuple(map(str, range(classes))))


def trainer(
    way: Way, images: Images, network: str, settings: Settings, steps: int, seed: int = 0
) -> Trainer | plain.Plain:
    """Either kind; its ``run`` yields after every step."""
    config = way.config(network, settings.batch)
    module = classifier(images, config, seed).to(settings.device)
    if not way.ours:
        module = module.to(memory_format=torch.contiguous_format)
        return plain.Plain(
            module, images, config, steps, settings.device, settings.loader_workers, seed
        )
    rng = np.random.default_rng(seed)
    return Trainer(
        module, *on_device(images, settings.device), config, steps, rng, way.compile, way.cuda_graph
    )


def wait(settings: Settings) -> None:
    if settings.cuda:
        torch.cuda.synchronize()


def window_rates(steps: Iterator[int], settings: Settings) -> list[float]:
    """Images a second in each window; a warm-up goes before, in which steps are compiled and captured."""
    warm, rates = (WARM + 2 if settings.tiny else WARM + settings.window), []
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
    """The result, or what went wrong: on another device one way may fail, and the rest is wanted all the same."""
    begin = time.perf_counter()
    try:
        found = do()
    except Exception as error:
        found = {
            "failed": f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
        }
    return {**found, "seconds": round(time.perf_counter() - begin, 1)}


def rates(settings: Settings) -> Iterator[dict]:
    """Images a second by network and way; ratio: times the plain script's in float32, with the same optimiser and augmentation."""
    images = synthetic(settings.images, 0)
    for network in settings.networks:
        base: dict[tuple[str, str], float] = {}
        for way in ways(network, settings):

            def do(network: str = network, way: Way = way) -> dict:
                run = trainer(way, images, network, settings, 10**6).run()
                found = window_rates(run, settings)
                run.close()
                return {
                    "images_per_second": median(found),
                    "slowest": min(found),
                    "fastest": max(found),
                }

            found, kind = attempt(do), (way.optimiser, way.augment)
            if "failed" not in found:
                if not way.ours:
                    base.setdefault(kind, found["images_per_second"])
                found["ratio"] = found["images_per_second"] / base[kind] if kind in base else None
            yield {
                "network": network,
                **dataclasses.asdict(way),
                **found,
                "label": f"{network:11s} {way.label}",
            }


def accuracy(settings: Settings) -> Iterator[dict]:
    """Final training and test error of both scripts: the same first weights, batch size, rates and number of steps."""
    network, kind = settings.networks[0], "made-up images"
    parts = (
        synthetic(min(settings.images, 10_000), 0),
        synthetic(2_000 if not settings.tiny else 200, 1),
    )
    if settings.root is not None:
        os.environ["TADA_DATA"] = str(settings.root.absolute())
        whole, kind = load_dataset(Data("cifar10", train=None)), "cifar10"
        parts = whole.train, whole.test
    for way in (Way(ours=False), Way(), Way(precision="bfloat16", cuda_graph=settings.cuda)):

        def do(way: Way = way) -> dict:
            errors = []
            for seed in range(1 if settings.tiny else 3):
                run = trainer(way, parts[0], network, settings, settings.steps, seed)
                for _ in run.run():
                    pass
                errors.append(
                    [
                        float(wrong(run.network, *on_device(part[:10_000], settings.device)).mean())
                        for part in parts
                    ]
                )
            train, test = zip(*errors, strict=True)
            return {
                "train_error": mean(train),
                "test_error": mean(test),
                "test_errors": test,
                "steps": settings.steps,
            }

        yield {
            **dataclasses.asdict(way),
            **attempt(do),
            "label": f"{network:11s} {way.label}, {kind}",
        }


def startup(settings: Settings) -> Iterator[dict]:
    """Wall time of whole processes, as a person waits."""
    ways = {"eager, 1 step": ["first", "1"], "compiled, 1 step": ["first-compiled", "1"]}
    if settings.cuda:
        ways["captured, first replay"] = ["first-captured", str(WARM + 1)]
    options = [
        "--device",
        settings.device,
        "--networks",
        settings.networks[0],
        "--images",
        str(settings.images),
    ]
    commands = {
        name: [str(HERE), *words[:1], *options, "--steps", words[1]] for name, words in ways.items()
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
    """A process that starts, trains so many steps and ends: what ``startup`` times."""
    way = Way(
        compile=what.endswith("compiled"), cuda_graph=what.endswith("captured"), precision="bfloat16"
    )
    for _ in trainer(
        way, synthetic(settings.images, 0), settings.networks[0], settings, settings.steps
    ).run():
        pass


def one_of_many(settings: Settings, way: Way, network: str, seed: int, together, results) -> None:
    """A seed among others: it starts when all are warm, and says how long its steps took."""
    try:
        run = trainer(
            way, synthetic(min(settings.images, 10_000), seed), network, settings, 10**6, seed
        ).run()
        for _ in range(WARM + 5):
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
    """Images a second of all processes together."""
    way = Way(precision="bfloat16" if settings.cuda else "float32", cuda_graph=settings.cuda)
    context = get_context("spawn")
    for network in settings.networks[:2]:
        alone = None
        for count in settings.seeds_at_once:

            def do(count: int = count, network: str = network) -> dict:
                together, results = context.Barrier(count), context.Queue()
                work = [
                    context.Process(
                        target=one_of_many, args=(settings, way, network, s, together, results)
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
                "label": f"{network:11s} {count} at once, {way.label}",
            }


PARTS = {"rates": rates, "accuracy": accuracy, "startup": startup, "at-once": at_once}


def line(row: dict) -> str:
    """A row as people read it."""
    forms = {
        "images_per_second": "{:10,.0f} images/s",
        "ratio": "x {:5.2f}",
        "train_error": "training error {:6.2%}",
    }
    forms |= {"test_error": "test error {:6.2%}", "wall": "{:6.2f} s", "failed": "{}"}
    return f"  {row['label']:72s}" + "  ".join(
        form.format(row[name]) for name, form in forms.items() if row.get(name) is not None
    )


def main(
    what: tyro.conf.Positional[
        Literal[
            "all",
            "rates",
            "accuracy",
            "startup",
            "at-once",
            "first",
            "first-compiled",
            "first-captured",
        ]
    ],
    settings: tyro.conf.OmitArgPrefixes[Settings],
) -> None:
    if what.startswith("first"):
        return first(what, settings)
    settings = settings.rehearsal() if settings.tiny else settings
    device = torch.cuda.get_device_name() if settings.cuda else settings.device
    print(
        f"{device}, torch {torch.__version__}, batches of {settings.batch}, median of {settings.windows} windows of {settings.window}"
    )
    found: dict = {
        "device": device,
        "torch": torch.__version__,
        "settings": {k: str(v) for k, v in vars(settings).items()},
    }
    for part in PARTS if what == "all" else [what]:
        print(part, PARTS[part].__doc__.splitlines()[0], sep=": ")
        found[part] = []
        for row in PARTS[part](settings):
            print(line(row), flush=True)
            found[part].append(row)
            if (
                settings.out is not None
            ):  # after every row, so that a run cut short leaves what it has
                settings.out.write_text(json.dumps(found, indent=1, allow_nan=False) + "\n")
    return None


if __name__ == "__main__":
    tyro.cli(main)
