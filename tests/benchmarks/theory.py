"""Measure the speed of exact training, in C and in numpy, against usual training, one thread each.

It is run by hand, never as a test; the words may follow one another:

    python tests/benchmarks/theory.py peers [--steps 200] [--repeats 5]
    python tests/benchmarks/theory.py engines [--steps 200] [--repeats 9]
    python tests/benchmarks/theory.py wide [--n 8000] [--d 1000]
    python tests/benchmarks/theory.py draws
    python tests/benchmarks/theory.py grid [--side 64] [--seeds 10] [--workers 2]
    python tests/benchmarks/theory.py precision [--side 16] [--seeds 5]

Times are CPU time, the least of repeats taken in turn; equal results are asserted beside each. The
peers train the same network on the same data by full-batch gradient descent in weight space: an
autograd loop in torch, gradients written by hand in numpy, and torch.func.vmap over runs; all in
float64. Wide data have n above d, where the patches take the place of their Gram matrix. The grid
is a sweep over α and β_d; its rate is compared with that of a large matrix product.
"""

from __future__ import annotations

import os
import sys
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from statistics import median

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
import torch
import tyro

from theory import Distribution, Method, Network, Optimiser, Run, kernel
from theory.batches import batch_weights, entries
from theory.config import Axis, Sweep
from theory.data import BATCHES, draw, stream
from theory.dynamics import State, train
from theory.kernel import Engine
from theory.problem import Problem, padded, stack
from theory.sweeps import sweep

torch.set_num_threads(1)
NUMPY = kernel.Engine("numpy", "")
HERE = kernel.engine()


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


def coordinates(run: Run, seeds: range, engine: Engine) -> Callable[[], np.ndarray]:
    """Return a function that trains the seeds together in coordinates, by an engine.

    Like those of the peers, it returns the feature alignments (J, 2) of the first seed.
    """
    problem = stack([draw(run, seed) for seed in seeds], run.network)

    def go() -> np.ndarray:
        (last,) = deque(train(problem, run.optimiser, engine=engine), maxlen=1)
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


