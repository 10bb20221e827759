"""How fast exact training in coordinates is, against the usual ways, one thread a process. Run by hand, never as a test:

    python tests/benchmarks/theory.py peers [--steps 200] [--repeats 5]
    python tests/benchmarks/theory.py grid [--side 64] [--seeds 10] [--workers 2]
    python tests/benchmarks/theory.py precision [--side 16] [--seeds 5]

Peers train the same network on the same data by full-batch gradient descent in weight space: an autograd loop in torch, gradients
written by hand in numpy, and torch.func.vmap over runs. Times are medians over repeats taken in turn; all in float64. The grid is a
sweep over α and β_d, its rate set against that of a large matrix product of the same precision, measured in the same process.
"""

from __future__ import annotations

import os
import sys
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from statistics import median

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
import torch
import tyro

from theory import Distribution, Method, Network, Optimiser, Run
from theory.config import Axis, Sweep
from theory.data import draw
from theory.dynamics import stack, train
from theory.sweeps import sweep

torch.set_num_threads(1)
TEN = "coordinates, 10 runs at once"


def explicit(run: Run, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Patches (n, 3, d), labels (n,), weights (J, d): vectors of the run's dimension, as the peers need them."""
    sample, d = draw(run, seed), run.distribution.d
    patches = np.zeros((len(sample.labels), 3, d))
    for i in (0, 1):
        patches[:, i, i] = sample.labels * sample.strengths[:, i]
    patches[:, 2, 2 : 2 + sample.noise.shape[-1]] = sample.noise[:, 0]
    weights = np.zeros((run.network.J, d))
    weights[:, :2] = sample.feature_weights
    weights[:, 2 : 2 + sample.other_weights.shape[-1]] = sample.other_weights
    return patches, sample.labels, weights


def coordinates(run: Run, seeds: range) -> Callable[[], np.ndarray]:
    problem = stack([draw(run, seed) for seed in seeds], run.network)

    def go() -> np.ndarray:
        *_, last = deque(train(problem, run.optimiser), maxlen=1)
        return last.features[0]

    return go


def autograd(run: Run) -> Callable[[], np.ndarray]:
    patches, labels, start = map(torch.from_numpy, explicit(run, 0))

    def go() -> np.ndarray:
        weights = start.clone().requires_grad_()
        for _ in range(run.optimiser.steps):
            loss = torch.nn.functional.softplus(
                -labels * (patches @ weights.T).pow(3).sum((1, 2))
            ).mean()
            (gradient,) = torch.autograd.grad(loss, weights)
            with torch.no_grad():
                weights -= run.optimiser.eta * gradient
        return weights.detach().numpy()[:, :2]

    return go


def by_hand(run: Run) -> Callable[[], np.ndarray]:
    patches, labels, start = explicit(run, 0)
    flat = patches.reshape(-1, patches.shape[-1])  # (3 n, d)

    def go() -> np.ndarray:
        weights = start.copy()
        for _ in range(run.optimiser.steps):
            z = flat @ weights.T  # (3 n, J)
            logits = (z**3).reshape(len(labels), -1).sum(1)
            pull = -labels / (1 + np.exp(labels * logits)) / len(labels)  # (n,)
            weights -= run.optimiser.eta * (3 * z**2 * np.repeat(pull, 3)[:, None]).T @ flat
        return weights[:, :2]

    return go


def vmapped(run: Run, seeds: range) -> Callable[[], np.ndarray]:
    patches, labels, start = (
        torch.from_numpy(np.stack(part))
        for part in zip(*(explicit(run, s) for s in seeds), strict=True)
    )

    def loss(weights, x, y):
        return torch.nn.functional.softplus(-y * (x @ weights.T).pow(3).sum((1, 2))).mean()

    gradients = torch.func.vmap(torch.func.grad(loss))

    def go() -> np.ndarray:
        weights = start.clone()
        for _ in range(run.optimiser.steps):
            weights -= run.optimiser.eta * gradients(weights, patches, labels)
        return weights[0].numpy()[:, :2]

    return go


def measure(
    ways: dict[str, tuple[Callable[[], np.ndarray], int]], repeats: int
) -> dict[str, float]:
    """Median seconds a run of each way (function, runs at once), taken in turn; all ways must end in the same place."""
    reference = ways["coordinates"][0]()
    for name, (go, _) in ways.items():
        np.testing.assert_allclose(go(), reference, atol=1e-9, err_msg=name)
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, (go, runs) in ways.items():
            begin = time.perf_counter()
            go()
            times[name].append((time.perf_counter() - begin) / runs)
    return {name: median(values) for name, values in times.items()}


def peers(steps: int = 200, repeats: int = 5) -> None:
    """n = 100, J = 16, GD: milliseconds of one run, and how many times longer than one run in coordinates, alone and in a batch."""
    print(
        f"n = 100, J = 16, {steps} steps of GD, one thread, median of {repeats}; ms a run (times one run in coordinates, one of ten)"
    )
    base = Run(network=Network(J=16), optimiser=Optimiser("gd", steps=steps))
    for d in (100, 1000, 10_000):
        run = replace(base, distribution=Distribution(d=d))
        ways = {
            "coordinates": (coordinates(run, range(1)), 1),
            TEN: (coordinates(run, range(10)), 10),
            "autograd loop": (autograd(run), 1),
            "weight space by hand": (by_hand(run), 1),
        }
        if d <= 1000:
            ways["vmap(grad), 10 runs at once"] = (vmapped(run, range(10)), 10)
        seconds = measure(ways, repeats)
        for name, value in seconds.items():
            print(
                f"  d = {d:6d}  {name:30s} {1e3 * value:9.1f} ms  ({value / seconds['coordinates']:.2f}, {value / seconds[TEN]:.2f})"
            )


def product_rate(dtype: str, size: int = 1024, repeats: int = 20) -> float:
    """Floating-point operations per second of one thread in a product of square matrices."""
    a, b = (np.random.default_rng(i).standard_normal((size, size)).astype(dtype) for i in (0, 1))
    out, times = np.empty_like(a), []
    for _ in range(repeats):
        begin = time.perf_counter()
        np.matmul(a, b, out=out)
        times.append(time.perf_counter() - begin)
    return 2 * size**3 / median(times)


def lattice(side: int, precision: str, name: str = "useful") -> Sweep:
    """A sweep over α and β_d, side x side runs of 1,000 steps, J = 8."""
    axes = (
        Axis("distribution.alpha", tuple(np.linspace(0.5, 0.95, side))),
        Axis("distribution.beta_d", tuple(np.linspace(0.2, 0.9, side))),
    )
    optimiser = Optimiser("gd", rho=0.0, eta=0.4, steps=1000)
    return Sweep(
        "benchmark",
        "grid",
        network=Network(J=8),
        optimiser=optimiser,
        method=Method(name),
        axes=axes,
        precision=precision,
    )


def timed(config: Sweep, seed: int) -> tuple[float, float]:
    """Seconds of one seed's grid, and the rate of a large product in the same process just after."""
    begin = time.perf_counter()
    sweep(config, seed)
    return time.perf_counter() - begin, product_rate(config.precision)


def grid(side: int = 64, seeds: int = 10, workers: int = 2) -> None:
    """side x side runs for each seed, n = 100, J = 8, 1,000 steps, in as many processes as there are workers."""
    config = lattice(side, "float32")
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        list(pool.map(timed, [lattice(4, "float32")] * workers, range(workers)))  # start-up
        begin = time.perf_counter()
        results = list(pool.map(timed, [config] * seeds, range(seeds)))
        wall = time.perf_counter() - begin
    updates = side**2 * config.optimiser.steps
    seconds, rate = (median(column) for column in zip(*results, strict=True))
    useful = 2 * config.network.J * config.distribution.n**2 * updates / seconds
    print(
        f"{side} x {side} x {seeds} seeds, 1,000 steps, {workers} processes: {wall:.0f} s; {1e6 * seconds / updates:.2f} µs a run's step"
    )
    share = f"{useful / rate:.0%} of a large one's {rate / 1e9:.0f}"
    print(f"products alone: {useful / 1e9:.0f} GFLOP/s, {share} (float32, one thread)")


def precision(side: int = 16, seeds: int = 5) -> None:
    """Single against double precision over a grid: differences in what is measured at the end."""
    for name in ("useful", "tada"):
        single, double = (
            [sweep(lattice(side, kind, name), seed) for seed in range(seeds)]
            for kind in ("float32", "float64")
        )
        for metric in ("test_error", "slow_alignment", "noise_memorised_slow"):
            apart = np.abs(
                [np.subtract(a[metric], b[metric]) for a, b in zip(single, double, strict=True)]
            )
            figures = (np.median(apart), np.quantile(apart, 0.99), apart.max())
            print(
                f"{name:7s} {metric:22s} |float32 - float64|: median {figures[0]:.1e}, 99% {figures[1]:.1e}, largest {figures[2]:.1e}"
            )


if __name__ == "__main__":
    tyro.extras.subcommand_cli_from_dict({"peers": peers, "grid": grid, "precision": precision})
