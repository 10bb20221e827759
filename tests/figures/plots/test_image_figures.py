"""Figures and tables of image experiments, from synthetic records: they fit and show the values."""

from itertools import combinations

import matplotlib
import numpy as np
import pytest
from image_records import CLASSES, none, records
from matplotlib.figure import Figure

from figures.draw import Drawing, figure_size, load_drawer
from figures.plots.style import STYLE
from figures.records import COMMITTED, Plan, RecordError, load, write, write_plan
from figures.statistics.conditions import data_sets
from figures.statistics.intervals import paired_estimate
from figures.tables import costs as cost_table
from figures.tables import main as main_table
from figures.tables import reproduction as reproduction_table

pytestmark = pytest.mark.slow

NEW = ("architectures", "stacking", "factor", "strength", "selection", "learning_curves", "cost")
SHARED = ("test_error", "separability", "examples", "learning_speed")  # with other data sets
NAMES = (*NEW, *SHARED)


def effect(run):
    """Lower the error of TADA by two points."""
    return -0.02 * (run.method.name == "tada")


def made_up(experiment):
    if not experiment.startswith(("empirical/reduced-", "empirical/paper-")):
        return load(experiment, (COMMITTED,))
    return records(
        experiment.split("/")[1],
        effect,
        seeds=1 if experiment.endswith(("sheet", "stability")) else 3,
    )


@pytest.fixture(scope="module")
def all_records():
    wanted = {
        experiment
        for name in NAMES
        for experiment in (*load_drawer(name).RECORDS, *getattr(load_drawer(name), "OPTIONAL", ()))
    }
    return {experiment: made_up(experiment) for experiment in sorted(wanted)}


def needed(name, found, *scales):
    """Return the records of a figure at some of the scales."""
    drawer = load_drawer(name)
    names = [
        *drawer.RECORDS,
        *(one for one in getattr(drawer, "OPTIONAL", ()) if one.split("/")[1].startswith(scales)),
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
        assert axes.lines or axes.collections or axes.images or axes.containers
        assert axes.get_xlabel() or axes.get_title("left") or axes.get_ylabel()
        assert min(box.x0, box.y0) >= -1
        assert box.x1 <= figure.bbox.x1 + 1
        assert box.y1 <= figure.bbox.y1 + 1
    assert len(load_drawer(name).CAPTION) > 100


@pytest.mark.slow
@pytest.mark.parametrize("name", SHARED)
def test_a_data_set_that_is_there_adds_to_the_figure(name, all_records):
    without, with_it = (
        drawn(name, needed(name, all_records, scale)) for scale in ("none", "reduced")
    )
    assert len(with_it.axes) > len(without.axes)
    assert with_it.get_figheight() > without.get_figheight()


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
    found = needed("architectures", all_records, "none")
    left, right = drawn("architectures", found).axes
    pairs = [
        ("tada-2", "original", {"network": network})
        for network in ("resnet8", "resnet20", "vit-xs")
    ]
    np.testing.assert_allclose(bars(right)[:3], differences(found, pairs))
    assert [label.get_text() for label in left.get_yticklabels()] == [
        "ResNet-8",
        "ResNet-20",
        "ViT-XS",
    ]


@pytest.mark.slow
def test_stacking_compares_under_the_same_augmentation(all_records):
    found = needed("stacking", all_records, "none")
    left, right = drawn("stacking", found).axes
    pairs = [
        ("tada-2", "original", {"augment": name})
        for name in ("none", "crop-flip", "crop-flip-trivial")
    ]
    np.testing.assert_allclose(bars(right)[:3], differences(found, pairs))
    (conditions,) = data_sets(found)
    assert bars(left)[0] == pytest.approx(np.mean(list(conditions.values("original").values())))


def test_factor_starts_at_no_augmentation(all_records):
    axes = drawn("factor", needed("factor", all_records, "none")).axes[1]
    (conditions,) = data_sets({"reduced": all_records["empirical/reduced-factor"]})
    for container, method in zip(axes.containers, ("useful", "tada"), strict=True):
        expected = [
            0,
            *(mean_difference(conditions, f"{method}-{k}") for k in (2, 5)),
        ]
        np.testing.assert_allclose(
            np.asarray(container.lines[0].get_ydata(), float), expected, atol=1e-9
        )


def test_strength_shows_errors_and_faithfulness(all_records):
    left, right = drawn("strength", needed("strength", all_records, "none")).axes
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
    assert left.get_yticklabels()[4].get_text() == "all (2,000)"
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
            and r.config["training"]["steps"]
        ]
        (line,) = (line for line in axes.lines if line.get_label().startswith("TADA"))
        np.testing.assert_allclose(line.get_ydata(), 100 * np.mean(chosen, 0))


