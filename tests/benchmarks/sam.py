"""What a step of SAM and of ASAM costs against a step of SGD, in one process of one thread. Run by hand, never as a test:

    python tests/benchmarks/sam.py [--repeats 9] [--batch 32]

Times are medians over repeats taken in turn: whole steps, zeroing of gradients and weight update included.
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
    network = build(network_name, shape, 0).train()
    x = torch.randn(batch, shape.channels, shape.side, shape.side).contiguous(
        memory_format=torch.channels_last
    )
    step, base = optimisers.build(network, Training(optimiser=optimiser, lr=1e-3))
    closure = optimisers.gradients_of(
        network, base, F.cross_entropy, [(x, torch.arange(batch) % shape.classes)]
    )
    return lambda: step.step(closure)


def main(repeats: int = 9, batch: int = 32) -> None:
    """Milliseconds a step, and how many times longer than SGD's."""
    print(f"batches of {batch}, one thread, median of {repeats}; ms a step (times SGD)")
    for network, shape in (
        ("resnet8", Shape(1, 8, 10)),
        ("resnet8", Shape(3, 32, 10)),
        ("resnet18", Shape(3, 32, 10)),
    ):
        ways = {name: stepper(network, name, shape, batch) for name in ("sgd", "sam", "asam")}
        times: dict[str, list[float]] = {name: [] for name in ways}
        for repeat in range(repeats + 2):  # the first two are a warm-up
            for name, go in ways.items():
                begin = time.perf_counter()
                go()
                if repeat > 1:
                    times[name].append(1e3 * (time.perf_counter() - begin))
        for name, values in times.items():
            print(
                f"  {network:9s} {shape.side} px  {name:5s} {median(values):9.2f}  ({median(values) / median(times['sgd']):.2f})"
            )


if __name__ == "__main__":
    tyro.cli(main)
