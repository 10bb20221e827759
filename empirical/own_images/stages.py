"""Do the stages between decoding and writing: judge, select, train, try, make.

The result of every stage is kept and found again, so an interrupted command continues where it was.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from empirical.data.sources.source import Item
from empirical.own_images import summary
from empirical.own_images.folder import FolderFiles
from empirical.training.progress import progress_bar
from figures.records import digest, write_json

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from empirical.data.context import Context
    from empirical.generation.quality.cross_fit import Judge
    from empirical.own_images.choice import Choice
    from empirical.own_images.judge import Verdict
    from empirical.own_images.making import Maker
    from empirical.own_images.task import AugmentTask

ROUNDS = 3  # of the generator's training, each twice as long as the one before
LESS = 0.97  # factor on the loss that twice as many steps must reach to be worth a further round


@dataclasses.dataclass
class Work:
    """The stages after decoding. side: of the variants. files: of the images."""

    task: AugmentTask
    context: Context
    files: FolderFiles
    side: int

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


def say(line: str) -> None:
    """Print a line at once."""
    print(line, flush=True)
