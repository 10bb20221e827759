"""Augment a folder stage by stage: decode, judge, select, generate, judge again, write.

The result of every stage is kept and found again, so an interrupted command continues where it was.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from empirical.config import Run, Training, require
from empirical.data.sources.source import Item, Source
from empirical.generation.backends.resolve import model_kind, model_side
from empirical.own_images import summary
from empirical.own_images.folder import (
    FolderFiles,
    as_png,
    decode_folder,
    default_side,
    file_fingerprint,
    list_files,
    read_result,
    variant_names,
    write_folder,
)
from empirical.own_images.targets import count_reasons, duplicate_lines, require_room
from empirical.runtime.machine import Machine
from empirical.training.progress import progress_bar
from figures.records import digest, json_value, write_json

if TYPE_CHECKING:
    import numpy as np

    from empirical.data.context import Context
    from empirical.generation.quality.cross_fit import Judge
    from empirical.own_images.choice import Choice
    from empirical.own_images.judge import Verdict
    from empirical.own_images.making import Maker

ROUNDS = 3  # of the generator's training, each twice as long as the one before
LESS = 0.97  # factor on the loss that twice as many steps must reach to be worth a further round
LARGE = 2  # variants that are enlarged more than so many times are warned of


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

    def augment(self, out: Path) -> list[str]:
        """Write the folder ``out``; return the last lines to print.

        Raises ValueError if ``out`` holds anything but the result of the same settings and images,
        and if the judge does not recognise the variants.
        """
        earlier = read_result(out)
        other = "allowed: a new or an empty folder, or the same settings and images"
        if earlier is not None and earlier["settings"] != self.settings:
            raise ValueError(f"out is {out}, which holds the result of other settings; {other}")
        side = self.variant_side() if earlier is None else None
        data, found = decode_folder(
            self.source,
            self.run.data.side,
            self.run.data.skip_unreadable,
            self.root,
            whole=self.options.side is None,
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

        torch.set_num_threads(self.options.threads)
        run = dataclasses.replace(self.run, data=data)
        context = Context(run, self.seed, self.root, self.machine)
        files = list_files(self.source, found)
        for line in (
            count_reasons(files.rewritten),
            *duplicate_lines(found, files.train, files.test),
        ):
            if line:
                say(line)
        files = files if self.options.side is None else as_png(files)
        work = Work(self, context, files, side or 0)
        return work.finish(out, found.manifest)

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


@dataclasses.dataclass
class Work:
    """The stages after decoding. side: of the variants. files: of the images."""

    task: AugmentTask
    context: Context
    files: FolderFiles
    side: int

    def finish(self, out: Path, images: Mapping[str, Any]) -> list[str]:
        """Judge, select, generate and write; return the last lines to print.

        images: manifest of the decoded images.
        """
        import numpy as np

        from empirical.methods import additions
        from empirical.own_images.suspects import confident_suspects

        options, labels = self.task.options, self.context.parts.train.labels
        judge = self.train_judge()
        recognised = judge.probabilities.argmax(1) == labels
        suspects = confident_suspects(judge.probabilities, labels)
        say(
            f"judge: {options.judging.network}, trained on three quarters of the images for each "
            f"quarter; it recognises {recognised.mean():.1%} of the images that it did not train on"
        )
        choice = self.choose_slow()
        dropped = suspects if options.drop_suspects else np.zeros(len(labels), bool)
        slow = choice.slow & ~dropped
        maker, trial, rounds = self.prepare(judge, recognised & ~suspects)
        say(summary.verdict_line(trial, "trial variants"))
        sources, copies = additions(self.context.run.method, slow, self.task.seed)
        images_of = self.files.train + self.files.test
        require_room(out, self.task.root, self.files.where, images_of, len(sources), self.side)
        if len(sources) and not (trial.passed or options.accept):
            raise self.refusal(trial, maker, self.trial_sources(recognised & ~suspects), judge)
        preferred = maker.make(sources, copies, "making variants")
        verdict = self.judge_all(maker, (sources, copies), preferred, recognised, suspects)
        if len(sources) and verdict.share is not None and not (verdict.passed or options.accept):
            raise self.refusal(verdict, maker, (sources, copies), judge)
        right = preferred == labels[sources]
        kept = right if options.reject else np.ones(len(sources), bool)
        judged = summary.Judged(
            self.context.parts.train.classes,
            labels,
            slow,
            recognised,
            suspects,
            sources,
            right,
            kept,
            trial,
            verdict,
        )
        result = Result(self, judge, choice, maker, judged, copies, preferred, dropped, rounds)
        return result.write(out, images)

    def judge_all(
        self,
        maker: Maker,
        made: tuple[np.ndarray, np.ndarray],
        preferred: np.ndarray,
        recognised: np.ndarray,
        suspects: np.ndarray,
    ) -> Verdict:
        """Return the verdict on all variants and on the trial variants, each once."""
        import numpy as np

        from empirical.own_images.judge import judge_variants

        tried = self.trial_sources(recognised & ~suspects)
        again = maker.make(*tried, "judging")
        pairs = np.concatenate([np.stack(made, 1), np.stack(tried, 1)])
        _, once = np.unique(pairs, axis=0, return_index=True)
        both = np.concatenate([preferred, again])[once]
        labels = self.context.parts.train.labels
        return judge_variants(both, pairs[once, 0], labels, recognised)

    def train_judge(self) -> Judge:
        """Return the judge of the training images, trained now or kept from before."""
        from empirical.generation.quality.cross_fit import FOLDS, cross_fit

        recipe = self.task.options.judging
        with progress_bar("training the judge", FOLDS * (recipe.steps or 0), "step") as bar:
            return cross_fit(self.context, recipe, bar.update)

    def choose_slow(self) -> Choice:
        """Select the slow images and print what was found."""
        from empirical.own_images.choice import choose_by_outputs, choose_early

        outputs = self.task.options.outputs
        if outputs is None:
            choice = choose_early(self.context)
            write_json(self.task.share_file, {"slow_fraction": choice.slow.mean()})
        else:
            choice = choose_by_outputs(self.context, outputs, self.files.train)
        for line in choice.lines:
            say(line)
        return choice

    def prepare(
        self, judge: Judge, recognised: np.ndarray
    ) -> tuple[Maker, Verdict, list[dict[str, Any]]]:
        """Return the maker of variants, the verdict on its first ones, and how it was trained.

        A model that is trained here is trained for twice as many steps, and once more, while the
        judge refuses its variants and its loss still falls.
        """
        import numpy as np

        from empirical.own_images.judge import judge_variants

        labels = self.context.parts.train.labels
        sources, copies = self.trial_sources(recognised)
        rounds: list[dict[str, Any]] = []
        run = self.context.run
        trained = run.generator.model is None
        for number in range(ROUNDS if trained and self.task.options.search else 1):
            steps = run.generator.steps * 2**number
            generator = dataclasses.replace(run.generator, steps=steps) if trained else None
            context = self.context
            if generator is not None:
                context = context.with_run(dataclasses.replace(run, generator=generator))
                rounds.append({"steps": steps, "loss": self.train_generator(context)})
            maker = self.maker(context, judge)
            preferred = maker.make(sources, copies, "making trial variants")
            verdict = judge_variants(preferred, sources, labels, np.ones(len(labels), bool))
            if rounds:
                rounds[-1]["recognised_still"] = verdict.share
                say(
                    f"generator: {steps:,} steps, loss {rounds[-1]['loss']:.4f}, "
                    f"{summary.percent(verdict.share)} of its trial variants are recognised"
                )
            falls = len(rounds) < 2 or rounds[-1]["loss"] < LESS * rounds[-2]["loss"]
            if verdict.passed or not falls:
                break
        return maker, verdict, rounds

    def train_generator(self, context: Context) -> float:
        """Train the generator, or load it if it is trained already; return its loss."""
        from empirical.generation import stage
        from empirical.generation.quality.denoising_loss import denoising_loss

        with progress_bar("training the generator", context.run.generator.steps, "step") as bar:
            model = stage.load_or_train_generator(context, bar.update)
        return denoising_loss(model, context.parts.train, self.task.seed)

    def maker(self, context: Context, judge: Judge) -> Maker:
        """Return the maker of variants at their side."""
        from empirical.own_images.full_size import Squares
        from empirical.own_images.making import Maker, with_squares

        side = context.run.data.side
        assert side is not None
        if self.side != side:
            whole = self.task.options.side is None
            squares = Squares(self.reader(), self.files.train, self.side, whole)
            context = with_squares(context, squares)
        return Maker(context, judge, side)

    def reader(self):
        """Return the function that reads the content of a training image's file."""
        contents = self.task.source.open()

        def read(path: str) -> bytes:
            raw = contents.read(Item("train", 0, path))
            assert isinstance(raw, bytes)  # folders hold files
            return raw

        return read

    def trial_sources(self, recognised: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return sources and copies (1) of the variants that are made first, each (t,)."""
        import numpy as np

        from empirical.own_images.judge import draw_trials
        from empirical.runtime.seeding import stream

        rng = stream(self.task.seed, "trial variants")
        sources = draw_trials(recognised, self.context.parts.train.labels, rng)
        return sources, np.ones(len(sources), np.int64)

    def refusal(
        self,
        verdict: Verdict,
        maker: Maker,
        made: tuple[np.ndarray, np.ndarray],
        judge: Judge,
    ) -> ValueError:
        """Return the error that says why nothing is written, after drawing a sheet to look at."""
        sheet = ""
        if len(made[0]):
            key = digest(self.task.settings)[:16]
            path = self.task.root / f"refused-{key}.png"
            self.draw_sheet(path, maker, *made)
            sheet = f"; look at {path}"
        generator = self.context.run.generator
        if generator.model is None:
            more = (
                f"more --steps ({maker.context.run.generator.steps:,}), a pre-trained --generator"
            )
        else:
            more = "another --generator, --prompts or --classes-of-model that fit the images"
        return ValueError(
            f"{summary.verdict_line(verdict, 'variants')}, and nothing was written{sheet}; "
            f"allowed: at least the bound; {more}, a lower --strength "
            f"({self.context.run.variants.strength:g}), or --accept to write them all the same"
        )

    def draw_sheet(self, path: Path, maker: Maker, sources: np.ndarray, copies: np.ndarray) -> None:
        """Draw some sources beside their variants."""
        import numpy as np

        from empirical.own_images.full_size import upright_size
        from empirical.own_images.sheet import COLUMNS, choose_rows, write_sheet

        train = maker.context.parts.train
        whole = self.task.options.side is None
        read = self.reader()
        rows, squares, sizes = [], [], []
        for source in choose_rows(sources, train.labels):
            mine = np.flatnonzero(sources == source)[:COLUMNS]
            made = list(maker.squares(sources[mine], copies[mine]))
            seen = maker.make(sources[mine], copies[mine], "drawing the sheet")
            name = train.classes[train.labels[source]]
            rows.append((name, [train.classes[c] for c in seen]))
            squares.append([train.stored[source : source + 1][0], *made])
            sizes.append(upright_size(read(self.files.train[source])) if whole else None)
        write_sheet(path, rows, squares, sizes)


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


def say(line: str) -> None:
    """Print a line at once."""
    print(line, flush=True)
    sys.stdout.flush()
