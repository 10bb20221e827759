"""One job of the graph, done by whoever claims it first; and the notes that claims and failures leave in ``out``/jobs."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from empirical.config import Selection, Sheet, Stability
from empirical.experiments.jobs import Job
from empirical.runtime.leases import Claims, place
from figures.records import Advance, Record, plain, provenance, write, write_json

if TYPE_CHECKING:
    import numpy as np

    from empirical.training.fit import Progress

PACKAGES = ("numpy", "scikit-learn", "torch", "torchvision", "diffusers")
DONE, BUSY = "done", "busy"  # what ``perform`` returns


# --- claims and notes of failures


def claims(out: Path) -> Claims:
    """Who does what at present, of all processes and machines that share the folder."""
    return Claims(out / "jobs" / "claims")


def note_of(job: Job) -> Path:
    """Where the last failure of a job is noted, until it succeeds."""
    return job.out / "jobs" / "failed" / f"{job.name}.json"


def note_failure(job: Job, error: str) -> None:
    write_json(
        note_of(job),
        {
            "job": job.label,
            "error": error,
            "place": place().split()[0],
            "time": time.strftime("%Y-%m-%d %H:%M:%S"),
        },
    )


def failure(job: Job) -> str | None:
    """The last error of a job that has not succeeded since."""
    try:
        return str(json.loads(note_of(job).read_text())["error"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


# --- doing


def perform(job: Job, advance: Advance) -> str:
    """Do one job, in a worker process: DONE, or BUSY, at once, if another process is at it. ``advance(fraction)`` of the job."""
    with claims(job.out).held(job.name) as ours:
        if not ours:
            return BUSY
        if not job.is_done():  # by who held it before
            import torch

            torch.set_num_threads(1)
            DO[job.stage](job, advance)
            if job.path is None:
                for made in job.notes:
                    write_json(made, {"job": job.label})
        note_of(job).unlink(missing_ok=True)
        return DONE


def _early(job: Job, advance: Advance) -> None:
    from empirical.data import split
    from empirical.selection import stage

    parts = split.split(job.runs[0].data, job.seed, job.out / "artifacts")
    run = dataclasses.replace(job.runs[0], selection=Selection())
    stage.selected(run, job.seed, parts, job.out / "artifacts", job.machine)


def _select(job: Job, advance: Advance) -> None:
    from empirical.data import split
    from empirical.selection import stage

    parts = split.split(job.runs[0].data, job.seed, job.out / "artifacts")
    stage.selected(job.runs[0], job.seed, parts, job.out / "artifacts", job.machine)


def _generator(job: Job, advance: Advance) -> None:
    from empirical.data import split
    from empirical.generation import stage as generate

    run = job.runs[0]
    parts = split.split(run.data, job.seed, job.out / "artifacts")
    generate.generator(
        run,
        job.seed,
        parts,
        job.out / "artifacts",
        lambda n: advance(n / run.generator.steps),
        job.machine,
    )


def _variants(job: Job, advance: Advance) -> None:
    import numpy as np

    from empirical.data import split
    from empirical.generation import stage as generate
    from empirical.methods import additions
    from empirical.selection import stage

    root, run = job.out / "artifacts", job.runs[0]
    parts = split.split(run.data, job.seed, root)
    slow = stage.selected(run, job.seed, parts, root, job.machine).slow
    pairs = np.concatenate(
        [np.stack(additions(each.method, slow, job.seed), axis=1) for each in job.runs]
    )
    pairs = part_of(np.unique(pairs, axis=0), *job.shard)
    if len(pairs):
        generate.variants(
            run, job.seed, parts, root, *pairs.T, job.machine, lambda n: advance(n / len(pairs))
        )


def part_of(pairs: np.ndarray, i: int, n: int) -> np.ndarray:
    """(m, 2): of these pairs (source, copy) the i-th of n parts, whole tasks of the store, so that the parts may be made side by side.

    In which part a pair is does not depend on the others.
    """
    from empirical.generation.store.store import BLOCK

    return pairs[(pairs[:, 0] // BLOCK + pairs[:, 1]) % n == i]


def _train(job: Job, advance: Advance) -> None:
    """What ends in a record, and the record. seconds: of all processes that worked at it, where a checkpoint was gone on from."""
    import torch

    from empirical import pipeline
    from empirical.experiments import gallery as sheets
    from empirical.experiments import seed_agreement as between_seeds

    run, start, root, earlier = job.runs[0], time.perf_counter(), job.out / "artifacts", [0.0]

    def watch(progress: Progress) -> None:
        earlier[0] = progress.earlier

    if isinstance(run, Sheet):
        metrics = sheets.execute(run, job.seed, root, advance, job.machine)
    elif isinstance(run, Stability):
        metrics = between_seeds.execute(run, root, advance, job.machine)
    else:
        metrics = pipeline.execute(run, job.seed, root, advance, job.machine, watch)
    device = job.machine.on(run.data)
    accelerator = (
        {"accelerator": torch.cuda.get_device_name(device)} if device.type == "cuda" else {}
    )
    seconds = round(earlier[0] + time.perf_counter() - start, 1)
    write(
        job.path,
        Record(
            plain(run),
            job.seed,
            metrics,
            {**provenance(*PACKAGES), "seconds": seconds, **accelerator},
        ),
    )


DO: dict[str, Callable[[Job, Advance], None]] = {
    "early": _early,
    "select": _select,
    "generator": _generator,
    "variants": _variants,
    "train": _train,
}
