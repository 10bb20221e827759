"""Figures and tables of image experiments, from synthetic records: they fit and show the values."""

import dataclasses
from itertools import combinations

import matplotlib
import numpy as np
import pytest
from image_records import CLASSES, none, records
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text

from figures.claims.images import judge_claims
from figures.draw import Drawing, figure_size, load_drawer, optional_records
from figures.plots.style import STYLE
from figures.records import COMMITTED, Plan, RecordError, load_some, write, write_plan
from figures.statistics.conditions import data_sets
from figures.statistics.intervals import paired_estimate
from figures.tables import controls as controls_table
from figures.tables import costs as cost_table
from figures.tables import main as main_table
from figures.tables import reproduction as reproduction_table

pytestmark = pytest.mark.slow

NEW = (  # drawn once there are records of their experiments
    "architectures",
    "stacking",
    "strength",
    "selection",
    "learning_curves",
    "scaling",
)
SHARED = (  # with other data sets
    "factor",
    "cost",
    "forest",
    "test_error",
    "slow_and_fast",
    "separability",
    "examples",
    "learning_speed",
)
NAMES = (*NEW, *SHARED)
ABSENT = ("empirical/ideal-sam", "empirical/ideal-cifar")  # no records, neither here nor made up


def effect(run):
    """Lower the error of TADA by two points."""
    return -0.02 * (run.method.name == "tada")


def made_up(experiment):
    if not experiment.startswith(("empirical/reduced-", "empirical/paper-")):
        return load_some(experiment, (COMMITTED,))
    return records(
        experiment.split("/")[1],
        effect,
        seeds=1 if experiment.endswith(("sheet", "stability")) else 2,
    )


def optional(drawer):
    """Return the experiments that a figure shows if there are records."""
    return (*getattr(drawer, "ANY_OF", ()), *optional_records(drawer))


@pytest.fixture(scope="module")
def all_records():
    wanted = {
        experiment
        for name in NAMES
        for experiment in (*load_drawer(name).RECORDS, *optional(load_drawer(name)))
    }
    found = {experiment: made_up(experiment) for experiment in sorted(wanted - {*ABSENT})}
    return {experiment: members for experiment, members in found.items() if members}


def needed(name, found, *scales):
    """Return the records of a figure at some of the scales."""
    drawer = load_drawer(name)
    names = [
        *drawer.RECORDS,
        *(one for one in optional(drawer) if one.split("/")[1].startswith(scales)),
    ]
    return {one: found[one] for one in names}


def drawn(name, found):
    drawer = load_drawer(name)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=figure_size(drawer, found))
        drawer.draw(figure, found)
        figure.draw_without_rendering()
    return figure


def overlap(one, other, slack=2):
    return (
        min(one.x1, other.x1) - max(one.x0, other.x0) >= slack
        and min(one.y1, other.y1) - max(one.y0, other.y0) >= slack
    )


@pytest.mark.slow
@pytest.mark.parametrize("scales", [("reduced",), ("reduced", "paper")], ids=["reduced", "paper"])
@pytest.mark.parametrize("name", NAMES)
def test_panels_fit_and_show_something(name, scales, all_records):
    figure = drawn(name, needed(name, all_records, *scales))
    boxes = [axes.get_tightbbox() for axes in figure.axes]
    assert not any(overlap(one, other) for one, other in combinations(boxes, 2))
    for axes, box in zip(figure.axes, boxes, strict=True):
        assert axes.lines or axes.collections or axes.images or axes.containers or axes.texts
        assert axes.get_xlabel() or axes.get_title("left") or axes.get_ylabel()
        assert min(box.x0, box.y0) >= -1
        assert box.x1 <= figure.bbox.x1 + 1
        assert box.y1 <= figure.bbox.y1 + 1
    assert len(load_drawer(name).CAPTION) > 100


@pytest.mark.slow
@pytest.mark.parametrize("name", SHARED)
def test_a_data_set_that_is_there_adds_to_the_figure(name, all_records):
    without, with_it = (needed(name, all_records, scale) for scale in ("no scale", "reduced"))
    sizes = [figure_size(load_drawer(name), found) for found in (without, with_it)]
    assert sizes[0][0] == sizes[1][0]
    assert sizes[0][1] <= sizes[1][1]
    shown = [len(drawn(name, found).findobj(Line2D)) for found in (without, with_it)]
    assert shown[0] < shown[1]


