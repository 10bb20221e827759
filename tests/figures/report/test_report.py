"""The report: every number that it quotes is made from the records, every drawing it names exists, and no result is typed."""

import dataclasses
import functools
import os
import re
import shutil
import subprocess

import pytest

from empirical.config import Run
from empirical.experiments import paper_grid as grid
from figures.claims.images import EXPERIMENTS, listed
from figures.claims.paper_values import PAPER
from figures.draw import FIGURES, NAMES, TABLES
from figures.records import COMMITTED, Record, RecordError, begun, json_value, load
from figures.records.paths import ROOT
from figures.report import build as paper
from figures.report.build import OPTIONAL, TEXT, build, caption, named, sources
from figures.report.image_numbers import image_numbers
from figures.report.numbers import numbers, stability, tex
from figures.statistics.differences import said
from figures.statistics.intervals import Estimate, estimate
from figures.tables.table import Table, escape_latex
from theory.claims import LEARNED_ERROR

READS = re.compile(r"\\(val|contrast|ifholds)(?:\[[^]]*\])?\{([^{}#]+)\}")
QUOTED = re.compile(
    r"\d(?:\.\d+)?\$?(?:\\,|\s|~)*(?:\\%|points?\b|percent\b|per cent\b|of \d+ (?:cases|seeds))|\d\s*\\pm\s*\d|\$[-+]\d+\.\d"
)
SETTINGS = (  # what may be typed: criteria, settings and symbols, no results
    r"95\,\% interval",
    r"95\,\% intervals",
    r"10\,\% of it",
    r"10\,\% from the mean",
)


@pytest.fixture(scope="module")
def committed():
    return numbers(functools.cache(lambda experiment: load(experiment, (COMMITTED,))))


def text() -> str:
    """The report as it is read in, without comments and definitions of macros."""
    report = (TEXT / "report.tex").read_text()
    source = bare(report[report.index(r"\begin{document}") :])
    while match := re.search(r"\\input\{(sections/\w+)\}", source):
        source = (
            source[: match.start()]
            + bare((TEXT / f"{match[1]}.tex").read_text())
            + source[match.end() :]
        )
    return source


def bare(source: str) -> str:
    return re.sub(r"(?<!\\)%.*", "", source)


def group(source: str, start: int) -> tuple[str, int]:
    """What stands between the brace at ``start`` and the one that closes it, and where the rest begins."""
    depth = 0
    for i in range(start, len(source)):
        depth += {"{": 1, "}": -1}.get(source[i], 0) if source[i - 1] != "\\" else 0
        if depth == 0:
            return source[start + 1 : i], i + 1
    raise ValueError(f"brace not closed: {source[start : start + 60]}")


def resolved(source: str, values: dict) -> str:
    """The text with every \\ifval and \\ifholds replaced by the branch that ``values`` choose."""
    while match := re.search(r"\\(ifval|ifholds)\{([^{}]+)\}\s*", source):
        key = match[2] if match[1] == "ifval" else f"claims.{match[2]}.holds"
        then, end = group(source, match.end())
        otherwise, end = group(source, end)
        source = source[: match.start()] + (then if key in values else otherwise) + source[end:]
    return source


def missing(source: str, values: dict) -> list[str]:
    """Keys that the resolved text reads and ``values`` lack."""
    read = [
        (kind, key)
        for kind, key in READS.findall(resolved(source, values))
        if not key.startswith(("caption.", "width."))
    ]
    needed = [
        k for kind, key in read for k in ((key, f"{key}.verdict") if kind == "contrast" else (key,))
    ]
    return sorted({key for key in needed if key not in values})


def stand_ins(name: str) -> list[Record]:
    """Records of a reduced experiment with made-up metrics."""
    experiment = grid.grid(name, "reduced")
    return [
        stand_in(run, seed, i)
        for seed in range(experiment.seeds)
        for i, run in enumerate(experiment.runs)
    ]


