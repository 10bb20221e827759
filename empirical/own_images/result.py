"""Write the folder that is asked for: images, tables, sheet and manifest; say what is in it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from empirical.own_images import summary
from empirical.own_images.folder import FolderFiles, default_side, variant_names, write_folder
from empirical.training.progress import progress_bar
from figures.records import digest

if TYPE_CHECKING:
    import numpy as np

    from empirical.generation.quality.cross_fit import Judge
    from empirical.own_images.choice import Choice
    from empirical.own_images.making import Maker
    from empirical.own_images.stages import Work

LARGE = 2  # variants that are enlarged more than so many times are warned of


@dataclasses.dataclass
class Result:
    """Everything that is written, and the writing of it.

    copies, preferred: (m,), number and preferred class of each variant. dropped: (n,) bool, images
    that are left out. rounds: how the generator was trained.
    """

    work: Work
    judge: Judge
    choice: Choice
    maker: Maker
    judged: summary.Judged
    copies: np.ndarray
    preferred: np.ndarray
    dropped: np.ndarray
    rounds: list[dict[str, Any]]

    def write(self, out: Path, images: Mapping[str, Any]) -> list[str]:
        """Write the folder and return the last lines to print. images: manifest of the decoded."""
        work, task, judged = self.work, self.work.task, self.judged
        files = work.files
        names = variant_names(files.train_targets, judged.sources.tolist(), self.copies.tolist())
        written = [name for name, kept in zip(names, judged.kept, strict=True) if kept]
        tables = {
            "scores.csv": self.score_rows(),
            "variants.csv": self.variant_rows(names),
            "suspects.csv": self.suspect_rows(),
        }
        manifest = {"settings": task.settings, **self.describe(images, len(written))}
        sheet = task.root / f"sheet-{digest(task.settings)[:16]}.png"
        extra = {}
        if written:
            work.draw_sheet(sheet, self.maker, *self.written_pairs())
            extra["sheet.png"] = sheet.read_bytes()
            sheet.unlink()
        left = without(files, self.dropped)
        with progress_bar("writing", len(written), "variant") as bar:
            write_folder(
                out,
                left,
                written,
                self.final_images(bar.update),
                tables,
                manifest,
                task.link,
                extra=extra,
                side=task.options.side,
            )
        return self.last_lines(out, left, images, len(written))

    def written_pairs(self) -> tuple[np.ndarray, np.ndarray]:
        """Return sources and copies of the variants that are written."""
        kept = self.judged.kept
        return self.judged.sources[kept], self.copies[kept]

    def final_images(self, advance) -> Iterator[np.ndarray]:
        """Yield each variant as it is written, (height, width, 3) uint8."""
        from empirical.own_images.full_size import at_size, upright_size

        side = self.work.task.options.side
        read = self.work.reader()
        sources, copies = self.written_pairs()
        pairs = zip(sources, self.maker.squares(sources, copies), strict=True)
        for source, square in pairs:
            size = None if side else upright_size(read(self.work.files.train[source]))
            yield at_size(square, size, side)
            advance(1)

    def last_lines(
        self, out: Path, files: FolderFiles, images: Mapping[str, Any], variants: int
    ) -> list[str]:
        """Return the table by class, the warnings, and where everything is."""
        judged, options = self.judged, self.work.task.options
        rows = judged.by_class()
        suspects = f"{out}/suspects.csv"
        split = all(name.startswith("train/") for name in files.train_targets)
        tests = f", {len(files.test):,} test images" if files.test else ""
        return [
            "",
            *summary.format_table(rows),
            *(
                []
                if not len(judged.sources)
                else [summary.verdict_line(judged.verdict, "variants")]
            ),
            *summary.share_warnings(rows),
            *summary.suspect_lines(judged, suspects, options.drop_suspects),
            *self.size_warning(),
            "",
            f"{out}: {len(files.train):,} originals, {variants:,} variants{tests}",
            *summary.where_lines(
                out,
                split,
                options.side is not None,
                images["ignored"],
                len(images["unreadable"]),
            ),
        ]

    def size_warning(self) -> list[str]:
        """Return a line if variants are enlarged much, and are blurred therefore."""
        if self.work.task.options.side is not None or not len(self.judged.sources):
            return []
        usual = default_side(self.work.task.source, self.work.task.source.open(), 1 << 16)
        if usual <= LARGE * self.work.side:
            return []
        return [
            f"warning: variants were generated at {self.work.side} pixels and enlarged to the size "
            f"of their sources (shorter side usually {usual}), so they are blurred: use a "
            "pre-trained --generator, a higher --resolution, or train on smaller images"
        ]

    def score_rows(self) -> list[tuple]:
        """Return the rows of scores.csv, one for each training image.

        Floats are texts with as many digits as are needed to read the same number back.
        """
        train, judged = self.work.context.parts.train, self.judged
        best = self.judge.probabilities.argmax(1)
        rows: list[tuple] = [
            ("file", "class", "loss", "probability", "slow", "judged_class", "suspect")
        ]
        for i, name in enumerate(self.work.files.train_targets):
            losses, own = self.choice.losses, self.choice.probabilities
            rows.append(
                (
                    name,
                    train.classes[train.labels[i]],
                    "" if losses is None else str(losses[i]),
                    "" if own is None else str(own[i]),
                    int(judged.slow[i]),
                    train.classes[best[i]],
                    int(judged.suspects[i]),
                )
            )
        return rows

    def variant_rows(self, names: list[str]) -> list[tuple]:
        """Return the rows of variants.csv: file, source, copy, seed and what the judge says.

        Rejected variants are listed too.
        """
        classes = self.judged.classes
        rows: list[tuple] = [("file", "source", "copy", "seed", "judged_class", "written")]
        for i, name in enumerate(names):
            source = self.work.files.train_targets[self.judged.sources[i]]
            copy, seed = int(self.copies[i]), self.work.task.seed
            seen = classes[self.preferred[i]]
            rows.append((name, source, copy, seed, seen, int(self.judged.kept[i])))
        return rows

    def suspect_rows(self) -> list[tuple]:
        """Return the rows of suspects.csv."""
        from empirical.own_images.suspects import suspect_rows

        judged = self.judged
        return suspect_rows(
            self.work.files.train,
            judged.labels,
            judged.classes,
            self.judge.probabilities,
            judged.suspects,
            judged.slow,
            self.work.task.options.drop_suspects,
        )

    def describe(self, images: Mapping[str, Any], variants: int) -> dict[str, Any]:
        """Return the manifest without the settings.

        images: manifest of the decoded images. variants: number of those written.
        """
        from empirical.generation.stage import describe_variants
        from empirical.selection.agreement import by_class

        context, judged, options = self.maker.context, self.judged, self.work.task.options
        run, classes = context.run, judged.classes
        shares = by_class(judged.slow, judged.labels, len(classes))
        generator = {
            "model": "trained on this folder",
            "strength": run.variants.strength,
            "mix": run.variants.mix,
            "side": self.work.side,
            "rounds": self.rounds,
        }
        libraries = ("numpy", "torch", "diffusers", "scikit-learn", "pillow")
        return {
            "data": {
                "about": images["about"],
                "content": images["content"],
                "classes": classes,
                "ignored": images["ignored"],
                "unreadable": images["unreadable"],
                "decoded": self.work.files.rewritten,
            },
            "originals": len(judged.labels) - int(self.dropped.sum()),
            "variants": variants,
            "side": options.side,
            "resolution": self.work.context.run.data.side,
            "generator": generator | describe_variants(context),
            **self.choice.about,
            "slow_fraction": judged.slow.mean(),
            "slow_fraction_by_class": dict(zip(classes, shares, strict=True)),
            "judge": {"recipe": options.judging, "accepted": options.accept, **judged.describe()},
            "suspects": int(judged.suspects.sum()),
            "dropped": int(self.dropped.sum()),
            "threads": options.threads,
            "versions": {name: version(name) for name in libraries},
        }


def without(files: FolderFiles, dropped: np.ndarray) -> FolderFiles:
    """Return the files without the training images that are dropped. dropped: (n,) bool."""
    kept = [i for i, out in enumerate(dropped) if not out]
    return dataclasses.replace(
        files,
        train=tuple(files.train[i] for i in kept),
        train_targets=tuple(files.train_targets[i] for i in kept),
    )