def least(candidates: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Return the least CPU seconds of each candidate; they are timed in turn."""
    times: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(repeats):
        for name, go in candidates.items():
            begin = time.process_time()
            go()
            times[name].append(time.process_time() - begin)
    return {name: min(values) for name, values in times.items()}


def peers(steps: int = 200, repeats: int = 5) -> None:
    """Print the CPU milliseconds of one run of GD, n = 100, J = 16, for every peer.

    Beside them: how many times longer than a run in coordinates by this machine's engine, alone.
    All must end in the same weights.

    Args:
        steps: steps of gradient descent, >= 1.
        repeats: number of measurements of each peer, >= 1.
    """
    print(f"n = 100, J = 16, {steps} steps of GD, one thread, least of {repeats}; {HERE}")
    base = Run(network=Network(J=16), optimiser=Optimiser("gd", steps=steps))
    for d in (100, 1000, 10_000):
        run = replace(base, distribution=Distribution(d=d))
        candidates = {
            "coordinates": (coordinates(run, range(1), HERE), 1),
            "coordinates, 10 runs at once": (coordinates(run, range(10), HERE), 10),
            "numpy": (coordinates(run, range(1), NUMPY), 1),
            "numpy, 10 runs at once": (coordinates(run, range(10), NUMPY), 10),
            "autograd loop": (autograd(run), 1),
            "weight space by hand": (by_hand(run), 1),
        }
        if d <= 1000:
            candidates["vmap(grad), 10 runs at once"] = (vmapped(run, range(10)), 10)
        reference = candidates["coordinates"][0]()
        for name, (go, _) in candidates.items():
            np.testing.assert_allclose(go(), reference, atol=1e-9, err_msg=name)
        seconds = least({name: go for name, (go, _) in candidates.items()}, repeats)
        for name, (_, runs) in candidates.items():
            each = seconds[name] / runs
            times = each / seconds["coordinates"]
            print(f"  d = {d:6d}  {name:30s} {1e3 * each:9.2f} ms  {times:8.2f}x")


def engines(steps: int = 200, repeats: int = 9) -> None:
    """Compare C with numpy: GD, SAM and mini-batches of 10, runs alone, ten at once, and a grid's.

    Args:
        steps: updates of each run, >= 1.
        repeats: number of measurements of each, >= 1.
    """
    print(f"n = 100, {steps} steps, one thread, least of {repeats}; {HERE} against numpy")
    cases = [(name, 1, 16) for name in ("gd", "sam", "batch")]
    cases += [(name, 10, 16) for name in ("gd", "sam", "batch")] + [("gd", 64, 8)]
    for name, runs, J in cases:
        for dtype in ("float64", "float32"):
            batch = 10 if name == "batch" else None
            optimiser = Optimiser("sam" if name == "sam" else "gd", steps=steps, batch=batch)
            run = Run(network=Network(J=J), optimiser=optimiser)
            seeds = [0] * runs if runs == 64 else list(range(runs))
            samples = [draw(run, seed) for seed in seeds]
            problem = stack(samples, run.network, dtype)

            def go(engine: Engine) -> State:
                batches = batch_weights(samples, seeds, batch) if batch else None  # noqa: B023
                states = train(problem, optimiser, batches, engine=engine)  # noqa: B023
                return deque(states, maxlen=1)[0]

            ours, theirs = go(HERE), go(NUMPY)
            apart = np.abs(ours.projections - theirs.projections).max()
            assert apart < (1e-10 if dtype == "float64" else 1e-3), apart
            seconds = least({"c": partial(go, HERE), "numpy": partial(go, NUMPY)}, repeats)
            ratio = seconds["numpy"] / seconds["c"]
            ms = {each: f"{1e3 * value:8.2f} ms" for each, value in seconds.items()}
            what = f"{name:5s} {runs:2d} x J = {J:2d} {dtype}"
            print(
                f"  {what}: numpy {ms['numpy']}, here {ms['c']}, {ratio:5.1f}x; apart {apart:.0e}"
            )


def wide(n: int = 8000, d: int = 1000, steps: int = 5, repeats: int = 3) -> None:
    """Compare the patches with their Gram matrix for n above d, in numpy.

    Args:
        n: number of examples, at least twice d.
        d: dimension of a patch, >= 3.
        steps: steps of gradient descent, >= 1.
        repeats: number of measurements of each, >= 1.
    """
    run = Run(distribution=Distribution(n=n, d=d), optimiser=Optimiser("gd", steps=steps))
    patches = stack([draw(run, 0)], run.network)
    assert patches.factored
    gram = replace(patches, gram=patches.gram @ patches.gram.swapaxes(1, 2))

    def go(problem: Problem) -> State:
        return deque(train(problem, run.optimiser, engine=NUMPY), maxlen=1)[0]

    apart = np.abs(go(patches).projections - go(gram).projections).max()
    assert apart < 1e-10, apart
    seconds = least({"patches": partial(go, patches), "gram": partial(go, gram)}, repeats)
    for name, problem in (("patches", patches), ("gram", gram)):
        size = problem.gram.nbytes / 1e6
        each = 1e3 * seconds[name] / steps
        print(f"n = {n}, d = {d}, {name:7s}: {each:8.1f} ms a step, {size:5.0f} MB")
    print(f"  {seconds['gram'] / seconds['patches']:.1f}x; apart {apart:.0e}")


def draws(repeats: int = 5) -> None:
    """Time mini-batches and data: drawn in blocks, and by one call of the generator each.

    Args:
        repeats: number of measurements of each, >= 1.
    """
    run = Run(method=Method("tada", k=5))
    sample = draw(run, 0)
    steps, batch, size = 2000, 10, padded(sample)

    def single() -> np.ndarray:
        owners, rng = entries(sample), stream(0, BATCHES)
        hits = (owners[rng.integers(len(owners), size=batch)] for _ in range(steps))
        return np.array([np.bincount(hit, minlength=size) for hit in hits]) / batch

    def blocks() -> np.ndarray:
        return np.concatenate(list(islice(batch_weights([sample], [0], batch), steps)))

    assert np.array_equal(single(), blocks())
    seconds = least({"single": single, "blocks": blocks}, repeats)
    ratio = seconds["single"] / seconds["blocks"]
    print(f"{steps} mini-batches: {1e3 * seconds['single']:.1f} ms one by one, ", end="")
    print(f"{1e3 * seconds['blocks']:.1f} ms in blocks, {ratio:.1f}x, same bits")


def product_rate(dtype: str, size: int = 1024, repeats: int = 20) -> float:
    """Return the floating-point operations per second of a matrix product, in one thread."""
    a, b = (np.random.default_rng(i).standard_normal((size, size)).astype(dtype) for i in (0, 1))
    out = np.empty_like(a)
    times = []
    for _ in range(repeats):
        begin = time.process_time()
        np.matmul(a, b, out=out)
        times.append(time.process_time() - begin)
    return 2 * size**3 / min(times)


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


def timed(config: Sweep, seed: int, engine: str = "") -> tuple[float, float, list]:
    """Return the CPU seconds of one seed's grid, the rate of a large product, and the errors."""
    os.environ[kernel.VARIABLE] = engine
    kernel.engine.cache_clear()
    begin = time.process_time()
    errors = sweep(config, seed)["test_error"]
    return time.process_time() - begin, product_rate(config.precision), errors


def grid(side: int = 64, seeds: int = 10, workers: int = 2) -> None:
    """Time side x side runs for each seed, n = 100, J = 8, 1,000 steps; one seed in numpy, too.

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
        alone, _, errors = pool.submit(timed, config, 0, "numpy").result()
    np.testing.assert_allclose(results[0][2], errors, atol=1e-3)
    updates = side**2 * config.optimiser.steps
    spent = [result[0] for result in results]
    rate = median(result[1] for result in results)
    seconds = min(spent)
    useful = 2 * config.network.J * config.distribution.n**2 * updates / seconds
    print(
        f"{side} x {side} x {seeds} seeds, 1,000 steps, {workers} processes: {wall:.0f} s; {HERE}"
    )
    print(f"CPU time: {sum(spent):.0f} s, {sum(spent) / workers:.0f} s a process if it is alone")
    print(f"one grid: {seconds:.1f} s, in numpy {alone:.1f} s, {alone / seconds:.1f}x")
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


COMMANDS = {f.__name__: f for f in (peers, engines, wide, draws, grid, precision)}

if __name__ == "__main__":
    words = sys.argv[1:]
    while len(words) > 1 and words[1] in COMMANDS:  # several, each with its usual settings
        COMMANDS[words.pop(0)]()
    tyro.extras.subcommand_cli_from_dict(COMMANDS, args=words)
