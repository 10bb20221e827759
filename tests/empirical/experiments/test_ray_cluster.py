"""Ray Core on several local nodes, one of which is lost: in the end every record exists."""

import dataclasses
import os
import time
from pathlib import Path

import pytest

from empirical.experiments.jobs import graph, missing
from empirical.experiments.ray_cluster import QUIET, Cluster
from empirical.experiments.registry import experiment
from empirical.experiments.runner import compute
from empirical.experiments.scheduler import View, Watcher, complete
from empirical.experiments.stages import perform

pytest.importorskip("ray", reason="the extra cluster is not installed")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # warnings of Ray's own


@dataclasses.dataclass(frozen=True)
class Fake:
    name: str
    needs: tuple[str, ...] = ()
    bad: bool = False


def working(folder):
    """Return a function of jobs that is sent to the nodes by value.

    The first worker that does the job ``slow`` never ends.
    """

    def work(job, advance):
        import os
        import time
        from pathlib import Path

        if job[1]:
            raise ValueError("cannot do it")
        with open(f"{folder}/{job[0]}.log", "a") as file:
            file.write(f"{os.getpid()}\n")
        if job[0] == "slow" and len(Path(f"{folder}/slow.log").read_text().split()) == 1:
            time.sleep(600)
        return "done"

    return lambda job, advance: work(job, advance)


def begun(make, times=3):
    """Return what ``make`` begins; a busy machine may not keep Ray's limit of 30 seconds a node."""
    for left in reversed(range(times)):
        try:
            return make()
        except Exception as error:
            if not left or "timed out during startup" not in str(error):
                raise
    raise AssertionError


@pytest.fixture(scope="module")
def nodes():
    """Start a head without cores; yield a function that adds nodes of one core each."""
    os.environ.update(QUIET)
    from ray.cluster_utils import Cluster as Nodes

    head = {"num_cpus": 0, "include_dashboard": False, "object_store_memory": 80 * 2**20}
    there = begun(lambda: Nodes(initialize_head=True, head_node_args=head))
    yield there
    there.shutdown()


def add(nodes):
    return begun(lambda: nodes.add_node(num_cpus=1, object_store_memory=80 * 2**20))


class Named:
    """Jobs as pairs, so that nodes need not know this file's classes."""

    def __init__(self, workers):
        self.workers, self.jobs = workers, {}

    @property
    def idle(self):
        return self.workers.idle

    def submit(self, job):
        self.jobs[job.name] = job
        self.workers.submit((job.name, job.bad))

    def wait(self, timeout=None):
        return [
            dataclasses.replace(event, job=self.jobs[event.job[0]])
            for event in self.workers.wait(timeout)
        ]


class Saboteur(Watcher):
    """Takes the node away that works at ``slow``, once it does."""

    def __init__(self, nodes, node, folder):
        self.nodes, self.node, self.folder, self.done_ = nodes, node, folder, []

    def tick(self):
        if self.node is not None and (self.folder / "slow.log").exists():
            add(self.nodes)
            self.nodes.remove_node(self.node, allow_graceful=False)
            self.node = None

    def done(self, job, here):
        self.done_.append(job.name)


def test_what_a_lost_node_did_is_done_elsewhere_and_failures_are_told(nodes, tmp_path):
    node = add(nodes)
    nodes.wait_for_nodes()
    jobs = {
        job.name: job
        for job in (
            Fake("slow"),
            Fake("after", ("slow",)),
            Fake("bad", bad=True),
            Fake("never", ("bad",)),
        )
    }
    saboteur = Saboteur(nodes, node, tmp_path)
    with Cluster(nodes.address, working(str(tmp_path))) as cluster:
        assert cluster.slots == 1
        outcome = complete(
            jobs, Named(cluster), View(lambda job: False), saboteur, retries=0, poll=0.1
        )  # a lost node is no failure
    assert saboteur.done_ == ["slow", "after"]
    assert outcome.failed["bad"].startswith("ValueError: cannot do it")
    assert outcome.blocked == {"never": "bad"}
    assert len(set((tmp_path / "slow.log").read_text().split())) == 2  # begun by two processes


def test_records_are_all_there_after_a_node_was_lost(nodes, tmp_path):
    smoke = experiment("smoke")
    runs = tuple(
        run
        for run in smoke.runs
        if run.label in ("original-sgd-steps", "tada-2-sgd-steps", "syn-rand-sgd-steps")
    )
    left = missing(graph([(dataclasses.replace(smoke, runs=runs), 1)], tmp_path))
    lost = add(nodes)
    nodes.wait_for_nodes()

    class Watched(Cluster):
        def wait(self, timeout=None):
            nonlocal lost
            if lost is not None and any((tmp_path / "jobs/leases").glob("early-*")):
                time.sleep(1)
                nodes.remove_node(lost, allow_graceful=False)
                lost = None
            return super().wait(timeout)

    with Watched(nodes.address, perform) as cluster:
        assert compute(left, tmp_path, cluster, cluster.slots, retries=0) == []
    assert lost is None
    assert all(job.is_done() for job in left.values())
    assert len(list(Path(tmp_path / "records/empirical/smoke").glob("*.json"))) == 3


def test_without_ray_one_line_says_what_to_do(monkeypatch):
    import builtins

    real = builtins.__import__

    def without(name, *rest, **more):
        if name == "ray":
            raise ModuleNotFoundError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(
        ValueError,
        match=r"--cluster needs Ray, which is not installed: make setup, or pip install ray",
    ):
        Cluster("local", perform)