def part_of(found, experiments, keep):
    """Return the records of some experiments that ``keep`` takes; others that are committed."""
    return {
        name: [record for record in members if name not in experiments or keep(record)]
        for name, members in found.items()
        if name in experiments or not name.startswith(("empirical/reduced-", "empirical/paper-"))
    }


def words(figure):
    """Return all texts of a figure."""
    return [text.get_text() for text in figure.findobj(Text)]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("keep", "gaps"),  # gaps: whether no difference is left
    [
        (lambda record: record.config["method"]["name"] == "original", True),
        (lambda record: record.config["method"]["name"] != "original", True),
        (lambda record: record.seed == 0 or record.config["method"]["name"] == "tada", False),
    ],
    ids=["original", "no original", "one seed"],
)
def test_a_part_of_the_records_draws_and_says_what_was_not_run(name, keep, gaps, all_records):
    own = {one for one in optional(load_drawer(name)) if one.startswith("empirical/reduced-")}
    own -= {"empirical/reduced-sheet", "empirical/reduced-stability"}
    found = part_of(needed(name, all_records, "reduced", "noisy", "digits"), own, keep)
    figure = drawn(name, {one: members for one, members in found.items() if members})
    assert figure.axes
    if name == "forest" or (gaps and name in ("stacking", "architectures", "selection")):
        assert any("not run" in text for text in words(figure))


def bars(axes):
    """Return the x values of the dots of an axes, from the top down."""
    return [float(container.lines[0].get_xdata()[0]) for container in axes.containers]


def mean_difference(conditions, method, other="original", other_settings=None, **settings):
    """Return the mean of one method minus another, paired by seed."""
    values = conditions.values(method, **settings)
    others = conditions.values(other, **(other_settings or {}))
    return float(paired_estimate(values, others).mean)


def differences(found, pairs):
    (conditions,) = data_sets(found)
    return [
        mean_difference(conditions, one, other, settings, **settings)
        for one, other, settings in pairs
    ]


@pytest.mark.slow
def test_networks_are_compared_pairwise(all_records):
    found = {"some": all_records["empirical/reduced-architectures"]}
    left, right = drawn("architectures", found).axes
    (conditions,) = data_sets(found)
    pairs = [
        (method, "original", conditions.settings_with("network", network))
        for network in ("resnet8", "resnet20", "vit-xs")
        for method in ("useful-2", "tada-5")
    ]
    np.testing.assert_allclose(bars(right)[:6], differences(found, pairs))
    assert [label.get_text() for label in left.get_yticklabels()] == [
        "ResNet-8",
        "ResNet-20",
        "ViT-XS",
    ]


@pytest.mark.slow
def test_stacking_compares_under_the_same_augmentation(all_records):
    found = {"some": all_records["empirical/reduced-stacking"]}
    left, right = drawn("stacking", found).axes
    pairs = [
        ("tada-5", "original", {"augment": name})
        for name in ("none", "crop-flip", "crop-flip-trivial")
    ]
    np.testing.assert_allclose(bars(right)[:3], differences(found, pairs))
    (conditions,) = data_sets(found)
    assert bars(left)[0] == pytest.approx(np.mean(list(conditions.values("original").values())))


def test_factor_starts_at_no_augmentation(all_records):
    axes = drawn("factor", needed("factor", all_records, "reduced")).axes[1]
    (conditions,) = data_sets({"reduced": all_records["empirical/reduced-factor"]})
    for container, method in zip(axes.containers, ("useful", "tada"), strict=True):
        expected = [
            0,
            *(mean_difference(conditions, f"{method}-{k}") for k in (2, 3, 5)),
        ]
        np.testing.assert_allclose(
            np.asarray(container.lines[0].get_ydata(), float), expected, atol=1e-9
        )


def test_strength_shows_errors_and_faithfulness(all_records):
    left, right = drawn("strength", needed("strength", all_records, "reduced")).axes
    (conditions,) = data_sets({"reduced": all_records["empirical/reduced-strength"]})
    images, noise = left.containers
    expected = [
        mean_difference(conditions, "tada-2", strength=strength)
        for strength in (0.3, 0.5, 0.7, "noise")
    ]
    np.testing.assert_allclose(
        [*images.lines[0].get_ydata(), *noise.lines[0].get_ydata()], expected
    )
    assert [line.get_ydata()[0] for line in right.lines] == [60, 70, 65]


