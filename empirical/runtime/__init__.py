"""Where and how results are computed and kept: machine, precision, random streams, caches, locks.

Read ``artifacts.py`` first: a stage's result is a file whose name digests its settings, its inputs
and the code that it can reach (``stage_code.py``). One process makes it at a time (``locks.py``);
workers on several machines share tasks by ``leases.py``. Randomness comes from ``seeding.py``.
"""

from empirical._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "DEFAULT_MACHINE": "machine",
        "Leases": "leases",
        "Machine": "machine",
        "STAGES": "stage_code",
        "artifact": "artifacts",
        "code": "stage_code",
        "locked": "locks",
        "stream": "seeding",
        "torch_stream": "seeding",
    },
)
