"""Make the numbers of the runs with ideal variants that the report reads."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import Any

from figures.records import Record
from figures.statistics.arms import RACING, Arms, variants_of_slow
from figures.statistics.conditions import mean_over_seeds, percent_by_seed
from figures.statistics.differences import difference_text
from figures.statistics.intervals import estimate

CLEARLY = 0.5  # examples by which k_eff differs clearly
METRICS = {"error": "test_error", "uncued": "test_error_uncued"}
SHARES = {  # of the whole of a seed, in %
    "slow": "slow_fraction",
    "recall": "selection_recall",
    "precision": "selection_precision",
}


SETTINGS = {  # words before the others of a key, with a number in %: ``kappa-70``
    "kappa": "kappa",
    "size": "fresh_noise",
    "fidelity": "fidelity",
    "share": "share",
    "strength": "strength",
}
WORLD = ("optimiser", "budget", "share", "strength")  # what methods are compared under


def arm_number(records: Sequence[Record], words: Sequence[str]) -> str | None:
    """Return the text of a key below the experiment's topic; None if the records do not hold it.

    ``seeds``; ``share`` of the images with the cue and ``early-error``, at which early training
    stops, in %; ``slow``, ``recall`` and ``precision`` of the selection, in %;
    ``original.error`` and ``original.uncued``, mean and half of the interval;
    ``tada-5.minus.random-5.uncued.verdict``: the difference of two arms, of all test errors
    without ``uncued``, and its verdict; ``ordered``: see ``ordered_pairs``.

    Arms are those with the first run's data and training; ``kappa-70.tada-5.minus.original`` is of
    an arm with kappa 0.7.
    """
    arms = Arms(records)
    first = next(iter(arms.groups))
    settings: dict[str, Any] = {name: getattr(first, name) for name in WORLD}
    while words and (found := re.fullmatch(r"(\w+)-(\d+)", words[0])) and found[1] in SETTINGS:
        settings[SETTINGS[found[1]]] = int(found[2]) / 100
        words = words[1:]
    world = {name: settings[name] for name in WORLD}
    original = arms.records("original", **world)
    match words:
        case ["seeds"]:
            return str(len(original))
        case ["share"]:
            return f"{100 * first.share:g}"
        case ["early-error"]:
            return f"{100 * records[0].config['early']['error']:g}"
        case ["ordered"]:
            right, all_pairs = ordered_pairs(arms)
            return f"{right} of {all_pairs}"
        case [name] if name in SHARES:
            chosen = percent_by_seed(arms.records("tada-5", **settings), SHARES[name])
            return f"{mean_over_seeds(chosen):.0f}" if chosen else None
        case [method, metric] if metric in METRICS:
            values = percent_by_seed(arms.records(method, **settings), METRICS[metric])
            band = estimate(list(values.values()))
            return f"${band.mean:.2f} \\pm {band.half:.2f}$" if values else None
        case [method, "minus", other, *rest]:
            metric = METRICS["uncued" if "uncued" in rest else "error"]
            change = arms.change(method, metric, other, **settings)
            part = next((word for word in rest if word != "uncued"), "")
            return None if change is None else difference_text(change, part)
    return None


def ordered_pairs(arms: Arms) -> tuple[int, int]:
    """Return how many pairs of methods are in the order of the race law, and how many there are.

    Pairs of USEFUL(5), TADA(5), random(5) and Syn-all on the same data whose k_eff differ by more
    than half an example; in order if the one of higher k_eff has the lower mean error on images
    without the cue.
    """
    worlds: dict[tuple, list[tuple[float, float]]] = {}
    for arm, members in arms.groups.items():
        if arm.method in RACING:
            error = mean_over_seeds(percent_by_seed(members, "test_error_uncued"))
            worlds.setdefault((arm.share, arm.strength), []).append(
                (mean_over_seeds(variants_of_slow(members)), error)
            )
    pairs = [
        (one, other)
        for found in worlds.values()
        for one, other in itertools.combinations(sorted(found), 2)
        if other[0] - one[0] > CLEARLY
    ]
    return sum(other[1] < one[1] for one, other in pairs), len(pairs)