def test_selection_shows_every_rule_and_the_classes(all_records):
    found = needed("selection", all_records, "reduced")
    left, right, agreement = drawn("selection", found).axes
    assert [label.get_text().split(" (")[0] for label in left.get_yticklabels()] == [
        "clusters",
        "high loss",
        "misclassified",
        "random",
        "all",
    ]
    assert {label.get_text() for label in right.get_xticklabels()} == set(CLASSES)
    assert left.get_yticklabels()[4].get_text() == "all (20,000)"
    shown = [line.get_ydata() for line in agreement.lines if line.get_marker() != "None"]
    assert [set(values) for values in shown] == [
        {0.5},
        {0.4},
        {0.8},
        {0.3},
        {0.6},
    ]  # between seeds and with clusters, by rule
    assert [len(values) for values in shown] == 5 * [3]
    chance = [
        value
        for line in agreement.lines
        if line.get_marker() == "None"
        for value in line.get_ydata()
    ]
    assert chance == pytest.approx(10 * [0.2])


def test_without_selections_of_several_seeds_nothing_is_said_of_their_agreement(all_records):
    assert (
        len(
            drawn(
                "selection",
                needed("selection", {**all_records, "empirical/reduced-stability": ()}, "reduced"),
            ).axes
        )
        == 2
    )


def test_curves_are_means_over_seeds(all_records):
    found = all_records["empirical/reduced-test-error"]
    left, right = drawn("learning_curves", {"empirical/reduced-test-error": found}).axes
    for axes, optimiser in ((left, "sgd"), (right, "sam")):
        chosen = [
            r.metrics["train_error"]
            for r in found
            if r.config["method"]["name"] == "tada"
            and r.config["training"]["optimiser"] == optimiser
            and r.config["method"]["k"] == 5
        ]
        (line,) = (line for line in axes.lines if line.get_label().startswith("TADA(5)"))
        np.testing.assert_allclose(line.get_ydata(), np.maximum(100 * np.mean(chosen, 0), 0.02))


def test_the_forest_has_every_deciding_case_with_its_corrected_interval(all_records):
    found = needed("forest", all_records, "reduced", "digits")
    figure = drawn("forest", found)
    deciding = [
        case
        for claim, by_data in judge_claims(found)
        if claim.id not in ("E10", "E11")
        for cases in by_data.values()
        for case in cases
        if case.decides and len(case.samples)
    ]
    dots = [container for axes in figure.axes for container in axes.containers]
    assert len(dots) == len(deciding) > 30
    means = sorted(float(dot.lines[0].get_xdata()[0]) for dot in dots)
    np.testing.assert_allclose(means, sorted(float(case.deciding.mean) for case in deciding))
    ends = [segment for dot in dots for segment in dot.lines[2][0].get_segments()]
    halves = sorted((segment[1][0] - segment[0][0]) / 2 for segment in ends)
    expected = sorted(float(case.deciding.half) for case in deciding)
    np.testing.assert_allclose(halves, expected, atol=1e-9)
    reported = [line for axes in figure.axes for line in axes.lines if line.get_markersize() == 6]
    values = sorted(float(line.get_xdata()[0]) for line in reported)
    assert values == pytest.approx([27.40 - 37.33, -2.8, 14.57 - 16.10])
    shown = words(figure)
    assert any(text.startswith("not run: ") and "paper scale" in text for text in shown)
    assert {"E1: TADA lowers test error", "noisy-digits", "CIFAR-10, reduced"} <= set(shown)


def test_scaling_is_drawn_over_the_number_of_images(all_records):
    found = needed("scaling", all_records, "reduced")
    left, right = drawn("scaling", found).axes
    sets = {one.first.config["data"]["train"]: one for one in data_sets(found)}
    assert sorted(sets) == [2000, 5000, 10_000, 20_000]
    for container, method in zip(left.containers, ("useful-2", "tada-2", "syn-all"), strict=True):
        expected = [mean_difference(sets[size], method) for size in sorted(sets)]
        np.testing.assert_allclose(np.asarray(container.lines[0].get_ydata(), float), expected)
    originals = [np.mean(list(sets[size].values("original").values())) for size in sorted(sets)]
    shown = np.asarray(right.containers[0].lines[0].get_ydata(), float)
    np.testing.assert_allclose(shown, originals)


