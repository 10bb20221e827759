"""Measure what each sampler costs and how near its variants are to the exact ones.

It is run by hand, never as a test, and needs CIFAR-10 (``--root``) and a generator's folder:

    python tests/benchmarks/sampling.py --root data --out sampling.json
    python tests/benchmarks/sampling.py --root data --tiny

A line for each strength, sampler and number of steps of the whole schedule:

- evaluations: of the network, counted, for one image.
- alpha_bar: of the noise that the images are given first. Grids too coarse for the strength start
  beside it.
- rms: root mean square distance of pixels, in [-1, 1], to the same images made by 200 steps of DDIM
  from the same noise. DDPM adds noise of its own, so its distance is no error.
- limit: the same distance to where DDIM goes as its steps grow: twice DDIM-200 less DDIM-100, since
  DDIM is of first order. A setting that is nearer to it than DDIM-200 is better than that one.
- detail: mean variance of the Laplacian of the variants over that of their sources.
- CPU-s: seconds of the processor for one image, on one thread.
- ratio: CPU time of 100 steps of DDIM over it.

``choice`` names the setting with the fewest steps that equals DDIM-100 at every strength: it is no
further from the limit, and its detail is no more than 0.01 further from the limit's.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
import torch
import tyro

from empirical.config import Data, Generator, Variants
from empirical.data.images import Images
from empirical.data.load import identify_by_content
from empirical.data.sources.locate import set_data_root
from empirical.data.split import split_dataset
from empirical.generation.backends.resolve import load_backend
from empirical.generation.quality.faithfulness import grain
from empirical.generation.saved_model import check_disjoint
from empirical.generation.variants import make_variants

torch.set_num_threads(1)
Row = dict[str, Any]

REFERENCE = ("ddim", 200)
BASELINE = ("ddim", 100)
MARGIN = 0.01  # difference of detail that counts as equal
HEAD = "strength  sampler     steps  evaluations  alpha_bar     rms   limit  detail    CPU-s  ratio"


@dataclasses.dataclass(frozen=True)
class Settings:
    """Settings of the benchmark."""

    root: Path = Path("data")  # folder of CIFAR-10
    model: str = "paper/models/cifar10-16px-29k"  # folder of the generator
    images: int = 256  # training images whose variants are made; the model has not seen them
    strengths: tuple[float, ...] = (0.3, 0.5, 0.7)  # fractions of the schedule, (0, 1]
    steps: tuple[int, ...] = (10, 25, 50, 100)  # of the whole schedule, for DDIM and DDPM
    solver_steps: tuple[int, ...] = (10, 20, 25, 40, 50, 100)  # for DPM-Solver++
    guidance: float = 1.0  # scale of classifier-free guidance
    batch: int = 64  # images of one evaluation, a power of two
    tiny: bool = False  # rehearse in seconds; the numbers mean little
    artifacts: Path = Path("output/artifacts")  # folder for the decoded images
    out: Path | None = None  # JSON file for the results; None: only print them

    def rehearsal(self) -> Settings:
        """Return smaller settings, which take seconds."""
        return dataclasses.replace(
            self, images=8, batch=8, strengths=(0.5,), steps=(10, 100), solver_steps=(10, 20)
        )


def sources(settings: Settings) -> Images:
    """Return images that the generator has not been trained on."""
    set_data_root(settings.root)
    data = Data("cifar10", train=20000, validation=1000, side=16, candidate_pool=20000)
    data = identify_by_content(data, settings.artifacts)
    parts = split_dataset(data, 0, settings.artifacts)
    check_disjoint(Path(settings.model), parts)
    return parts.train[np.arange(settings.images)]


class Counted:
    """A backend that counts the images that its network is given."""

    def __init__(self, backend) -> None:
        self.backend = backend
        self.evaluated = 0
        backend.network.register_forward_pre_hook(self._count)

    def _count(self, network, inputs) -> None:
        self.evaluated += len(inputs[0])

    def at(self, variants: Variants):
        """Return the model at other settings."""
        return self.backend.at(variants)


def measure(counted: Counted, images: Images, variants: Variants) -> tuple[Row, np.ndarray]:
    """Return the cost and detail of one setting, and the variants."""
    backend = counted.at(variants)
    every = np.arange(len(images))
    before = counted.evaluated
    begin = time.process_time()
    made = make_variants(backend, images, every, np.zeros_like(every), 0)
    took = time.process_time() - begin
    filled = -(-len(images) // backend.batch) * backend.batch  # the last batch is filled up
    return {
        "strength": variants.strength,
        "sampler": variants.sampler,
        "steps": variants.num_inference_steps,
        "evaluations": (counted.evaluated - before) / filled,
        "alpha_bar": backend.level()["alpha_bar"],
        "detail": grain(made, images.pixels),
        "seconds": took / filled,
    }, made


def rows_of_strength(
    counted: Counted, images: Images, strength: float, settings: Settings
) -> list[Row]:
    """Return the rows of one strength, the reference first, and print them."""
    asked = [REFERENCE, BASELINE]
    asked += [("ddim", n) for n in settings.steps if ("ddim", n) != BASELINE]
    asked += [("ddpm", n) for n in settings.steps]
    asked += [("dpm-solver", n) for n in settings.solver_steps]
    rows: list[Row] = []
    made: list[np.ndarray] = []
    for sampler, steps in asked:
        if round(strength * steps) < 1:
            continue
        variants = Variants(strength, steps, settings.guidance, sampler)
        row, images_made = measure(counted, images, variants)
        rows.append(row)
        made.append(images_made)
    limit = 2 * made[0] - made[1]
    for row, images_made in zip(rows, made, strict=True):
        row["rms"] = rms(images_made - made[0])
        row["limit"] = rms(images_made - limit)
        row["limit_detail"] = grain(limit, images.pixels)
        row["ratio"] = rows[1]["seconds"] / row["seconds"]
        print(line(row), flush=True)
    print(f"{strength:8.2f}  {'limit':63s} {rows[0]['limit_detail']:7.3f}", flush=True)
    return rows


def rms(x: np.ndarray) -> float:
    """Return the root mean square of an array."""
    return float(np.sqrt(np.mean(np.square(x))))


def line(row: Row) -> str:
    """Format one row of the table."""
    return (
        f"{row['strength']:8.2f}  {row['sampler']:10s} {row['steps']:6d} "
        f"{row['evaluations']:12.0f} {row['alpha_bar']:10.4f} {row['rms']:7.4f} "
        f"{row['limit']:7.4f} {row['detail']:7.3f} {row['seconds']:8.4f} {row['ratio']:6.2f}"
    )


def choice(rows: list[Row]) -> str | None:
    """Return the setting with the fewest steps that equals DDIM-100 at every strength."""
    strengths = {row["strength"] for row in rows}
    found = {(row["strength"], row["sampler"], row["steps"]): row for row in rows}

    def equal(sampler: str, steps: int, strength: float) -> bool:
        row = found.get((strength, sampler, steps))
        if row is None:
            return False
        base = found[strength, *BASELINE]
        apart = [abs(r["detail"] - r["limit_detail"]) for r in (row, base)]
        return row["limit"] <= base["limit"] and apart[0] <= apart[1] + MARGIN

    settings = sorted({(row["steps"], row["sampler"]) for row in rows})
    for steps, sampler in settings:
        if all(equal(sampler, steps, strength) for strength in strengths):
            return f"{sampler}-{steps}"
    return None


def main(settings: Settings) -> None:
    """Print the table and the choice; with ``--out``, also write them as JSON."""
    settings = settings.rehearsal() if settings.tiny else settings
    images = sources(settings)
    model = Generator(model=settings.model, trained_on="external")
    backend = load_backend(model, Variants(), images.classes, images.shape)
    backend.passes.images_per_pass = settings.batch
    counted = Counted(backend)
    one = np.zeros(1, int)
    make_variants(backend.at(Variants(num_inference_steps=2)), images, one, one, 0)  # warm up
    print(HEAD, flush=True)
    rows = [
        row
        for strength in settings.strengths
        for row in rows_of_strength(counted, images, strength, settings)
    ]
    chosen = choice(rows)
    print(f"choice: {chosen}")
    if settings.out is not None:
        about = {"torch": torch.__version__, "settings": dataclasses.asdict(settings)}
        content = json.dumps({**about, "rows": rows, "choice": chosen}, indent=1, default=str)
        settings.out.write_text(content + "\n")


if __name__ == "__main__":
    main(tyro.cli(Settings))
