r"""Make the numbers that the report reads: a text for each key, from the records.

Keys are words joined by dots, such as ``methods.tada-5.error``; the first word is the topic. Texts
are LaTeX that may stand in a sentence. The report asks for the keys that it reads and no other is
made. A key that the records do not hold has no text, and the report leaves out the sentence
(``\\ifval``). No result is typed by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, cached_property

import numpy as np

from figures.claims.cases import FAILS, HOLDS
from figures.claims.images import EXPERIMENTS, LARGER, claim_verdict, judge_claims
from figures.claims.paper_values import PAPER_NUMBERS, REPORTED_ERRORS
from figures.records import Record, RecordError
from figures.report.arm_numbers import arm_number
from figures.report.image_numbers import image_number
from figures.report.theory_numbers import (
    claim_number,
    format_list,
    homogeneity_number,
    method_number,
    minibatch_number,
    race_number,
    regimes_number,
    separability_number,
    strength_number,
    theory_number,
)
from figures.statistics.conditions import Conditions
from figures.tables.table import escape_latex

Load = Callable[[str], Sequence[Record]]
IMAGES = {  # topic -> experiments on one data set at one scale
    "noisy-digits": ("noisy-digits",),
    "digits": ("digits",),
    "reduced": tuple(f"reduced-{name}" for name in (*LARGER, "generator")),
    "crop-flip": ("reduced-crop-flip",),
}
# Experiments whose runs count for the cost of the reduced scale.
REDUCED = (
    *IMAGES["reduced"],
    *IMAGES["crop-flip"],
    "reduced-scaling",
    "reduced-stability",
    "reduced-sheet",
)


class Experiments:
    """Records by experiment, each read once. ``load`` raises RecordError where there are none."""

    def __init__(self, load: Load) -> None:
        """Remember how to load; nothing is read yet."""
        self.load = load
        self.records = cache(self.load_or_none)
        self.conditions = cache(lambda topic: Conditions(topic, self.runs(topic)))

    def load_or_none(self, experiment: str) -> Sequence[Record]:
        """Return the records of an experiment; empty if they are missing."""
        try:
            return self.load(experiment)
        except RecordError:
            return ()

    def runs(self, topic: str) -> list[Record]:
        """Return the runs of a topic of IMAGES; empty if there are none."""
        return [r for name in IMAGES[topic] for r in self.records(f"empirical/{name}")]

    @cached_property
    def verdicts_on_images(self) -> dict[tuple[str, str], str]:
        """(claim, data set) -> verdict, for all claims on images with records."""
        records = {name: found for name in EXPERIMENTS if (found := self.records(name))}
        return {
            (claim.id, data): claim_verdict(cases)
            for claim, by_data in judge_claims(records)
            for data, cases in by_data.items()
        }

    @property
    def reduced_seconds(self) -> float:
        """Recorded seconds of the experiments at reduced scale; shared runs count once."""
        records = (r for name in REDUCED for r in self.records(f"empirical/{name}"))
        return sum({r.results: r.provenance.get("seconds", 0) for r in records}.values())


def numbers(load: Load, keys: Iterable[str]) -> dict[str, str]:
    """Return key -> text of those ``keys`` for which ``load`` finds records.

    load: returns the records of an experiment, or raises RecordError.
    """
    experiments = Experiments(load)
    texts = {key: number(experiments, key) for key in keys}
    return {key: text for key, text in texts.items() if text is not None}


def number(experiments: Experiments, key: str) -> str | None:
    """Return the text of a key; None if the records do not hold it."""
    topic, _, rest = key.partition(".")
    if topic == "paper":
        return paper_number(rest)
    if topic == "images":
        return verdict_count(experiments.verdicts_on_images, rest)
    if key == "reduced.hours":
        seconds = experiments.reduced_seconds
        return f"{seconds / 3600:.1f}" if seconds else None
    if topic in IMAGES and experiments.runs(topic):
        return image_number(experiments.conditions(topic), rest)
    if topic in TOPICS:
        experiment, make = TOPICS[topic]
        records = experiments.records(experiment)
        return make(records, rest.split(".")) if records else None
    return None


# --- topics: each returns the text of the rest of a key, split at the dots, or None


def paper_number(key: str) -> str | None:
    r"""Return a value of the paper: ``gain``, or ``convnext.tada`` as ``$27.40 \pm 1.99$``."""
    if key in PAPER_NUMBERS:
        return f"{PAPER_NUMBERS[key]:g}"
    network, _, method = key.partition(".")
    for value in REPORTED_ERRORS:
        names = (value.network.partition("-")[0], value.method.partition("-")[0])
        if names == (network, method) and value.sd is not None:
            return f"${value.mean:.2f} \\pm {value.sd:.2f}$"
    return None


def agreement_number(records: Sequence[Record], key: Sequence[str]) -> str | None:
    """Return the mean Jaccard index of a rule's selections between seeds, on the shared images.

    ``RULE.chance`` is the same for independent choices. None if no pair of seeds has the index.
    """
    metrics = records[0].metrics
    rule, *rest = key
    if rule not in metrics["rules"] or rest not in ([], ["chance"]):
        return None
    name = "jaccard_chance" if rest else "jaccard"
    pairs = metrics["between_seeds"][metrics["rules"].index(rule)]
    known = [pair[name] for pair in pairs if pair[name] is not None]
    return f"{np.mean(known):.2f}" if known else None


def verdict_count(verdicts: Mapping[tuple[str, str], str], key: str) -> str | None:
    """Return how many verdicts on images there are, hold or fail, or which fail.

    verdicts: (claim, data set) -> verdict. None if there are no verdicts, and if none fails.
    """
    if not verdicts:
        return None
    failing = [name for name, verdict in verdicts.items() if verdict == FAILS]
    match key:
        case "verdicts":
            return str(len(verdicts))
        case "hold":
            return str(list(verdicts.values()).count(HOLDS))
        case "fail":
            return str(len(failing))
        case "failing" if failing:
            return format_list(f"{claim} on {escape_latex(data)}" for claim, data in failing)
    return None


# Topic -> experiment, and the function that reads its records.
TOPICS: dict[str, tuple[str, Callable[[Sequence[Record], Sequence[str]], str | None]]] = {
    "theory": ("theory/methods", theory_number),
    "early": ("theory/convergence", theory_number),  # β_d of the experiments on the early phase
    "methods": ("theory/methods", method_number),
    "convergence": ("theory/convergence", method_number),
    "race": ("theory/race", race_number),
    "claims": ("theory/claims", claim_number),
    "homogeneity": ("theory/homogeneity", homogeneity_number),
    "strength": ("theory/strength", strength_number),
    "separability": ("theory/separability", separability_number),
    "minibatch": ("theory/minibatch", minibatch_number),
    "regimes": ("theory/regimes", regimes_number),
    "reduced-stability": ("empirical/reduced-stability", agreement_number),
    "ideal": ("empirical/ideal", arm_number),
    **{
        name: (f"empirical/{name}", arm_number)
        for name in ("ideal-plain", "ideal-sam", "ideal-steps", "dose", "heterogeneity")
    },
}
