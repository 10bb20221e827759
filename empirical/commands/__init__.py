"""Run the commands of ``python -m empirical``, one file each.

Read ``run.py`` first, then ``options.py`` for the options that several commands share. A command
checks its options, reports at once what is missing, and calls the rooms below. torch is imported
only when there is something to compute.
"""

from collections.abc import Callable

from empirical.commands import (
    augment,
    benchmark,
    data,
    diffusion,
    doctor,
    list,
    run,
    select,
    store,
    strength,
    train,
)

COMMANDS: dict[str, Callable[..., int]] = {
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
    "doctor": doctor.doctor,
}
