"""Augmenting a folder stage by stage: decode, train early, select, generate, write; each is found again if it was finished before."""

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
from empirical.generation.backends.resolve import kind_of
from empirical.own_images.folder import (
    Files,
    decoded,
    earlier,
    files_of,
    fingerprint,
    variant_names,
    write_folder,
)
from empirical.runtime.machine import Machine
from empirical.selection.agreement import by_class
from empirical.selection.knee import NoKnee
from empirical.selection.verdict import warning
from empirical.training.progress import progress
from figures.records import digest, json_value, write_json

if TYPE_CHECKING:
    import numpy as np

    from empirical.data.context import Context
    from empirical.data.split import Split
    from empirical.selection.stage import Selected

CHUNK, SAVES, BATCH = (
    512,
    8,
    64,
)  # variants between two saves, at least; saves at most, as a model is loaded for each; a batch


@dataclasses.dataclass(frozen=True)
class Task:
    """All that the augmented folder depends on, and how it is made. root: of the stages' results."""

    run: Run
    seed: int
    source: Source
    root: Path
    machine: Machine
    link: bool

    @property
    def settings(self) -> Any:
        """What tells one command from another."""
        return json_value(
            {
                "folder": str(self.source.where.resolve()),
                "layout": self.source.layout,
                "seed": self.seed,
                "run": self.run,
            }
        )

    @property
    def note(self) -> Path:
        """Where the share of slow images is noted once it is known, for a dry run."""
        from empirical.runtime.stage_code import code

        run = self.run
        key = digest(
            [
                code("select"),
                fingerprint(self.source),
                run.data,
                run.training,
                run.early,
                run.selection,
                self.seed,
            ]
        )
        return self.root / f"augment-{key[:16]}.json"

    def known_share(self) -> float | None:
        """The share of slow images, if early training on these files is done already."""
        try:
            return float(json.loads(self.note.read_text())["slow_fraction"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def carry_out(self, out: Path) -> list[str]:
        """Write ``out``, stage by stage; the last lines to print. ValueError if something else is there."""
        there, other = (
            earlier(out),
            "allowed: a new or an empty folder, or the same settings and images",
        )
        if there is not None and there["settings"] != self.settings:
            raise ValueError(f"out is {out}, which holds the result of other settings; {other}")
        if there is None and self.run.generator.model is not None:
            kind_of(self.run.generator)  # a model that is not there is told at once
        data, found = decoded(
            self.source, self.run.data.side, self.run.data.skip_unreadable, self.root
        )
        if there is not None:
            require(
                there["data"]["content"] == found.manifest["content"],
                "out",
                str(out),
                f"that of other images; {other}",
            )
            return [
                f"{out} is finished: {there['originals']:,} originals, {there['variants']:,} variants; nothing to do"
            ]

        import torch

        from empirical.data.context import Context

        torch.set_num_threads(1)  # the same numbers as in an experiment
        run = dataclasses.replace(self.run, data=data)
        context = Context(run, self.seed, self.root, self.machine)
        parts = context.parts
        chosen = self.selected(context)
        sources, copies, pixels = self.variants(context, chosen)
        files = files_of(self.source, found)
        names = variant_names(files.train_targets, sources.tolist(), copies.tolist())
        tables = {
            "scores.csv": scores(files, parts, chosen),
            "variants.csv": [
                ("file", "source", "copy", "seed"),
                *(
                    (name, files.train_targets[i], int(c), self.seed)
                    for name, i, c in zip(names, sources, copies, strict=True)
                ),
            ],
        }
        manifest = {
            "settings": self.settings,
            **self.about(context, chosen, found.manifest, len(names)),
        }
        write_folder(out, files, names, as_uint8(pixels), tables, manifest, self.link)
        tests = f", {len(files.test):,} test images" if files.test else ""
        return [f"{out}: {len(files.train):,} originals, {len(names):,} variants{tests}"]

    def selected(self, context: Context) -> Selected:
        """Early training and selection; says what it found."""
        from empirical.selection import stage

        try:
            chosen = stage.selected(context)
        except NoKnee as error:
            raise ValueError(
                str(error).split(": raise ")[0] + f": raise --epochs ({context.run.early.epochs})"
            ) from None
        write_json(self.note, {"slow_fraction": chosen.slow.mean()})
        print(
            f"early training: {chosen.steps:,} steps, training error {chosen.error:.1%}; slow: {chosen.slow.mean():.1%} of the images"
        )
        if line := warning(chosen.verdict, chosen.balanced_error):
            print(line)
        sys.stdout.flush()
        return chosen

    def variants(
        self, context: Context, chosen: Selected
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Sources, copies and pixels of all variants, saved on the way."""
        import numpy as np

        from empirical.generation import stage as generate
        from empirical.methods import additions

        run = context.run
        sources, copies = additions(run.method, chosen.slow, self.seed)
        if run.generator.model is None and len(sources):
            with progress("training the generator", run.generator.steps, "step") as bar:
                generate.generator(context, bar.update)
        chunk = max(CHUNK, math.ceil(len(sources) / SAVES / BATCH) * BATCH)
        made = [np.empty((0, *context.parts.train.shape), np.float32)]
        with progress("making variants", len(sources), "variant") as bar:
            for start in range(0, len(sources), chunk):
                rows = slice(start, start + chunk)
                made.append(generate.variants(context, sources[rows], copies[rows]))
                bar.update(len(made[-1]))
        return sources, copies, np.concatenate(made)

    def about(
        self, context: Context, chosen: Selected, images: Mapping[str, Any], variants: int
    ) -> dict[str, Any]:
        """The manifest, but for the settings."""
        from empirical.generation.stage import about_variants

        run, parts = context.run, context.parts
        labels, classes = parts.train.labels, parts.train.classes
        shares = by_class(chosen.slow, labels, len(classes))
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
            "generator": {
                "model": "trained on this folder",
                "strength": run.variants.strength,
                "mix": run.variants.mix,
            }
            | about_variants(context),
            "selection": run.selection,
            "early_steps": chosen.steps,
            "early_error": chosen.error,
            "early_error_balanced": chosen.balanced_error,
            "selection_verdict": chosen.verdict,
            "slow_fraction": chosen.slow.mean(),
            "slow_fraction_by_class": dict(zip(classes, shares, strict=True)),
            "versions": {
                name: version(name)
                for name in ("numpy", "torch", "diffusers", "scikit-learn", "pillow")
            },
        }


def scores(files: Files, parts: Split, chosen: Selected) -> list[tuple]:
    """A row for each training image, floats to as many digits as they have."""
    rows = [("file", "class", "loss", "probability", "slow")]
    columns = (
        files.train_targets,
        parts.train.labels,
        chosen.early.losses,
        chosen.early.probabilities,
        chosen.slow,
    )
    for name, label, loss, probability, slow in zip(*columns, strict=True):
        rows.append(
            (name, parts.train.classes[label], str(loss), str(probability[label]), int(slow))
        )
    return rows
