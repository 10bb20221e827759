"""Measure the speed of exact training in coordinates against usual training, one thread a process.

It is run by hand, never as a test:

    python tests/benchmarks/theory.py peers [--steps 200] [--repeats 5]
    python tests/benchmarks/theory.py grid [--side 64] [--seeds 10] [--workers 2]
    python tests/benchmarks/theory.py precision [--side 16] [--seeds 5]

The peers train the same network on the same data by full-batch gradient descent in weight space: an
autograd loop in torch, gradients written by hand in numpy, and torch.func.vmap over runs. Times are
medians over repeats taken in turn; all in float64. The grid is a sweep over α and β_d; its rate is
compared with that of a large matrix product of the same precision, measured in the same process.
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
from theory.dynamics import train
from theory.problem import stack
from theory.sweeps import sweep

torch.set_num_threads(1)
TEN = "coordinates, 10 runs at once"


def explicit(run: Run, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return patches (n, 3, d), labels (n,) and weights (J, d), as the peers need them.

    d is the dimension of the run.
    """
    sample = draw(run, seed)
    d = run.distribution.d
    patches = np.zeros((len(sample.labels), 3, d))
    for i in (0, 1):
        patches[:, i, i] = sample.labels * sample.strengths[:, i]
    patches[:, 2, 2 : 2 + sample.noise.shape[-1]] = sample.noise[:, 0]
    weights = np.zeros((run.network.J, d))
    weights[:, :2] = sample.feature_weights
    weights[:, 2 : 2 + sample.other_weights.shape[-1]] = sample.other_weights
    return patches, sample.labels, weights


def coordinates(run: Run, seeds: range) -> Callable[[], np.ndarray]:
    """Return a function that trains the seeds together in coordinates.

    Like those of the peers, it returns the feature alignments (J, 2) of the first seed.
    """
    problem = stack([draw(run, seed) for seed in seeds], run.network)

    def go() -> np.ndarray:
        *_, last = deque(train(problem, run.optimiser), maxlen=1)
        return last.features[0]

    return go


def autograd(run: Run) -> Callable[[], np.ndarray]:
    """Return a function that trains by an autograd loop in torch."""
    patches, labels, start = map(torch.from_numpy, explicit(run, 0))

    def go() -> np.ndarray:
        weights = start.clone().requires_grad_()
        for _ in range(run.optimiser.steps):
            logits = (patches @ weights.T).pow(3).sum((1, 2))
            loss = torch.nn.functional.softplus(-labels * logits).mean()
            (gradient,) = torch.autograd.grad(loss, weights)
            with torch.no_grad():
                weights -= run.optimiser.eta * gradient
        return weights.detach().numpy()[:, :2]

    return go


def by_hand(run: Run) -> Callable[[], np.ndarray]:
    """Return a function that trains by gradients written in numpy."""
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
    """Return a function that trains the seeds together by torch.func.vmap."""
    parts = zip(*(explicit(run, seed) for seed in seeds), strict=True)
    patches, labels, start = (torch.from_numpy(np.stack(part)) for part in parts)

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
    candidates: dict[str, tuple[Callable[[], np.ndarray], int]], repeats: int
) -> dict[str, float]:
    """Return the median seconds per run of each candidate; they are timed in turn.

    A candidate is a function and the number of runs it trains at once. All candidates must end in
    the same weights.
    """
    reference = candidates["coordinates"][0]()
    for name, (go, _) in candidates.items():
        np.testing.assert_allclose(go(), reference, atol=1e-9, err_msg=name)
    times: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(repeats):
        for name, (go, runs) in candidates.items():
            begin = time.perf_counter()
            go()
            times[name].append((time.perf_counter() - begin) / runs)
    return {name: median(values) for name, values in times.items()}


