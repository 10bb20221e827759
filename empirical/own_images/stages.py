"""Augment a folder stage by stage: decode, train early, select, generate, write.

The result of every stage is kept and found again, so an interrupted command continues where it was.
"""

from __future__ import annotations

import dataclasses
import json
import math
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from empirical.config import Run, require
from empirical.data.pixels import as_uint8
from empirical.data.sources.source import Source
from empirical.generation.backends.resolve import model_kind
from empirical.own_images.folder import (
    FolderFiles,
    decode_folder,
    file_fingerprint,
    list_files,
    read_result,
    variant_names,
    write_folder,
)
from empirical.runtime.machine import Machine
from empirical.selection.agreement import by_class
from empirical.selection.knee import NoKnee
from empirical.selection.verdict import warning
from empirical.training.progress import progress_bar
from figures.records import digest, json_value, write_json

if TYPE_CHECKING:
    import numpy as np

    from empirical.data.context import Context
    from empirical.data.split import Split
    from empirical.selection.stage import Selected

CHUNK = 512  # variants between two saves, at least
SAVES = 8  # saves at most, because each loads the model
BATCH = 64  # a chunk is a multiple of it


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

    @property
    def settings(self) -> Any:
        """The settings that the result depends on, as JSON values."""
        return json_value(
            {
                "folder": str(self.source.where.resolve()),
                "layout": self.source.layout,
                "seed": self.seed,
                "run": self.run,
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

    def augment(self, out: Path) -> list[str]:
        """Write the folder ``out``; return the last lines to print.

        Raises ValueError if ``out`` holds anything but the result of the same settings and images.
        """
        earlier = read_result(out)
        other = "allowed: a new or an empty folder, or the same settings and images"
        if earlier is not None and earlier["settings"] != self.settings:
            raise ValueError(f"out is {out}, which holds the result of other settings; {other}")
        if earlier is None and self.run.generator.model is not None:
            model_kind(self.run.generator)  # raises for a missing model before the long work
        data, found = decode_folder(
            self.source, self.run.data.side, self.run.data.skip_unreadable, self.root
        )
        if earlier is not None:
            require(
                earlier["data"]["content"] == found.manifest["content"],
                "out",
                str(out),
                f"that of other images; {other}",
            )
            return [
                f"{out} is finished: {earlier['originals']:,} originals, "
                f"{earlier['variants']:,} variants; nothing to do"
            ]

        import torch

        from empirical.data.context import Context

        torch.set_num_threads(1)  # the same numbers as in an experiment
        run = dataclasses.replace(self.run, data=data)
        context = Context(run, self.seed, self.root, self.machine)
        chosen = self.select_slow(context)
        sources, copies, pixels = self.make_variants(context, chosen)
        files = list_files(self.source, found)
        names = variant_names(files.train_targets, sources.tolist(), copies.tolist())
        tables = {
            "scores.csv": score_rows(files, context.parts, chosen),
            "variants.csv": self.variant_rows(files, names, sources, copies),
        }
        manifest = {
            "settings": self.settings,
            **self.describe_result(context, chosen, found.manifest, len(names)),
        }
        write_folder(out, files, names, as_uint8(pixels), tables, manifest, self.link)
        tests = f", {len(files.test):,} test images" if files.test else ""
        return [f"{out}: {len(files.train):,} originals, {len(names):,} variants{tests}"]

    def select_slow(self, context: Context) -> Selected:
        """Train early, select the slow images, and print what was found.

        Raises ValueError if the training error does not fall in time.
        """
        from empirical.selection import stage

        try:
            chosen = stage.selected(context)
        except NoKnee as error:
            raise ValueError(
                str(error).split(": raise ")[0] + f": raise --epochs ({context.run.early.epochs})"
            ) from None
        write_json(self.share_file, {"slow_fraction": chosen.slow.mean()})
        print(
            f"early training: {chosen.steps:,} steps, training error {chosen.error:.1%}; "
            f"slow: {chosen.slow.mean():.1%} of the images"
        )
        if line := warning(chosen.verdict, chosen.balanced_error):
            print(line)
        sys.stdout.flush()
        return chosen

    def make_variants(
        self, context: Context, chosen: Selected
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return sources (m,), copies (m,) and pixels of all variants, saved chunk by chunk.

        Pixels are (m, channels, height, width) float32 in [-1, 1].
        """
        import numpy as np

        from empirical.generation import stage
        from empirical.methods import additions

        run = context.run
        sources, copies = additions(run.method, chosen.slow, self.seed)
        if run.generator.model is None and len(sources):
            with progress_bar("training the generator", run.generator.steps, "step") as bar:
                stage.load_or_train_generator(context, bar.update)
        chunk = max(CHUNK, math.ceil(len(sources) / SAVES / BATCH) * BATCH)
        made = [np.empty((0, *context.parts.train.shape), np.float32)]
        with progress_bar("making variants", len(sources), "variant") as bar:
            for start in range(0, len(sources), chunk):
                rows = slice(start, start + chunk)
                made.append(stage.load_or_make_variants(context, sources[rows], copies[rows]))
                bar.update(len(made[-1]))
        return sources, copies, np.concatenate(made)

    def variant_rows(
        self, files: FolderFiles, names: list[str], sources: np.ndarray, copies: np.ndarray
    ) -> list[tuple]:
        """Return the rows of variants.csv: file, source, copy and seed of each variant."""
        rows: list[tuple] = [("file", "source", "copy", "seed")]
        for name, source, copy in zip(names, sources, copies, strict=True):
            rows.append((name, files.train_targets[source], int(copy), self.seed))
        return rows

    def describe_result(
        self, context: Context, chosen: Selected, images: Mapping[str, Any], variants: int
    ) -> dict[str, Any]:
        """Return the manifest without the settings.

        images: manifest of the decoded images. variants: their number.
        """
        from empirical.generation.stage import describe_variants

        run, parts = context.run, context.parts
        labels, classes = parts.train.labels, parts.train.classes
        shares = by_class(chosen.slow, labels, len(classes))
        generator = {
            "model": "trained on this folder",
            "strength": run.variants.strength,
            "mix": run.variants.mix,
        }
        libraries = ("numpy", "torch", "diffusers", "scikit-learn", "pillow")
        return {
            "data": {
                "about": images["about"],
                "content": images["content"],
                "classes": classes,
                "unreadable": images["unreadable"],
            },
            "originals": len(labels),
            "variants": variants,
            "side": run.data.side,
            "generator": generator | describe_variants(context),
            "selection": run.selection,
            "early_steps": chosen.steps,
            "early_error": chosen.error,
            "early_error_balanced": chosen.balanced_error,
            "selection_verdict": chosen.verdict,
            "slow_fraction": chosen.slow.mean(),
            "slow_fraction_by_class": dict(zip(classes, shares, strict=True)),
            "versions": {name: version(name) for name in libraries},
        }


def score_rows(files: FolderFiles, parts: Split, chosen: Selected) -> list[tuple]:
    """Return the rows of scores.csv, one for each training image.

    Floats are texts with as many digits as are needed to read the same number back.
    """
    rows: list[tuple] = [("file", "class", "loss", "probability", "slow")]
    columns = (
        files.train_targets,
        parts.train.labels,
        chosen.early.losses,
        chosen.early.probabilities,
        chosen.slow,
    )
    for name, label, loss, probability, slow in zip(*columns, strict=True):
        own = str(probability[label])
        rows.append((name, parts.train.classes[label], str(loss), own, int(slow)))
    return rows
