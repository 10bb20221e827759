"""Make the numbers of the runs with ideal variants that the report reads."""

from __future__ import annotations

from collections.abc import Sequence

from figures.records import Record
from figures.statistics.arms import Arms
from figures.statistics.conditions import mean_over_seeds, percent_by_seed
from figures.statistics.differences import difference_text
from figures.statistics.intervals import estimate

METRICS = {"error": "test_error", "uncued": "test_error_uncued"}
SHARES = {  # of the whole of a seed, in %
    "slow": "slow_fraction",
    "recall": "selection_recall",
    "precision": "selection_precision",
}


def arm_number(records: Sequence[Record], words: Sequence[str]) -> str | None:
    """Return the text of a key below the experiment's topic; None if the records do not hold it.

    ``seeds``; ``share`` of the images with the cue and ``early-error``, at which early training
    stops, in %; ``slow``, ``recall`` and ``precision`` of the selection, in %;
    ``original.error`` and ``original.uncued``, mean and half of the interval;
    ``tada-5.minus.random-5.uncued.verdict``: the difference of two arms, of all test errors
    without ``uncued``, and its verdict.
    """
    arms = Arms(records)
    share = next(iter(arms.groups)).share
    original = arms.records("original", share=share)
    match words:
        case ["seeds"]:
            return str(len(original))
        case ["share"]:
            return f"{100 * share:g}"
        case ["early-error"]:
            return f"{100 * records[0].config['early']['error']:g}"
        case [name] if name in SHARES:
            chosen = percent_by_seed(arms.records("tada-5", share=share), SHARES[name])
            return f"{mean_over_seeds(chosen):.0f}" if chosen else None
        case [method, metric] if metric in METRICS:
            found = percent_by_seed(arms.records(method, share=share), METRICS[metric])
            band = estimate(list(found.values()))
            return f"${band.mean:.2f} \\pm {band.half:.2f}$" if found else None
        case [method, "minus", other, *rest]:
            metric = METRICS["uncued" if "uncued" in rest else "error"]
            change = arms.change(method, metric, other, share=share)
            part = next((word for word in rest if word != "uncued"), "")
            return None if change is None else difference_text(change, part)
    return None
