"""Hold what a folder is augmented by: images, settings, and what is already known of them."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

from empirical.config import Run, Training
from empirical.data.sources.source import Source
from empirical.generation.backends.resolve import model_kind, model_side
from empirical.own_images.folder import default_side, file_fingerprint
from empirical.runtime.machine import Machine
from figures.records import digest, json_value


@dataclasses.dataclass(frozen=True)
class Options:
    """How the result is judged and written.

    side: of all images that are written, squares; None: each variant has the size of its source.
    accept: write variants that the judge does not recognise. reject: leave out each of these.
    drop_suspects: leave out images whose label may be wrong. outputs: file of another model's
    outputs, by which images are selected; None: train early. search: train the generator longer
    until the judge is content. judging: how each classifier of the judge is trained. threads: of
    the CPU; more than one give other last bits.
    """

    judging: Training
    side: int | None = None
    accept: bool = False
    reject: bool = False
    drop_suspects: bool = False
    outputs: Path | None = None
    search: bool = False
    threads: int = 1


@dataclasses.dataclass(frozen=True)
class AugmentTask:
    """Everything the augmented folder depends on, and how it is made.

    source: the images. root: folder of the stages' results. link: make hard links to the originals.
    """

    run: Run
    seed: int
    source: Source
    root: Path
    machine: Machine
    link: bool
    options: Options

    @property
    def settings(self) -> Any:
        """The settings that the result depends on, as JSON values."""
        options = dataclasses.asdict(self.options)
        del options["threads"]
        if self.options.outputs is not None:
            options["outputs"] = file_digest(self.options.outputs)
        return json_value(
            {
                "folder": str(self.source.where.resolve()),
                "layout": self.source.layout,
                "seed": self.seed,
                "run": self.run,
                "options": options,
            }
        )

    @property
    def share_file(self) -> Path:
        """The file with the share of slow images, written for a later dry run."""
        from empirical.runtime.stage_code import code

        run = self.run
        files = file_fingerprint(self.source)
        selection = (run.data, run.training, run.early, run.selection, self.seed)
        key = digest([code("select"), files, *selection])
        return self.root / f"augment-{key[:16]}.json"

    def known_share(self) -> float | None:
        """Return the share of slow images; None before early training on these files is done."""
        try:
            return float(json.loads(self.share_file.read_text())["slow_fraction"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def variant_side(self) -> int:
        """Return the side at which variants are generated, in pixels.

        It is the side of the images computed on if the model is trained here. Otherwise it is the
        model's own, or that of the largest images if these are smaller. Raises ValueError if the
        model is missing.
        """
        generator, data_side = self.run.generator, self.run.data.side
        assert data_side is not None  # whoever makes a task has decided it
        if generator.model is None:
            return data_side
        model_kind(generator)  # raises for a missing model before the long work
        most = model_side(generator)
        if self.options.side is not None:
            return max(8, min(most, self.options.side))
        return largest_side(self.source, most)


def largest_side(source: Source, most: int) -> int:
    """Return the longer side of the largest of up to 200 images, a multiple of 8, at most ``most``.

    An image that cannot be read does not count.
    """
    return default_side(source, source.open(), most, largest=True)


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file's content. Raises ValueError if it cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise ValueError(
            f"outputs is {path}, which cannot be read ({error.strerror}); allowed: a file"
        ) from None
