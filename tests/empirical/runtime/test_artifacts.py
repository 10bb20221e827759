"""A cached result depends on the code that its stage can reach and on the libraries it uses."""

import ast
import shutil
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from empirical.runtime import artifacts, stage_code
from empirical.runtime.reachable import Sources
from empirical.runtime.stage_code import PACKAGES, ROOT, STAGES, code, sources

ALL = set(STAGES)
TRAINING = {"early", "select", "train", "judge", "cross-fit"}  # stages that train a classifier


# --- the package's own stages


class Changed(ast.NodeTransformer):
    """Change every number and text that is no docstring; or the docstrings only."""

    def __init__(self, docstrings):
        self.docstrings = docstrings

    def visit_Expr(self, node):
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            return ast.Expr(ast.Constant("Other words.")) if self.docstrings else node
        return self.generic_visit(node)

    def visit_Constant(self, node):
        value = node.value
        if self.docstrings or isinstance(value, bool) or not isinstance(value, int | float | str):
            return node
        return ast.Constant(value + ("x" if isinstance(value, str) else 1))

    def visit_JoinedStr(self, node):
        return node


def rewrite(path, docstrings=False):
    """Rewrite a file without comments and in another layout, with other constants or docstrings."""
    tree = Changed(docstrings).visit(ast.parse(path.read_text()))
    path.write_text("# another comment\n" + ast.unparse(ast.fix_missing_locations(tree)))