def test_slow_and_fast_test_images_are_compared_apart(all_records):
    found = {"some": all_records["empirical/reduced-test-error"]}
    (axes,) = drawn("slow_and_fast", found).axes
    (conditions,) = data_sets(found)
    labels = ["useful-2", "tada-2", "tada-5", "syn-rand", "syn-all"]
    expected = [
        paired_estimate(conditions.values(one, metric), conditions.values("original", metric)).mean
        for metric in ("test_error_slow", "test_error_fast")
        for one in labels
    ]
    np.testing.assert_allclose(bars(axes), expected)


# --- tables


def test_the_main_table_keeps_generators_apart():
    found = {
        name: records(name.split("/")[1], effect)
        for name in ("empirical/reduced-test-error", "empirical/reduced-generator")
    }
    images, contrasts, others = main_table.tables(found)
    assert "external" in images.note
    assert "external" in contrasts.note
    assert [row[0] for row in others.rows] == ["TADA(2), own generator", "Syn-all, own generator"]
    (row,) = (row for row in contrasts.rows if row[0] == "TADA(2) − Syn-all, equal epochs, SGD")
    assert row[-2:] == ("lower", "8")
    assert {row[0].split(", ", 1)[1] for row in images.rows} == {
        "equal epochs, SGD",
        "equal epochs, SAM",
    }


def test_other_settings_are_compared_with_their_own_original():
    names = ("stacking", "architectures", "strength", "selection", "controls")
    found = [record for name in names for record in records(f"reduced-{name}", effect, noise=0)]
    methods, _, others = main_table.tables({"empirical/some": found})
    rows = {row[0]: row for row in others.rows}
    assert rows["TADA(5), crop and flip"][2] == "−2.00 ± 0.00"
    assert rows["Original, ResNet-20"][2] == ""
    assert {"TADA(5), ViT-XS", "TADA(2), high loss", "TADA(2), from pure noise"} < set(rows)
    assert not any("random" in name for name in rows)
    listed = {row[0].partition(",")[0] for row in methods.rows}
    assert {"random(5)", "random copies(2)", "reweighted(2)", "Original (longer)"} < listed
    assert all(len(row) == len(others.header) for row in others.rows)


def test_the_very_variants_used_are_judged_where_records_hold_it():
    found = records("reduced-test-error", effect, seeds=1)
    (first, *_) = main_table.tables({"empirical/some": found})
    assert "judge" not in first.note
    found = [
        dataclasses.replace(r, metrics={**r.metrics, "label_agreement": 0.8 + 0.1 * (i == 0)})
        for i, r in enumerate(found)
    ]
    (first, *_) = main_table.tables({"empirical/some": found})
    assert "80 to 90% over runs" in first.note


def test_the_controls_add_up():
    """Length, variants of random images and targeting make the whole difference, seed by seed."""

    def parts(run):
        if run.method.name == "tada":
            return -0.03 if run.selection.rule == "random" else -0.05
        return -0.01 if run.length_of else 0.0

    found = {"empirical/reduced-controls": records("reduced-controls", parts, noise=0)}
    (table,) = controls_table.tables(found)
    cells = {row[0]: row[2:] for row in table.rows}
    assert cells["length"] == ("−1.00 ± 0.00 (8)",)
    assert cells["variants, of random images, as long"] == ("−2.00 ± 0.00 (8)",)
    assert cells["targeting: slow, not random images"] == ("−2.00 ± 0.00 (8)",)
    assert cells["all together"] == ("−5.00 ± 0.00 (8)",)
    (empty,) = controls_table.tables({})
    assert {cell for row in empty.rows for cell in row[2:]} == {"not run"}
    assert empty.rows[1][:2] == ("count: as many copies, as long", "USEFUL(K) − Original (longer)")