# --- tables


def test_the_main_table_keeps_generators_apart():
    found = {
        name: records(name.split("/")[1], effect)
        for name in ("empirical/reduced-test-error", "empirical/reduced-generator")
    }
    images, contrasts, own = main_table.tables(found)
    assert "external" in images.note
    assert "external" in contrasts.note
    assert "generator: own" in own.title
    assert "trained on the training split alone" in own.note
    assert [row[0].split(",")[0] for row in own.rows] == ["Original", "TADA(2)", "Syn-all"]
    (row,) = (row for row in contrasts.rows if row[0] == "TADA(2) − Syn-all, equal epochs, SGD")
    assert row[-1] == "lower"
    assert {row[0].split(", ", 1)[1] for row in images.rows} == {
        "equal steps, SGD",
        "equal epochs, SGD",
        "equal steps, SAM",
    }


def test_the_table_of_costs_compares_with_all_images():
    (table,) = cost_table.tables({"some": records("reduced-test-error", effect)})
    rows = {row[0]: row[1:] for row in table.rows}
    assert rows["TADA(2), equal steps, SGD"][:3] == ("700 (35%)", "800 (100%)", "68 (100%)")
    assert rows["TADA(2), equal epochs, SGD"][1] == "1,850 (74%)"
    assert rows["Syn-all, equal epochs, SGD"][0] == "2,000 (100%)"
    assert rows["Original, equal steps, SGD"][0] == "0"


def test_the_papers_values_stand_beside_ours():
    small = {"some": records("reduced-test-error", effect)}
    errors, statements = reproduction_table.tables(small)
    assert {row[2] for row in errors.rows} == {"not run at this scale"}
    assert (
        "TADA(2) minus Original, SGD: paper scale",
        "up to −2.8 in some setting",
        "not run at this scale",
        "",
    ) in statements.rows
    large = {
        **small,
        "paper": records("paper-architectures", none, noise=0),
        "factor": records("paper-factor", lambda run: 0.01 * run.method.k),
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
    assert rows["CIFAR-10, ConvNeXt-T, USEFUL"][1] == "not run at this scale"
    best = {row[0]: row[2] for row in statements.rows}
    assert best["best k of TADA: TinyImageNet (paper scale)"].startswith("k = 2 (k = 2: ")


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


def test_of_the_papers_scale_what_is_there_is_shown_and_of_the_reduced_all_is_needed(tmp_path):
    drawing = lambda: Drawing(tmp_path, (tmp_path, COMMITTED))  # noqa: E731
    put(
        tmp_path,
        "paper-test-error",
        records("paper-test-error", seeds=1),
        "paper",
        missing=range(3, 100),
    )
    assert len(drawing().records_for(load_drawer("test_error"))["empirical/paper-test-error"]) == 3
    put(
        tmp_path,
        "reduced-test-error",
        records("reduced-test-error", seeds=1),
        "reduced",
        missing=[0],
    )
    with pytest.raises(
        RecordError, match="make it with: python -m empirical run reduced-test-error"
    ):
        drawing()("test_error")
    with pytest.raises(RecordError, match="make it with: python -m empirical run reduced-"):
        Drawing(tmp_path, (tmp_path / "none",))("stacking")
