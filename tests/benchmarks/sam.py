"""Measure the cost of a step of SAM and ASAM against a step of SGD, in one process of one thread.

It is run by hand, never as a test:

    python tests/benchmarks/sam.py [--repeats 9] [--batch 32]

Times are medians over repeats taken in turn, of whole steps: zeroing of gradients and weight update
are included.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import torch
import tyro
from torch.nn import functional as F

from empirical.config import Training
from empirical.training import optimisers
from empirical.training.networks import Shape, build

torch.set_num_threads(1)


def stepper(network_name: str, optimiser: str, shape: Shape, batch: int) -> Callable[[], object]:
    """Return a function that takes one step of the optimiser on a fixed random batch."""
    network = build(network_name, shape, 0).train()
    x = torch.randn(batch, shape.channels, shape.side, shape.side)
    x = x.contiguous(memory_format=torch.channels_last)
    y = torch.arange(batch) % shape.classes
    step, base = optimisers.build(network, Training(optimiser=optimiser, lr=1e-3))
    closure = optimisers.gradients_of(network, base, F.cross_entropy, [(x, y)])
    return lambda: step.step(closure)


def main(repeats: int = 9, batch: int = 32) -> None:
    """Print milliseconds per step, and how many times longer than a step of SGD.

    Args:
        repeats: number of measurements of each optimiser, >= 1.
        batch: images per batch, >= 1.
    """
    print(f"batches of {batch}, one thread, median of {repeats}; ms per step (times SGD)")
    for network, shape in (
        ("resnet8", Shape(1, 8, 10)),
        ("resnet8", Shape(3, 32, 10)),
        ("resnet18", Shape(3, 32, 10)),
    ):
        steps = {name: stepper(network, name, shape, batch) for name in ("sgd", "sam", "asam")}
        times: dict[str, list[float]] = {name: [] for name in steps}
        for repeat in range(repeats + 2):  # the first two are a warm-up
            for name, step in steps.items():
                begin = time.perf_counter()
                step()
                if repeat > 1:
                    times[name].append(1e3 * (time.perf_counter() - begin))
        sgd = median(times["sgd"])
        for name, values in times.items():
            value = median(values)
            print(f"  {network:9s} {shape.side} px  {name:5s} {value:9.2f}  ({value / sgd:.2f})")


if __name__ == "__main__":
    tyro.cli(main)
