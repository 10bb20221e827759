"""The command line: one file for each command of ``python -m empirical``.

Read ``run.py`` first. A command checks its options, says at once what is missing, and calls the
rooms below; torch is imported only when there is something to compute.
"""

from empirical.commands import (
    augment,
    benchmark,
    data,
    diffusion,
    list,
    run,
    select,
    store,
    strength,
    train,
)

COMMANDS = {
    "list": list.list_,
    "data": data.data,
    "run": run.run,
    "train": train.train,
    "benchmark": benchmark.benchmark,
    "select": select.select,
    "diffusion": diffusion.diffusion,
    "strength": strength.strength,
    "augment": augment.augment,
    "store": store.store,
}
