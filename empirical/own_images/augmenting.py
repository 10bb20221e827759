"""Augment a folder: decode, judge, select, generate, judge again, write."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from empirical.config import require
from empirical.own_images import summary
from empirical.own_images.folder import as_png, decode_folder, list_files, read_result
from empirical.own_images.result import Result
from empirical.own_images.stages import Work, say
from empirical.own_images.targets import count_reasons, duplicate_lines, require_room
from empirical.own_images.task import AugmentTask


def augment_folder(task: AugmentTask, out: Path) -> list[str]:
    """Write the folder ``out``; return the last lines to print.

    Raises ValueError if ``out`` holds anything but the result of the same settings and images,
    and if the judge does not recognise the variants.
    """
    earlier = read_result(out)
    other = "allowed: a new or an empty folder, or the same settings and images"
    if earlier is not None and earlier["settings"] != task.settings:
        raise ValueError(f"out is {out}, which holds the result of other settings; {other}")
    side = task.variant_side() if earlier is None else None
    data, found = decode_folder(
        task.source,
        task.run.data.side,
        task.run.data.skip_unreadable,
        task.root,
        whole=task.options.side is None,
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

    torch.set_num_threads(task.options.threads)
    run = dataclasses.replace(task.run, data=data)
    context = Context(run, task.seed, task.root, task.machine)
    files = list_files(task.source, found)
    for line in (
        count_reasons(files.rewritten),
        *duplicate_lines(found, files.train, files.test),
    ):
        if line:
            say(line)
    files = files if task.options.side is None else as_png(files)
    work = Work(task, context, files, side or 0)
    return finish(work, out, found.manifest)


def finish(work: Work, out: Path, images: Mapping[str, Any]) -> list[str]:
    """Judge, select, generate and write; return the last lines to print.

    images: manifest of the decoded images.
    """
    import numpy as np

    from empirical.methods import additions
    from empirical.own_images.suspects import confident_suspects

    options, labels = work.task.options, work.context.parts.train.labels
    judge = work.train_judge()
    recognised = judge.probabilities.argmax(1) == labels
    suspects = confident_suspects(judge.probabilities, labels)
    say(
        f"judge: {options.judging.network}, trained on three quarters of the images for each "
        f"quarter; it recognises {recognised.mean():.1%} of the images that it did not train on"
    )
    choice = work.choose_slow()
    dropped = suspects if options.drop_suspects else np.zeros(len(labels), bool)
    slow = choice.slow & ~dropped
    maker, trial, rounds = work.prepare(judge, recognised & ~suspects)
    say(summary.verdict_line(trial, "trial variants"))
    sources, copies = additions(work.context.run.method, slow, work.task.seed)
    images_of = work.files.train + work.files.test
    require_room(out, work.task.root, work.files.where, images_of, len(sources), work.side)
    if len(sources) and not (trial.passed or options.accept):
        raise work.refusal(trial, maker, work.trial_sources(recognised & ~suspects))
    preferred = maker.make(sources, copies, "making variants")
    verdict = work.judge_all(maker, (sources, copies), preferred, recognised, suspects)
    if len(sources) and verdict.share is not None and not (verdict.passed or options.accept):
        raise work.refusal(verdict, maker, (sources, copies))
    right = preferred == labels[sources]
    kept = right if options.reject else np.ones(len(sources), bool)
    judged = summary.Judged(
        work.context.parts.train.classes,
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
    result = Result(work, judge, choice, maker, judged, copies, preferred, dropped, rounds)
    return result.write(out, images)
