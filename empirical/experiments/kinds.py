"""The kinds of runs that end in a record: what each needs first, what it costs, how it is computed.

A new kind is a config in ``empirical/config/run.py`` and one class here. torch is loaded only by
``execute``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from empirical.config import Gallery, Recorded, Run, SelectionAgreement
from empirical.experiments import cost
from empirical.runtime.machine import Machine
from figures.records import Advance

if TYPE_CHECKING:
    from empirical.training.progress import Watch


class Kind(Protocol):
    """What jobs, cost and execution need to know about one kind of run.

    stores_variants: whether its variants are made beforehand, by jobs of their own. tolerance:
    largest difference in its ``metric`` that rounding on another processor is expected to cause.
    """

    stores_variants: bool
    tolerance: float

    def selections(self, run: Any, seed: int) -> Sequence[tuple[Run | Gallery, int]]:
        """Return the runs and seeds whose early training and selection it reads."""

    def seconds(self, run: Any, rates: cost.Rates) -> float:
        """Return the seconds of one core that its last job is expected to take."""

    def execute(
        self, run: Any, seed: int, root: Path, machine: Machine, advance: Advance, watch: Watch
    ) -> dict[str, Any]:
        """Compute the metrics of its record."""


class ClassifierKind:
    """One trained and measured classifier."""

    stores_variants = True
    tolerance = 0.03  # in test error

    def selections(self, run: Run, seed: int) -> Sequence[tuple[Run, int]]:
        """Return the run itself."""
        return [(run, seed)]

    def seconds(self, run: Run, rates: cost.Rates) -> float:
        """Return the seconds of the classifier's training and of its evaluations."""
        return cost.classifier(run, rates)

    def execute(
        self, run: Run, seed: int, root: Path, machine: Machine, advance: Advance, watch: Watch
    ) -> dict[str, Any]:
        """Train and measure the classifier."""
        from empirical import pipeline
        from empirical.data.context import Context

        return pipeline.execute(Context(run, seed, root, machine), advance, watch)


class GalleryKind:
    """Pictures: slow and fast images, and variants by strength, with their faithfulness."""

    stores_variants = False  # it makes its own, at several strengths
    tolerance = 0.1  # in early losses

    def selections(self, run: Gallery, seed: int) -> Sequence[tuple[Gallery, int]]:
        """Return the gallery itself."""
        return [(run, seed)]

    def seconds(self, run: Gallery, rates: cost.Rates) -> float:
        """Return the seconds of making its variants."""
        return cost.gallery(run, rates)

    def execute(
        self, run: Gallery, seed: int, root: Path, machine: Machine, advance: Advance, watch: Watch
    ) -> dict[str, Any]:
        """Collect the pictures and measure the variants."""
        from empirical.experiments import gallery

        return gallery.execute(run, seed, root, advance, machine)


class AgreementKind:
    """How far several seeds agree on which images are slow."""

    stores_variants = False
    tolerance = 0.1  # in Cohen's kappa

    def selections(self, run: SelectionAgreement, seed: int) -> Sequence[tuple[Run, int]]:
        """Return one run for each rule and seed that are compared."""
        return [(run.by(rule), each) for rule in run.selections for each in range(run.seeds)]

    def seconds(self, run: SelectionAgreement, rates: cost.Rates) -> float:
        """Return the seconds of comparing the selections."""
        return 0.5 * run.seeds * len(run.selections)

    def execute(
        self,
        run: SelectionAgreement,
        seed: int,
        root: Path,
        machine: Machine,
        advance: Advance,
        watch: Watch,
    ) -> dict[str, Any]:
        """Compare the selections."""
        from empirical.experiments import seed_agreement

        return seed_agreement.execute(run, root, advance, machine)


KINDS: dict[type, Kind] = {
    Run: ClassifierKind(),
    Gallery: GalleryKind(),
    SelectionAgreement: AgreementKind(),
}


def kind_of(run: Recorded) -> Kind:
    """Return the kind of a run."""
    return KINDS[type(run)]
