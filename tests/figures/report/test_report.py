"""The report reads only numbers made from records, and names only drawings that exist."""

import dataclasses
import functools
import os
import re
import shutil
import subprocess

import pytest
from image_records import records

from empirical.config import Run
from empirical.experiments import paper_grid
from figures.claims.images import EXPERIMENTS, image_claims_as_json
from figures.claims.paper_values import PAPER_NUMBERS
from figures.draw import FIGURES, NAMES, TABLES
from figures.records import COMMITTED, Record, RecordError, json_value, load, load_some
from figures.records.paths import ROOT
from figures.report import build
from figures.report.image_numbers import QUANTITIES, SETTINGS, condition_key, image_number
from figures.report.keys import TEXT, keys_in, report_drawings, report_keys, report_sources
from figures.report.numbers import IMAGES, agreement_number, numbers
from figures.statistics.conditions import Conditions
from theory.claims import LEARNED_ERROR

pytestmark = pytest.mark.slow

REDUCED = (*(name.removeprefix("reduced-") for name in IMAGES["reduced"]), "crop-flip")
RUNS = list(  # each has an error of its own
    dict.fromkeys(run for name in REDUCED for run in paper_grid.grid(name, "reduced").runs)
)
QUOTED = re.compile(
    r"\d(?:\.\d+)?\$?(?:\\,|\s|~)*(?:\\%|points?\b|percent\b|per cent\b|of \d+ (?:cases|seeds))"
    r"|\d\s*\\pm\s*\d|\$[-+]\d+\.\d"
)
TYPED = (  # what may be typed: criteria, settings and symbols, no results
    r"95\,\% interval",
    r"95\,\% intervals",
    r"10\,\% of it",
    r"95\,\% of the runs",
    r"the 95\,\% that we had asked for",
    r"5 to 95\,\%",
    r"on 95\,\% of them",
    r"10\,\% from the mean",
)


@pytest.fixture(scope="module")
def committed():
    return numbers(
        functools.cache(lambda experiment: load(experiment, (COMMITTED,))), report_keys()
    )


def text() -> str:
    """Return the report as LaTeX reads it, without comments and definitions of macros."""
    report = (TEXT / "report.tex").read_text()
    source = without_comments(report[report.index(r"\begin{document}") :])
    while match := re.search(r"\\input\{(sections/\w+)\}", source):
        section = without_comments((TEXT / f"{match[1]}.tex").read_text())
        source = source[: match.start()] + section + source[match.end() :]
    return source


def without_comments(source: str) -> str:
    return re.sub(r"(?<!\\)%.*", "", source)


def group(source: str, start: int) -> tuple[str, int]:
    """Return the text in the braces that open at ``start``, and where the rest begins."""
    depth = 0
    for i in range(start, len(source)):
        depth += {"{": 1, "}": -1}.get(source[i], 0) if source[i - 1] != "\\" else 0
        if depth == 0:
            return source[start + 1 : i], i + 1
    raise ValueError(f"brace not closed: {source[start : start + 60]}")


def resolved(source: str, values: dict) -> str:
    r"""Replace every \ifval and \ifholds by the branch that ``values`` choose."""
    while match := re.search(r"\\(ifval|ifholds)\{([^{}]+)\}\s*", source):
        key = match[2] if match[1] == "ifval" else f"claims.{match[2]}.holds"
        then, end = group(source, match.end())
        otherwise, end = group(source, end)
        source = source[: match.start()] + (then if key in values else otherwise) + source[end:]
    return source


def missing(source: str, values: dict) -> list[str]:
    r"""Return the keys that are read without a guard and are not among ``values``.

    ``\given`` says that there is no number.
    """
    read = keys_in(re.sub(r"\\given\{[^{}]*\}", "", resolved(source, values)))
    return sorted(key for key in read if key not in values)


def stand_ins(name: str, seeds: int | None = None) -> list[Record]:
    """Return records of a reduced experiment with made-up metrics."""
    experiment = paper_grid.grid(name, "reduced")
    return [
        stand_in(run, seed) for seed in range(seeds or experiment.seeds) for run in experiment.runs
    ]