def stand_in(run: Run, seed: int, i: int) -> Record:
    metrics = {
        "test_error": 0.5 - 0.01 * i + 0.001 * seed,
        "learning_gap": 0.02 * i + 0.001 * seed**2,
        "slow_fraction": 0.35,
        "test_images": 10_000,
        "gradients": 1_500,
        "generated": 700,
        "generator": {"seen": run.generator.trained_on, "alpha_bar": 0.494}
        if run.method.generates
        else None,
    }
    return Record(json_value(run), seed, metrics)


def test_every_number_that_the_report_reads_is_made(committed):
    assert missing(text(), committed) == []


def test_a_number_that_nobody_makes_is_found(committed):
    wanting = r"\val{no.such.key} \ifval{no.such.key}{\val{another}}{\contrast[ points]{methods.sam.minus.original}} \contrast{third}"
    assert missing(wanting, committed) == ["no.such.key", "third", "third.verdict"]


def test_the_section_on_cifar_finds_its_numbers_once_the_records_are_there(committed):
    made = {}
    for name in (
        "test-error",
        "factor",
        "strength",
        "selection",
        "stacking",
        "architectures",
        "generator",
    ):
        made |= image_numbers(f"reduced-{name}", stand_ins(name))
    assert missing(text(), committed | made) == []
    assert (
        missing(
            text(),
            {
                key: value
                for key, value in (committed | made).items()
                if not key.startswith("reduced-factor")
            },
        )
        == []
    )
    assert made["reduced-test-error.steps.tada-2.minus.original"] == r"$-2.00 \pm 0.00$"
    assert made["reduced-test-error.steps.tada-2.minus.original.words"] == "lower than"
    assert (
        made["reduced-strength.best.strength"] == "from pure noise"
    )  # the last run has the least error
    assert made["reduced-factor.best.tada"] == "5"
    assert made["reduced-selection.rows"].count(r"\\") == 5
    assert "TADA(2), high loss & $50.1" in made["reduced-selection.rows"]


def test_no_number_is_left_empty(committed):
    assert [key for key, value in committed.items() if not value.strip() or "nan" in value] == []


def test_the_same_records_give_the_same_numbers(committed):
    again = numbers(functools.cache(lambda experiment: load(experiment, (COMMITTED,))))
    assert tex(again) == tex(committed)


def test_what_is_not_recorded_has_no_number():
    def nothing(experiment: str):
        raise RecordError(experiment)

    assert set(numbers(nothing)) == {f"paper.{key}" for key in PAPER}


def test_every_drawing_exists_or_can_be_done_without():
    for kind, name in named():
        assert name in OPTIONAL or name in (FIGURES if kind == "figure" else TABLES), name
    assert set(NAMES) <= {name for _, name in named()}, "the report leaves out a figure or table"


def test_every_section_is_part_of_the_report():
    read = re.findall(r"\\input\{sections/(\w+)\}", "".join(path.read_text() for path in sources()))
    assert sorted(read) == sorted(path.stem for path in sources()[1:])


def test_references_point_somewhere():
    source = text()
    labels = set(re.findall(r"\\label\{([^}]+)\}", source)) | {
        f"tab:{name}" for kind, name in named() if kind == "table"
    }
    labels.add("tab:reproduction-2")  # which has two tables
    used = set(re.findall(r"\\(?:eq)?ref\{([^}#]+)\}", source))
    assert used <= labels
    figures = set(re.findall(r"\\seen?(?:\[[^]]*\])?\{([^}#]+)\}", source))
    assert figures <= {name for kind, name in named() if kind == "figure"}
    cited = {key for keys in re.findall(r"\\cite\{([^}]+)\}", source) for key in keys.split(",")}
    assert cited == set(re.findall(r"\\bibitem\{([^}]+)\}", source))