def peers(steps: int = 200, repeats: int = 5) -> None:
    """Print the milliseconds of one run of GD, n = 100, J = 16, for every peer.

    Beside them: how many times longer than a run in coordinates, alone and in a batch of ten.

    Args:
        steps: steps of gradient descent, >= 1.
        repeats: number of measurements of each peer, >= 1.
    """
    print(f"n = 100, J = 16, {steps} steps of GD, one thread, median of {repeats}")
    print("ms per run (times one run in coordinates, times one of ten)")
    base = Run(network=Network(J=16), optimiser=Optimiser("gd", steps=steps))
    for d in (100, 1000, 10_000):
        run = replace(base, distribution=Distribution(d=d))
        candidates = {
            "coordinates": (coordinates(run, range(1)), 1),
            TEN: (coordinates(run, range(10)), 10),
            "autograd loop": (autograd(run), 1),
            "weight space by hand": (by_hand(run), 1),
        }
        if d <= 1000:
            candidates["vmap(grad), 10 runs at once"] = (vmapped(run, range(10)), 10)
        seconds = measure(candidates, repeats)
        for name, value in seconds.items():
            one, ten = (value / seconds[reference] for reference in ("coordinates", TEN))
            print(f"  d = {d:6d}  {name:30s} {1e3 * value:9.1f} ms  ({one:.2f}, {ten:.2f})")


def product_rate(dtype: str, size: int = 1024, repeats: int = 20) -> float:
    """Return the floating-point operations per second of a matrix product, in one thread."""
    a, b = (np.random.default_rng(i).standard_normal((size, size)).astype(dtype) for i in (0, 1))
    out = np.empty_like(a)
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        np.matmul(a, b, out=out)
        times.append(time.perf_counter() - begin)
    return 2 * size**3 / median(times)


def lattice(side: int, precision: str, name: str = "useful") -> Sweep:
    """Return a sweep over α and β_d, side x side runs of 1,000 steps, J = 8."""
    axes = (
        Axis("distribution.alpha", tuple(np.linspace(0.5, 0.95, side))),
        Axis("distribution.beta_d", tuple(np.linspace(0.2, 0.9, side))),
    )
    return Sweep(
        "benchmark",
        "grid",
        network=Network(J=8),
        optimiser=Optimiser("gd", rho=0.0, eta=0.4, steps=1000),
        method=Method(name),
        axes=axes,
        precision=precision,
    )


def timed(config: Sweep, seed: int) -> tuple[float, float]:
    """Return the seconds of one seed's grid, and the rate of a large product just after it."""
    begin = time.perf_counter()
    sweep(config, seed)
    return time.perf_counter() - begin, product_rate(config.precision)


def grid(side: int = 64, seeds: int = 10, workers: int = 2) -> None:
    """Time side x side runs for each seed, n = 100, J = 8, 1,000 steps.

    Args:
        side: points along each axis of the grid, >= 1.
        seeds: number of grids, >= 1.
        workers: number of processes, >= 1.
    """
    config = lattice(side, "float32")
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        list(pool.map(timed, [lattice(4, "float32")] * workers, range(workers)))  # start-up
        begin = time.perf_counter()
        results = list(pool.map(timed, [config] * seeds, range(seeds)))
        wall = time.perf_counter() - begin
    updates = side**2 * config.optimiser.steps
    seconds, rate = (median(column) for column in zip(*results, strict=True))
    useful = 2 * config.network.J * config.distribution.n**2 * updates / seconds
    print(f"{side} x {side} x {seeds} seeds, 1,000 steps, {workers} processes: {wall:.0f} s")
    print(f"one step of one run: {1e6 * seconds / updates:.2f} µs")
    share = f"{useful / rate:.0%} of the {rate / 1e9:.0f} of a large product"
    print(f"matrix products: {useful / 1e9:.0f} GFLOP/s, {share} (float32, one thread)")


def precision(side: int = 16, seeds: int = 5) -> None:
    """Compare the final measurements of a grid in single and in double precision.

    Args:
        side: points along each axis of the grid, >= 1.
        seeds: number of grids, >= 1.
    """
    for name in ("useful", "tada"):
        single, double = (
            [sweep(lattice(side, kind, name), seed) for seed in range(seeds)]
            for kind in ("float32", "float64")
        )
        for metric in ("test_error", "slow_alignment", "noise_memorised_slow"):
            pairs = zip(single, double, strict=True)
            apart = np.abs([np.subtract(a[metric], b[metric]) for a, b in pairs])
            numbers = {
                "median": np.median(apart),
                "99%": np.quantile(apart, 0.99),
                "largest": apart.max(),
            }
            shown = ", ".join(f"{which} {value:.1e}" for which, value in numbers.items())
            print(f"{name:7s} {metric:22s} |float32 - float64|: {shown}")


if __name__ == "__main__":
    tyro.extras.subcommand_cli_from_dict({"peers": peers, "grid": grid, "precision": precision})