def stand_in(run: Run, seed: int) -> Record:
    i = RUNS.index(run)
    error = 0.5 - 0.01 * i + 0.001 * seed
    metrics = {
        "test_error": error,
        "test_error_slow": error + 0.1,
        "test_error_fast": error - 0.1,
        "train_error": [0.5, 0.001 * i],
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


def load_stand_ins(experiment: str) -> list[Record]:
    name = experiment.removeprefix("empirical/reduced-")
    if name not in REDUCED:
        raise RecordError(experiment)
    return stand_ins(name)


def load_first_seeds(experiment: str) -> list[Record]:
    """Return two seeds of two experiments: what there is when the rest is still computed."""
    name = experiment.removeprefix("empirical/reduced-")
    if name not in ("test-error", "controls"):
        raise RecordError(experiment)
    return stand_ins(name, 2)


def test_every_number_that_the_report_reads_is_made_or_guarded(committed):
    assert missing(text(), committed) == []


def test_no_number_is_made_that_the_report_does_not_read(committed):
    keys = report_keys()
    assert set(committed) <= keys
    assert {f"paper.{key}" for key in PAPER_NUMBERS} <= keys
    of_images = {key.partition(".")[2] for key in keys if key.partition(".")[0] in IMAGES}
    assert set(SETTINGS) <= of_images
    assert set(QUANTITIES) <= {key.rpartition(".")[2] for key in of_images}


def test_only_the_keys_asked_for_are_made():
    asked = []

    def record_and_load(experiment):
        asked.append(experiment)
        return load(experiment, (COMMITTED,))

    made = numbers(
        record_and_load, ["minibatch.k", "minibatch.no-such", "no.such.key", "minibatch"]
    )
    assert list(made) == ["minibatch.k"]
    assert asked == ["theory/minibatch"]


def test_keys_are_found_in_macros_and_not_in_comments():
    source = r"\val{a.b} \contrast[ points]{c}% \val{no}" "\n" r"\ifholds{T1}{\given{d}}{\val{#1}}"
    found = {"a.b", "c", "c.verdict", "claims.T1.holds", "d"}
    assert keys_in(source + r"\ifval{drawn.cost}{}{}") == found


def test_a_number_that_nobody_makes_is_found(committed):
    wanting = (
        r"\val{no.such.key} \ifval{no.such.key}{\val{another}}"
        r"{\contrast[ points]{ideal.tada-5.minus.original}} \contrast{third}"
    )
    assert missing(wanting, committed) == ["no.such.key", "third", "third.verdict"]


def test_the_section_on_cifar_finds_its_numbers_once_the_records_are_there(committed):
    made = numbers(load_stand_ins, report_keys())
    assert missing(text(), committed | made) == []
    given = re.findall(r"\\given\{([^{}]*)\}", text())
    assert len(given) > 40
    assert [key for key in given if key not in made] == []
    assert made["reduced.epochs.tada-5.minus.original"] == r"$-2.00 \pm 0.00$"
    assert made["reduced.epochs.tada-5.minus.original.slow"] == r"$-2.00 \pm 0.00$"
    assert made["reduced.epochs.tada-5.trained"] == "0.20"
    assert made["reduced.seeds"] == "8"
    assert made["crop-flip.seeds"] == "5"
    # of several values of one setting the last run has the least error
    assert made["reduced.best.strength"] == "from pure noise"
    assert made["reduced.best.tada"] == "3"


def test_the_section_on_cifar_stands_on_a_part_of_the_records(committed):
    made = numbers(load_first_seeds, report_keys())
    assert missing(text(), committed | made) == []
    assert made["reduced.seeds"] == "2"
    assert "reduced.epochs.tada-5.minus.tada-5.random" in made
    assert not any(key.startswith("crop-flip") for key in made)
    assert "None of these runs is among" in resolved(text(), committed)
    assert "None of these runs is among" not in resolved(text(), committed | made)


def test_no_number_is_left_empty(committed):
    assert [key for key, value in committed.items() if not value.strip() or "nan" in value] == []


def test_the_same_records_give_the_same_numbers(committed):
    again = numbers(
        functools.cache(lambda experiment: load(experiment, (COMMITTED,))), report_keys()
    )
    assert again == committed


def test_what_is_not_recorded_has_no_number():
    def load_nothing(experiment: str):
        raise RecordError(experiment)

    of_paper = {key for key in report_keys() if key.startswith("paper.")}
    assert of_paper
    assert set(numbers(load_nothing, report_keys())) == of_paper


def test_every_drawing_exists_or_can_be_done_without():
    for kind, name in report_drawings():
        assert name in build.OPTIONAL or name in (FIGURES if kind == "figure" else TABLES), name
    named = {name for _, name in report_drawings()}
    assert set(NAMES) <= named, "the report leaves out a figure or table"


def test_every_section_is_part_of_the_report():
    read = re.findall(
        r"\\input\{sections/(\w+)\}", "".join(path.read_text() for path in report_sources())
    )
    assert sorted(read) == sorted(path.stem for path in report_sources()[1:])


def test_references_point_somewhere():
    source = text()
    labels = set(re.findall(r"\\label\{([^}]+)\}", source)) | {
        f"tab:{name}" for kind, name in report_drawings() if kind == "table"
    }
    labels.add("tab:reproduction-2")  # which has two tables
    labels |= {f"fig:{name}" for kind, name in report_drawings() if kind == "figure"}
    used = set(re.findall(r"\\(?:eq)?ref\{([^}#]+)\}", source))
    assert used <= labels
    figures = set(re.findall(r"\\seen?(?:\[[^]]*\])?\{([^}#]+)\}", source))
    assert figures <= {name for kind, name in report_drawings() if kind == "figure"}
    cited = {key for keys in re.findall(r"\\cite\{([^}]+)\}", source) for key in keys.split(",")}
    assert cited == set(re.findall(r"\\bibitem\{([^}]+)\}", source))


def typed(source: str) -> list[str]:
    """Passages that look like results typed by hand."""
    for allowed in TYPED:
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


def test_the_agreement_of_seeds_is_the_mean_over_their_pairs():
    (record,) = records("reduced-stability", seeds=1)
    pairs = [[[0.2, 0.1], [0.4, 0.3]], [[None, None], [0.5, 0.2]]]
    between = [
        [{"jaccard": mine, "jaccard_chance": chance} for mine, chance in rule] for rule in pairs
    ]
    made = dataclasses.replace(
        record, metrics={"rules": ["cluster", "high-loss"], "between_seeds": between}
    )
    keys = (["cluster"], ["cluster", "chance"], ["high-loss"], ["high-loss", "chance"], ["random"])
    texts = [agreement_number([made], key) for key in keys]
    assert texts == ["0.30", "0.20", "0.50", "0.20", None]


def test_verdicts_on_images_are_counted(committed):
    verdicts, hold, fail = (
        int(committed[f"images.{name}"]) for name in ("verdicts", "hold", "fail")
    )
    judgements = image_claims_as_json(
        {name: found for name in EXPERIMENTS if (found := load_some(name, (COMMITTED,)))}
    )
    by_claim = {(case["id"], case["data"]): case["claim"] for case in judgements}
    assert verdicts == len(by_claim)
    assert (hold, fail) == tuple(list(by_claim.values()).count(word) for word in ("holds", "fails"))
    assert verdicts > 20
    assert all(
        claim in committed["images.failing"]
        for (claim, _), word in by_claim.items()
        if word == "fails"
    )


def test_seeds_that_never_reach_the_target_are_counted():
    keys = [f"minibatch.unreached.{label}" for label in ("tada", "useful")]
    made = numbers(lambda experiment: load(experiment, (COMMITTED,)), keys)
    for label in ("tada", "useful"):
        members = [
            r for r in load("theory/minibatch", (COMMITTED,)) if r.config["label"].startswith(label)
        ]
        missed = [
            r
            for r in members
            if not any(error <= LEARNED_ERROR for error in r.metrics["test_error"])
        ]
        assert made[f"minibatch.unreached.{label}"] == str(len(missed))


def test_captions_keep_their_mathematics():
    assert build.format_caption("5% of $k-1$, t_max & more") == r"5\% of $k-1$, t\_max \& more"


def test_what_cannot_be_drawn_is_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr(
        build,
        "report_drawings",
        lambda: [
            ("figure", "homogeneity"),
            ("figure", "regimes"),
            ("figure", "factor"),
            ("table", "no-such"),
        ],
    )
    monkeypatch.setattr(build, "numbers", lambda load, keys: {"a": "1"})
    shutil.copytree(COMMITTED / "theory/homogeneity", tmp_path / "records/theory/homogeneity")
    lines = build.build_report(tmp_path, (tmp_path / "records",))
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
    assert first.startswith("error: LaTeX")
    assert "apt install latexmk texlive-latex-recommended" in first
    assert all(line.startswith("make") for line in rest)


def test_the_paper_needs_latex_first():
    """Nothing is set up or drawn before it is known that it can be typeset."""
    rules = dict(
        re.findall(r"^([a-z]+):[ \t]*(.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    )
    assert rules["paper"].split() == ["latex", "setup"]


@pytest.mark.parametrize("name", REDUCED)
def test_each_run_of_a_reduced_experiment_has_a_key_of_its_own(name):
    conditions = Conditions("x", stand_ins(name))
    keys = {(one.budget, condition_key(conditions, one)) for one in conditions.groups}
    assert len(keys) == len(paper_grid.grid(name, "reduced").runs)
    for budget, key in keys:
        assert image_number(conditions, f"{budget}.{key}.error").startswith("$")


def test_a_record_without_a_generator_still_counts():
    found = [
        dataclasses.replace(r, metrics={**r.metrics, "generator": None, "generated": 0})
        for r in stand_ins("factor")
    ]
    conditions = Conditions("x", found)
    assert image_number(conditions, "alpha-bar") is None
    assert image_number(conditions, "seeds") == str(len({r.seed for r in found}))