def typed(source: str) -> list[str]:
    """Passages that look like results typed by hand."""
    for allowed in SETTINGS:
        source = source.replace(allowed, "")
    return [source[max(0, m.start() - 40) : m.end() + 20] for m in QUOTED.finditer(source)]


def test_no_result_is_typed():
    assert typed(text()) == []


@pytest.mark.parametrize(
    "claim",
    [
        "falls by 2.8 points",
        r"an error of 12.3\,\%",
        r"is $-1.42 \pm 0.61$",
        "32 of 40 cases hold",
        r"12 \% lower",
    ],
)
def test_a_typed_result_is_noticed(claim):
    assert typed(f"TADA {claim}, as in the paper.") != []


def test_differences_are_put_into_words():
    lower, unclear = said("a", estimate([-1.0, -1.1, -0.9])), said("b", estimate([-1.0, 1.1, 0.2]))
    assert lower == {
        "a": r"$-1.00 \pm 0.25$",
        "a.verdict": "lower",
        "a.words": "lower than",
        "a.lower": "1",
    }
    assert unclear["b.words"] == "not clearly different from"
    assert set(unclear) == {"b", "b.verdict", "b.words"}
    assert said("c", Estimate(-1.0, float("nan"), 1)) == {
        "c": "$-1.00$",
        "c.verdict": "one seed",
        "c.words": "of one seed, hence not comparable with",
    }


def test_the_agreement_of_seeds_is_the_mean_over_their_pairs():
    (record,) = load("empirical/reduced-stability", (COMMITTED,))
    pairs = [[[0.2, 0.1], [0.4, 0.3]], [[None, None], [0.5, 0.2]]]
    between = [
        [{"jaccard": mine, "jaccard_chance": chance} for mine, chance in rule] for rule in pairs
    ]
    made = dataclasses.replace(
        record, metrics={"rules": ["cluster", "high-loss"], "between_seeds": between}
    )
    assert stability([made]) == {
        "reduced-stability.cluster": "0.30",
        "reduced-stability.cluster.chance": "0.20",
        "reduced-stability.high-loss": "0.50",
        "reduced-stability.high-loss.chance": "0.20",
    }


def test_training_errors_are_those_at_the_end(committed):
    members = [
        r
        for r in load("empirical/reduced-learning-speed", (COMMITTED,))
        if r.config["method"]["name"] == "syn-all"
    ]
    ends = [100 * record.metrics["train_error"][-1] for record in members]
    assert committed["reduced-test-error.steps.syn-all.trained"].startswith(
        f"${sum(ends) / len(ends):.1f} "
    )


def test_verdicts_on_images_are_counted(committed):
    verdicts, hold, fail = (
        int(committed[f"images.{name}"]) for name in ("verdicts", "hold", "fail")
    )
    judgements = listed(
        {name: load(name, (COMMITTED,)) for name in EXPERIMENTS if begun(name, (COMMITTED,))}
    )
    by_claim = {(case["id"], case["data"]): case["claim"] for case in judgements}
    assert verdicts == len(by_claim)
    assert (hold, fail) == tuple(list(by_claim.values()).count(word) for word in ("holds", "fails"))
    assert all(
        claim in committed["images.failing"]
        for (claim, _), word in by_claim.items()
        if word == "fails"
    )


def test_seeds_that_never_reach_the_target_are_counted(committed):
    for label in ("tada", "useful"):
        members = [
            r for r in load("theory/minibatch", (COMMITTED,)) if r.config["label"].startswith(label)
        ]
        missed = [
            r
            for r in members
            if not any(error <= LEARNED_ERROR for error in r.metrics["test_error"])
        ]
        assert committed[f"minibatch.unreached.{label}"] == str(len(missed))


def test_original_is_compared_with_under_the_same_network_and_augmentation():
    made = image_numbers("x", stand_ins("stacking"))
    rows = made["x.rows"].split(r" \\ ")
    assert [row.split(" & ")[0] for row in rows if row] == [
        "TADA(2), no augmentation",
        "TADA(2), crop and flip",
        "TADA(2), crop, flip, TrivialAugment",
    ]
    assert [row.split(" & ")[2] for row in rows if row] == [r"$-1.00 \pm 0.00$"] * 3


