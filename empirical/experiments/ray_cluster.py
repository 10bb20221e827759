"""Do jobs on the machines of a Ray cluster, with Ray Core only.

Ray finds a free place for each job, and begins it anew if its machine is lost. All machines must
see the output folder, this code and its environment under the same paths, as on a shared file
system.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from empirical.data.sources.locate import ROOT_VARIABLE, data_root
from figures.records import Event, attempt, default_workers, no_progress
from figures.records.workers.pool import ONE_THREAD

ROOT = Path(__file__).resolve().parents[2]
LOST = 5  # machines that a job may lose before it counts as failed
STORE = (
    100 * 2**20
)  # bytes of a local cluster for passing objects about, of which there are hardly any
QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0"}


class Cluster:
    """Workers of ``scheduler.complete`` on a Ray cluster.

    address: ``local`` (started here and stopped at the end), ``auto``, or host:port of a running
    cluster. gpus: GPUs that a job takes, above 0. heavy: names of the jobs that take GPUs where
    there are any. Raises ValueError if Ray is not installed or no machine has so many GPUs,
    ConnectionError (an OSError) if the cluster cannot be reached.
    """

    def __init__(
        self,
        address: str,
        function: Callable[[Any, Callable[[float], None]], Any],
        gpus: float = 1.0,
        heavy: frozenset[str] = frozenset(),
    ) -> None:
        os.environ.update({name: value for name, value in QUIET.items() if name not in os.environ})
        try:
            import ray
        except ModuleNotFoundError:
            raise ValueError(
                "--cluster needs Ray, which is not installed: make setup, or pip install ray"
            ) from None
        self.ray, self.function, self.gpus, self.heavy = ray, function, gpus, heavy
        self.jobs: dict[Any, Any] = {}  # reference -> job
        there = {
            ROOT_VARIABLE: str(data_root().absolute()),
            "PYTHONPATH": str(ROOT),
        }  # code and data lie where they lie here
        usual: dict[str, Any] = {
            "runtime_env": {"env_vars": {**ONE_THREAD, **there}},
            "log_to_driver": False,
            "logging_level": "ERROR",
        }
        if address == "local":
            usual |= {
                "num_cpus": default_workers(),
                "include_dashboard": False,
                "object_store_memory": STORE,
            }
        try:
            ray.init(address, **usual)
        except Exception as error:  # Ray's own are of no common kind
            said = " ".join(str(error).split())
            hint = "try again, give the address of one that is there, or leave --cluster out"
            raise ConnectionError(f"no Ray cluster {address!r}: {said}; {hint}") from None
        most = max(
            (node["Resources"].get("GPU", 0) for node in ray.nodes() if node["Alive"]), default=0
        )
        if heavy and 0 < most < gpus:
            ray.shutdown()
            raise ValueError(
                f"gpus-per-run is {gpus:g}; allowed: at most {most:g}, "
                "the GPUs of the cluster's largest machine"
            )
        self.remote = ray.remote(max_retries=LOST, num_cpus=1)(_attempt)

    @property
    def slots(self) -> int:
        """Return how many jobs the cluster has room for now."""
        there = self.ray.cluster_resources()
        cores, gpus = there.get("CPU", 1), there.get("GPU", 0)
        limited = gpus and self.heavy  # without a GPU, processors do the work
        return max(1, int(min(cores, gpus / self.gpus) if limited else cores))

    @property
    def idle(self) -> int:
        return max(0, self.slots - len(self.jobs))

    def submit(self, job: Any) -> None:
        gpus = (
            self.gpus
            if self.heavy and job.name in self.heavy and self.ray.cluster_resources().get("GPU", 0)
            else 0
        )
        self.jobs[self.remote.options(num_gpus=gpus).remote(self.function, job, sys.argv)] = job

    def wait(self, timeout: float | None = None) -> list[Event]:
        if not self.jobs:
            time.sleep(timeout or 0)
            return []
        ended, _ = self.ray.wait(list(self.jobs), num_returns=1, timeout=timeout)
        return [self._hear(reference) for reference in ended]

    def _hear(self, reference: Any) -> Event:
        job = self.jobs.pop(reference)
        try:
            return Event(job, *self.ray.get(reference))
        except self.ray.exceptions.RayError as error:
            return Event(job, "failed", f"lost on the cluster ({type(error).__name__})")

    def __enter__(self) -> Cluster:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for reference in self.jobs if kind is not None else ():
            self.ray.cancel(reference, force=True)
        self.ray.shutdown()


def _attempt(
    function: Callable[[Any, Callable[[float], None]], Any], job: Any, command: list[str]
) -> tuple[str, Any]:
    sys.argv = command  # which records name as what made them
    return attempt(function, job, no_progress)