def test_the_table_of_costs_compares_with_all_images():
    (table,) = cost_table.tables({"some": records("reduced-test-error", effect, seeds=1)})
    rows = {row[0]: row[1:] for row in table.rows}
    assert rows["TADA(2), equal epochs, SGD"][0] == "7,000 (35%)"
    assert rows["Syn-all, equal epochs, SGD"][0] == "20,000 (100%)"
    assert rows["Original, equal epochs, SGD"][0] == "0"


def test_the_papers_values_stand_beside_ours():
    small = {"some": records("reduced-test-error", effect)}
    errors, statements = reproduction_table.tables(small)
    assert {row[2] for row in errors.rows} == {"not run"}
    charts = [row for row in errors.rows if row[1].startswith("chart, about")]
    assert [row[0] for row in charts] == ["TinyImageNet, ResNet18, SAM, Original"]
    told = {row[0]: row[1:] for row in statements.rows}
    gain = "TADA(5) minus Original, SGD (TinyImageNet: 4)"
    assert told[f"{gain}: CIFAR-10 (reduced)"][2] == "8"
    assert told[f"{gain}: paper scale"][1:] == ("not run", "")
    large = {
        **small,
        "paper": records("paper-architectures", none, noise=0, seeds=3),
        "factor": records("paper-factor", lambda run: 0.01 * run.method.k, seeds=3),
    }
    errors, statements = reproduction_table.tables(large)
    rows = {row[0]: row[1:] for row in errors.rows}
    seeds = [40 + 2 * np.sin(seed) for seed in range(3)]
    assert rows["CIFAR-10, Swin-T, Original"] == (
        "16.10 ± 0.19",
        f"{np.mean(seeds):.2f} ± {np.std(seeds, ddof=1):.2f}",
        "3",
    )
    assert rows["CIFAR-10, ConvNeXt-T, TADA"][0] == "27.40 ± 1.99"
    best = {row[0]: row[2] for row in statements.rows}
    assert best["best k of TADA: TinyImageNet (paper scale)"].startswith("k = 2 (k = 2: ")


@pytest.mark.parametrize(
    "changes", [{"optimiser": "adamw"}, {"epochs": 100}, {"augment": "crop-flip-trivial"}]
)
def test_no_row_is_filled_by_another_recipe(changes):
    def elsewhere(record):
        training = {**record.config["training"], **changes}
        return dataclasses.replace(record, config={**record.config, "training": training})

    found = [
        elsewhere(record)
        for record in records("paper-architectures", seeds=1)
        if record.config["training"]["network"] in ("swin-t", "convnext-t")
    ]
    errors, _ = reproduction_table.tables({"paper": found})
    assert {row[2] for row in errors.rows} == {"not run"}


# --- which records are needed


def put(root, name, found, pool, missing=()):
    names = tuple(f"{i}.json" for i in range(len(found)))
    write_plan(
        root,
        Plan(
            f"empirical/{name}",
            names,
            f"python -m empirical run {name}",
            "test_error",
            0.03,
            f"empirical/{pool}",
        ),
    )
    for i, record in enumerate(found):
        if i not in missing:
            write(root / "empirical" / pool / names[i], record)


@pytest.mark.parametrize("scale", ["paper", "reduced"])
def test_of_experiments_that_take_days_what_is_there_is_shown(scale, tmp_path):
    drawing = Drawing(tmp_path, (tmp_path, COMMITTED))
    name = f"{scale}-stacking"
    put(tmp_path, name, records(name, seeds=1), scale, missing=range(3, 100))
    assert len(drawing.records_for(load_drawer("stacking"))[f"empirical/{name}"]) == 3
    assert "stacking" in drawing.names
    assert drawing("stacking").startswith("stacking: ")


def test_without_records_the_command_is_named(tmp_path):
    drawing = Drawing(tmp_path, (tmp_path / "none", COMMITTED))
    for name in NEW:
        drawer = load_drawer(name)
        (first, *_) = (*drawer.RECORDS, *getattr(drawer, "ANY_OF", ()))
        command = f"make it with: python -m empirical run {first.split('/')[1]}"
        if name not in drawing.names:
            with pytest.raises(RecordError, match=command):
                drawing(name)
    put(tmp_path / "none", "reduced-scaling", records("reduced-scaling", seeds=1), "x", range(99))
    assert "scaling" not in Drawing(tmp_path, (tmp_path / "none",)).names