def test_a_condition_without_its_original_has_no_row():
    records = [
        r
        for r in stand_ins("test-error")
        if not (
            r.config["method"]["name"] == "original" and r.config["training"]["optimiser"] == "sam"
        )
    ]
    assert "SAM" not in image_numbers("x", records)["x.rows"]


def test_tables_are_labelled_and_their_words_wrapped():
    table = Table(
        "A title",
        ("case", "asks", "mean"),
        ((("word " * 20).strip(), "why " * 20, "+0.1"),) * 8,
        "A note: β_e.",
    )
    lines = table.latex("tab:it").splitlines()
    assert r"\label{tab:it}" in lines[2]
    assert lines[1].count("p{") == 2
    assert lines[1].endswith("r@{}}")
    assert sum(line.endswith(r"\\*") for line in lines) == 6
    assert r"\label" not in table.latex()
    assert escape_latex("Var_U - Var_G") == "Var$_U$ $-$ Var$_G$"
    assert escape_latex("test_error") == r"test\_error"


def test_captions_keep_their_mathematics():
    assert caption("5% of $k-1$, t_max & more") == r"5\% of $k-1$, t\_max \& more"


def test_what_cannot_be_drawn_is_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr(
        paper,
        "named",
        lambda: [
            ("figure", "homogeneity"),
            ("figure", "regimes"),
            ("figure", "factor"),
            ("table", "no-such"),
        ],
    )
    monkeypatch.setattr(paper, "numbers", lambda load: {"a": "1"})
    shutil.copytree(COMMITTED / "theory/homogeneity", tmp_path / "records/theory/homogeneity")
    lines = build(tmp_path, (tmp_path / "records",))
    assert [": left out: " in line for line in lines] == [False, True, True, True]
    drawings = (tmp_path / "drawings.tex").read_text()
    assert r"\defval{drawn.homogeneity}{1}" in drawings
    assert r"\defval{missing.regimes}" in drawings
    assert r"python -m theory run regimes" in drawings
    assert "missing.factor" not in drawings
    assert (tmp_path / "numbers.tex").read_text() == "\\defval{a}{1}\n"


def test_without_latex_make_says_what_to_install(tmp_path):
    make = shutil.which("make")
    if make is None:
        pytest.skip("no make here")
    run = subprocess.run(
        [make, "latex"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env=os.environ | {"PATH": str(tmp_path)},
        check=False,
    )
    assert run.returncode == 2
    first, *rest = run.stderr.strip().splitlines()
    assert first.startswith(
        "error: LaTeX is missing or incomplete; Debian, Ubuntu: apt install latexmk texlive-latex-recommended"
    )
    assert all(line.startswith("make") for line in rest)


def test_the_paper_needs_latex_first():
    """Nothing is set up or drawn before it is known that it can be typeset."""
    rules = dict(
        re.findall(r"^([a-z]+):[ \t]*(.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    )
    assert rules["paper"].split() == ["latex", "setup"]


def test_runs_differ_in_what_they_are_told_apart_by():
    """Each run of a reduced experiment is a condition of its own."""
    for name in (
        "test-error",
        "factor",
        "strength",
        "selection",
        "stacking",
        "architectures",
        "generator",
    ):
        runs = grid.grid(name, "reduced").runs
        errors = [
            key
            for key in image_numbers("x", stand_ins(name))
            if key.endswith(".error") and ".minus." not in key
        ]
        assert len(errors) == len(runs), name


def test_a_record_without_a_generator_still_counts():
    records = [
        dataclasses.replace(r, metrics={**r.metrics, "generator": None, "generated": 0})
        for r in stand_ins("factor")
    ]
    assert "x.generator.seen" not in image_numbers("x", records)
