"""Do one job of the graph, and keep the leases and notes of failures in ``out``/jobs."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from empirical.config import Selection
from empirical.experiments.jobs import Job
from empirical.experiments.kinds import kind_of
from empirical.runtime.leases import Leases, place
from figures.records import Advance, Record, json_value, provenance, write, write_json

if TYPE_CHECKING:
    import numpy as np

    from empirical.data.context import Context
    from empirical.training.progress import Progress

PACKAGES = ("numpy", "scikit-learn", "torch", "torchvision", "diffusers")
DONE, BUSY = "done", "busy"  # what ``perform`` returns


# --- leases and notes of failures


def leases(out: Path) -> Leases:
    """Return the leases of all processes and machines that share the output folder."""
    return Leases(out / "jobs" / "leases")


def note_of(job: Job) -> Path:
    """Return the file that holds a job's last failure until the job succeeds."""
    return job.out / "jobs" / "failed" / f"{job.name}.json"


def note_failure(job: Job, error: str) -> None:
    """Write down a job's failure, with place and time."""
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
    """Return the last error of a job that has not succeeded since, or None."""
    try:
        return str(json.loads(note_of(job).read_text())["error"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


# --- doing


def perform(job: Job, advance: Advance) -> str:
    """Do one job in a worker process; returns DONE, or BUSY at once if another process does it.

    advance: called with the fractions of the job that were done since the last call.
    """
    with leases(job.out).held(job.name) as ours:
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


def _context(job: Job) -> Context:
    """Return the context of a job's (first) run."""
    from empirical.data.context import Context

    return Context(job.runs[0], job.seed, job.out / "artifacts", job.machine)


def _early(job: Job, advance: Advance) -> None:
    from empirical.selection.stage import selected

    context = _context(job)
    selected(context.with_run(dataclasses.replace(context.run, selection=Selection())))


def _select(job: Job, advance: Advance) -> None:
    from empirical.selection.stage import selected

    selected(_context(job))


def _generator(job: Job, advance: Advance) -> None:
    from empirical.generation import stage

    context = _context(job)
    stage.load_or_train_generator(context, lambda n: advance(n / context.run.generator.steps))


def _variants(job: Job, advance: Advance) -> None:
    import numpy as np

    from empirical.generation import stage
    from empirical.methods import additions
    from empirical.selection.stage import selected

    context = _context(job)
    slow = selected(context).slow
    pairs = [np.stack(additions(run.method, slow, job.seed), axis=1) for run in job.runs]
    mine = part_of(np.unique(np.concatenate(pairs), axis=0), *job.shard)
    if len(mine):
        sources, copies = mine.T
        stage.load_or_make_variants(context, sources, copies, lambda n: advance(n / len(mine)))


def part_of(pairs: np.ndarray, i: int, n: int) -> np.ndarray:
    """Return the i-th of n parts of the pairs (source, copy), (m, 2).

    Parts are whole tasks of the store, so that they may be made side by side. Which part a pair
    belongs to does not depend on the other pairs.
    """
    from empirical.generation.store.store import BLOCK

    return pairs[(pairs[:, 0] // BLOCK + pairs[:, 1]) % n == i]


def _train(job: Job, advance: Advance) -> None:
    """Compute the metrics of the job's run and write its record.

    ``seconds`` in the record is the time of all processes that worked on it: a process that went on
    from a checkpoint adds the time of those before it.
    """
    import torch

    run, start, earlier = job.runs[0], time.perf_counter(), [0.0]

    def watch(progress: Progress) -> None:
        earlier[0] = progress.earlier

    root = job.out / "artifacts"
    metrics = kind_of(run).execute(run, job.seed, root, job.machine, advance, watch)
    device = job.machine.on(run.data)
    accelerator = (
        {"accelerator": torch.cuda.get_device_name(device)} if device.type == "cuda" else {}
    )
    seconds = round(earlier[0] + time.perf_counter() - start, 1)
    origin = {**provenance(*PACKAGES), "seconds": seconds, **accelerator}
    assert job.path is not None  # a train job writes a record
    write(job.path, Record(json_value(run), job.seed, metrics, origin))


DO: dict[str, Callable[[Job, Advance], None]] = {
    "early": _early,
    "select": _select,
    "generator": _generator,
    "variants": _variants,
    "train": _train,
}