@pytest.fixture
def copy(tmp_path):
    """Copy the source of the packages; return the folder."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=lambda _, names: skipped(names))
    return tmp_path


def skipped(names):
    return [name for name in names if "." in name and not name.endswith(".py")]


@cache
def today():
    return digests(ROOT)


def digests(root):
    found = sources.__wrapped__(root)  # as in a new process
    return {name: found.digest(stage.entries) for name, stage in STAGES.items()}


def dropped(root):
    """Return the stages whose results would be computed again."""
    return {name for name, value in digests(root).items() if value != today()[name]}


@pytest.mark.slow
def test_comments_docstrings_and_layout_keep_every_stage(copy):
    for path in copy.rglob("*.py"):
        rewrite(path, docstrings=True)
    assert dropped(copy) == set()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("empirical/config/training.py", ALL - {"decode"}),
        ("empirical/runtime/seeding.py", ALL - {"decode"}),
        ("empirical/data/split.py", ALL - {"decode"}),
        ("empirical/data/sources/decode.py", {"decode"}),
        ("empirical/data/sources/cifar.py", {"decode"}),
        ("empirical/training/networks.py", TRAINING),
        ("empirical/training/optimisers.py", TRAINING),
        # the order of images is every one's
        ("empirical/training/trainer.py", ALL - {"decode", "adapter"}),
        ("empirical/selection/early_training.py", {"early", "select", "train"}),
        ("empirical/selection/knee.py", {"early", "select", "train"}),
        ("empirical/selection/rules.py", {"select", "train"}),
        ("empirical/generation/denoiser_trainer.py", {"generator", "variants", "train"}),
        ("empirical/generation/denoising.py", {"variants", "train"}),
        ("empirical/generation/backends/dit.py", {"variants", "train"}),
        ("empirical/generation/quality/fid_kid.py", set()),
        ("empirical/methods.py", {"train"}),
        ("empirical/pipeline.py", {"train"}),
        ("empirical/experiments/progress_board.py", set()),
        ("empirical/experiments/registry.py", set()),
        ("empirical/commands/train.py", set()),
        ("empirical/commands/select.py", set()),
        ("empirical/own_images/stages.py", set()),
        ("empirical/own_images/task.py", set()),
        ("figures/records/compare.py", set()),
        ("figures/labels.py", set()),
        ("empirical/runtime/leases.py", set()),
        ("empirical/runtime/stage_code.py", set()),
    ],
)
def test_other_constants_drop_the_stages_that_reach_them(copy, file, expected):
    assert (copy / file).exists()
    rewrite(copy / file)
    assert dropped(copy) == expected


def test_all_that_no_stage_reaches_may_change(copy):
    found = [sources().reached(stage.entries) for stage in STAGES.values()]
    reached = {module for each in found for module, _ in each}
    others = 0
    for path in copy.rglob("*.py"):
        parts = path.relative_to(copy).with_suffix("").parts
        module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if module not in reached:
            rewrite(path)
            others += 1
    assert others > 50
    assert dropped(copy) == set()


@pytest.mark.parametrize("room", ["commands", "experiments", "own_images"])
def test_no_stage_reaches_the_rooms_above_it(room):
    for stage in STAGES.values():
        reached = sources().reached(stage.entries)
        assert not [key for key in reached if key[0].startswith(f"empirical.{room}")]


def test_every_name_that_a_stage_uses_is_found():
    found = sources.__wrapped__(ROOT)
    for stage in STAGES.values():
        found.reached(stage.entries)
    assert found.unresolved == set()


def test_every_result_on_disk_belongs_to_a_known_stage():
    named = set()
    for path in (ROOT / "empirical").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                texts = [each.value for each in node.args if isinstance(each, ast.Constant)]
                named |= set(texts[:1]) if node.func.id in ("artifact", "code") else set()
    assert {"decode", "early", "select", "generator", "variants", "judge"} <= named <= ALL


DISTRIBUTIONS = {"sklearn": "scikit-learn", "PIL": "pillow", "glide_text2im": "glide-text2im"}
WITHOUT_INFLUENCE = {
    "huggingface_hub",  # downloads files
    "safetensors",  # stores bytes
    "threadpoolctl",  # sets the number of threads
    "tqdm",
}
DATA_ONLY = {  # libraries of which a stage uses bundled or published data, and no computation
    "decode": {"torchvision"},
    "early": {"scikit-learn"},
    "generator": {"scikit-learn"},
    "variants": {"scikit-learn"},
    "judge": {"scikit-learn"},
    "cross-fit": {"scikit-learn"},
    "adapter": {"scikit-learn"},
}


@pytest.mark.parametrize("name", STAGES)
def test_the_libraries_of_a_stage_are_those_that_its_code_imports(name):
    imported = sources().libraries(STAGES[name].entries) - sys.stdlib_module_names
    used = {DISTRIBUTIONS.get(each, each) for each in imported - WITHOUT_INFLUENCE}
    indirect = {"accelerate", "transformers", "diffusers"}  # used by pipelines that are handed over
    assert used - DATA_ONLY.get(name, set()) == set(STAGES[name].libraries) - (indirect - used)


def test_another_version_of_a_library_drops_the_stages_that_use_it(monkeypatch):
    before = {name: code(name) for name in STAGES}
    version = stage_code.version
    monkeypatch.setattr(
        stage_code, "version", lambda name: "0.0" if name == "diffusers" else version(name)
    )
    after = {name: code.__wrapped__(name) for name in STAGES}
    changed = {name for name in STAGES if after[name] != before[name]}
    assert changed == {"generator", "variants", "train", "adapter"}
    assert stage_code.versions(["a-library-that-is-not-there"]) == {
        "a-library-that-is-not-there": None
    }


# --- what counts as reached, on a small package


FILES = {
    "__init__": "",
    "stage": """
        from typing import TYPE_CHECKING
        from empirical import shapes
        from empirical.names import exported
        from empirical.names import exported as other_name
        if TYPE_CHECKING:
            from empirical.hints import Hint

        def entry(hint: Hint):
            from empirical.deferred import value
            return exported(), value, shapes.square(2), first()

        def first():
            return second()

        def second():
            return first, LIMIT

        def unrelated():
            from empirical.elsewhere import thing
            return thing

        LIMIT, OTHER = 3, 4
        """,
    "names/__init__": "from empirical.names.inside import exported, hidden",
    "names/inside": """
        def exported():
            return 1

        def hidden():
            return 1
        """,
    "shapes": """
        SIDES = 4

        def square(side):
            return SIDES * side

        def circle(radius):
            return 6 * radius
        """,
    "deferred": "value = 1\nunused = 1",
    "hints": "class Hint:\n    size = 1",
    "elsewhere": "thing = 1",
    "lazy/__init__": "def __getattr__(name):\n    return name",
    "lazy/inside": "found = 1",
}
SMALL = ("empirical.stage:entry",)


@pytest.fixture
def small(tmp_path):
    """Write a small package; return a function that edits a file and tells if the key changed."""
    for name, text in FILES.items():
        path = tmp_path / "empirical" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = text.splitlines()
        path.write_text("\n".join(line.removeprefix(" " * 8) for line in lines) + "\n")
    before = Sources(tmp_path, PACKAGES).digest(SMALL)

    def edit(name, old, new):
        path = tmp_path / "empirical" / f"{name}.py"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))
        return Sources(tmp_path, PACKAGES).digest(SMALL) != before

    return edit


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("stage", "LIMIT, OTHER = 3, 4", "LIMIT, OTHER = 3, 5"),
        ("stage", "return second()", "return second"),
        ("stage", "shapes.square", "shapes.circle"),
        ("names/inside", "def exported():\n    return 1", "def exported():\n    return 2"),
        ("names/__init__", "inside import exported, hidden", "inside import hidden as exported"),
        ("shapes", "SIDES = 4", "SIDES = 5"),
        ("shapes", "SIDES = 4", "SIDES = 4\nprint('executed at import')"),
        ("deferred", "value = 1", "value = 2"),
        ("__init__", "", "import os\nos.nice(1)\n"),
    ],
)
def test_what_is_reached_counts(small, name, old, new):
    assert small(name, old, new)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("stage", "import thing\n    return thing", "import thing"),
        ("names/inside", "def hidden():\n    return 1", "def hidden():\n    return 2"),
        ("shapes", "6 * radius", "7 * radius"),
        ("shapes", "SIDES = 4", '"""Shapes."""\nSIDES = (4)  # of a square'),
        ("deferred", "unused = 1", "unused = 2"),
        ("hints", "size = 1", "size = 2"),
        ("elsewhere", "thing = 1", "thing = 2"),
    ],
)
def test_what_is_not_reached_does_not_count(small, name, old, new):
    assert not small(name, old, new)


def test_a_name_that_cannot_be_found_stands_for_everything_below(small, tmp_path):
    assert small("deferred", "value = 1", "from empirical.lazy import found as value")
    found = Sources(tmp_path, PACKAGES)
    reached = found.reached(SMALL)
    assert found.unresolved == {"empirical.lazy:found"}
    assert {("empirical.lazy.inside", "found"), ("empirical.lazy", "__getattr__")} <= reached


def test_an_entry_that_does_not_exist_is_told(tmp_path):
    with pytest.raises(ValueError, match=r"no function or class empirical\.stage:entry"):
        Sources(tmp_path, PACKAGES).digest(SMALL)


# --- results on disk


def test_a_result_is_named_by_its_stage_and_all_that_it_depends_on(tmp_path):
    path = artifacts.artifact(tmp_path / "new", "early", ".npz", "settings", 0)
    assert path == artifacts.artifact(tmp_path / "new", "early", ".npz", "settings", 0)
    assert path.parent.is_dir()
    assert path.name.startswith("early-")
    others = [
        artifacts.artifact(tmp_path, "early", ".npz", "settings", 1),
        artifacts.artifact(tmp_path, "select", ".npz", "settings", 0),
        artifacts.artifact(tmp_path, "select", ".npz", "settings", 0, name="checkpoint"),
    ]
    assert others[2].name.startswith("checkpoint-")
    assert len({other.name for other in others} | {path.name}) == 4


ARRAYS = {"a": np.arange(30), "b": np.ones((2, 2)), "c": np.array(0.5), "d": np.zeros((0, 3))}
WEIGHTS = {
    "a": torch.arange(30),
    "b": torch.ones(2, 2).T,
    "c": torch.tensor(0.5, dtype=torch.bfloat16),
    "d": torch.zeros(0, 3),
}
KINDS = pytest.mark.parametrize(
    ("save", "load", "values"),
    [
        (artifacts.save_arrays, artifacts.load_arrays, ARRAYS),
        (
            lambda path, **tensors: artifacts.save_weights(path, tensors),
            artifacts.load_weights,
            WEIGHTS,
        ),
    ],
    ids=["arrays", "weights"],
)


def same(found, values):
    return found.keys() == values.keys() and all(
        found[name].dtype == value.dtype
        and found[name].shape == value.shape
        and (found[name] == value).all()
        for name, value in values.items()
    )


@KINDS
def test_a_damaged_result_counts_as_missing_and_is_named(tmp_path, save, load, values, capsys):
    path = tmp_path / "result.npz"
    assert load(path) is None
    assert capsys.readouterr().err == ""
    save(path, **values)
    assert same(load(path), values)
    assert capsys.readouterr().err == ""
    for content in (path.read_bytes()[:-5], b""):
        path.write_bytes(content)
        assert load(path) is None
        assert capsys.readouterr().err == f"{path} is damaged: made again\n"
    assert [each.name for each in Path(tmp_path).iterdir()] == ["result.npz"]


@KINDS
def test_any_damage_is_noticed_or_changes_nothing(tmp_path, save, load, values):
    """Flip bits, cut, and overwrite stretches at random places, seeded."""
    path = tmp_path / "result.npz"
    save(path, **values)
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    noticed = 0
    for _ in range(400):
        content = bytearray(whole)
        place = int(rng.integers(len(content)))
        match rng.integers(3):
            case 0:
                content[place] ^= 1 << int(rng.integers(8))
            case 1:
                del content[place:]
            case 2:
                stretch = rng.bytes(int(rng.integers(1, 40)))
                content[place : place + len(stretch)] = stretch
        path.write_bytes(content)
        found = load(path)
        assert found is None or same(found, values)
        noticed += found is None
    assert noticed > 200  # the others hit what is not content, such as times in a zip file


def test_other_content_under_the_old_digest_is_damage(tmp_path, capsys):
    """The checksums of a zip file are those of its parts, whoever wrote them."""
    path = tmp_path / "result.npz"
    artifacts.save_arrays(path, **ARRAYS)
    with np.load(path) as kept:
        changed = {**kept, "a": kept["a"] + 1}
    np.savez(path, **changed)
    assert artifacts.load_arrays(path) is None
    assert "made again" in capsys.readouterr().err
