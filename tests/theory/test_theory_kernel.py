"""Test training in C against numpy, and how the kernel is compiled, kept and done without."""

import os
import shutil
import subprocess
import sys
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theory import Distribution, Method, Network, Optimiser, Run, kernel
from theory.batches import batch_weights
from theory.data import draw
from theory.dynamics import Diverged, stepper, train
from theory.fused import Fused, Rooms
from theory.problem import padded, stack

ROOT = Path(__file__).parents[2]
NUMPY = kernel.Engine("numpy", "")


def usable():
    """Return the C engine of this machine, None where it cannot be had."""
    try:
        instructions, flags = kernel.processor()
        return kernel.Engine("c", instructions, kernel.library(flags))
    except kernel.NoKernel:
        return None


C = usable()
needs_c = pytest.mark.skipif(C is None, reason="no C compiler, or neither AVX2 nor NEON")
NETWORKS = (
    Network(J=1),
    Network(J=3, sigma_0=0.2, power=5),
    Network(J=4, power=2, rectified=True),
    Network(J=7, sigma_0=0.1),
    Network(J=13, power=3, rectified=True),
)


@st.composite
def problems(draws):
    """Return a problem of one to three runs, its optimisers and the weights of mini-batches."""
    orthogonal = draws(st.booleans())
    distribution = Distribution(
        n=draws(st.integers(1, 40)),
        d=draws(st.sampled_from((60, 300))) if not orthogonal else 2000,
        alpha=0.6,
        noise_patches=draws(st.integers(1, 3)),
        orthogonal=orthogonal,
    )
    network = draws(st.sampled_from(NETWORKS))
    names = st.sampled_from(("original", "useful", "tada", "syn-all", "syn-rand"))
    method = Method(draws(names), k=draws(st.integers(1, 4)), scale=0.8)
    steps = draws(st.integers(1, 25))
    seeds = draws(st.lists(st.integers(0, 3), min_size=1, max_size=3))
    samples = [draw(Run("t", "t", distribution, network, method=method), seed) for seed in seeds]
    size = max(map(padded, samples))
    problem = stack(samples, network, draws(st.sampled_from(("float32", "float64"))), size)
    optimisers = [
        Optimiser(draws(st.sampled_from(("gd", "sam"))), eta=0.1 + 0.1 * i, rho=0.1, steps=steps)
        for i in range(len(seeds))
    ]
    batch = draws(st.sampled_from((None, 1, 7)))
    weights = batch and list(islice(batch_weights(samples, seeds, batch, size), steps + 1))
    return problem, optimisers, weights


def assert_near(ours, reference, tolerance):
    assert len(ours) == len(reference)
    for a, b in zip(ours, reference, strict=True):
        assert a.step == b.step
        for name in ("features", "coefficients", "projections", "logits"):
            x, y = getattr(a, name), getattr(b, name)
            assert x.dtype == y.dtype
            assert x.shape == y.shape
            scale = max(1.0, np.abs(y).max())
            np.testing.assert_allclose(x, y, rtol=0, atol=tolerance * scale, err_msg=name)


@needs_c
@settings(max_examples=60, deadline=None)
@given(problems())
def test_c_and_numpy_agree(drawn):
    problem, optimisers, weights = drawn
    ours, reference = (list(train(problem, optimisers, weights, True, e)) for e in (C, NUMPY))
    single = problem.labels.dtype == np.float32
    assert_near(ours, reference, 2e-4 if single else 1e-11)


@needs_c
@pytest.mark.parametrize("name", ["gd", "sam"])
def test_they_agree_to_the_end_of_a_run(tiny, name):
    run = tiny(Method("tada", k=3), optimiser=Optimiser(name, rho=0.2, steps=2000))
    problem = stack([draw(run, 0)], run.network)
    assert isinstance(stepper(problem, [run.optimiser], C), Fused)
    ours, reference = (list(train(problem, run.optimiser, engine=e)) for e in (C, NUMPY))
    assert np.abs(reference[-1].features).max() > 0.5  # something was learned
    assert_near(ours[::100], reference[::100], 1e-9)


@needs_c
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_bits_do_not_depend_on_the_runs_beside_it(tiny, dtype):
    """Not even where runs share their noise, and so one product."""
    run = tiny(network=Network(J=5, sigma_0=0.1))
    methods = [Method("tada", k=3, fidelity=f) for f in (1, 0.5, 0.2) * 4]
    samples = [draw(tiny(method, network=run.network), 1) for method in methods]
    optimisers = [Optimiser(("gd", "sam")[i % 2], steps=40, rho=0.3) for i in range(12)]
    shared = stack(samples, run.network, dtype)
    assert len(shared.gram) == 1
    *_, together = train(shared, optimisers, engine=C)
    for r, (sample, optimiser) in enumerate(zip(samples, optimisers, strict=True)):
        *_, alone = train(stack([sample], run.network, dtype), optimiser, engine=C)
        for a, b in zip(alone[1:], together[1:], strict=True):
            np.testing.assert_array_equal(a[0], b[r])


@needs_c
def test_a_run_that_diverges_rests_or_is_named(tiny):
    run = tiny(distribution=Distribution(n=24, d=200, sigma_p=5.0))
    problem = stack([draw(run, seed) for seed in (0, 1, 2)], run.network)
    optimisers = [Optimiser(eta=eta, steps=80) for eta in (0.02, 50.0, 0.01)]
    ours, reference = (list(train(problem, optimisers, None, True, e)) for e in (C, NUMPY))
    assert ours[-1].diverged.tolist() == [False, True, False]
    assert [s.diverged.tolist() for s in ours] == [s.diverged.tolist() for s in reference]
    assert not ours[-1].projections[1].any()
    assert_near([ours[0], ours[-1]], [reference[0], reference[-1]], 1e-9)
    messages = []
    for engine in (C, NUMPY):
        with pytest.raises(Diverged, match="eta = 50") as caught:
            list(train(problem, optimisers, engine=engine))
        messages.append(str(caught.value))
    assert messages[0] == messages[1]


@needs_c
def test_what_is_held_is_never_written_to_again(tiny):
    run = tiny(optimiser=Optimiser(steps=300))
    problem = stack([draw(run, 0)] * 40, run.network)  # so large that each call makes few steps
    held = []
    for state in train(problem, run.optimiser, engine=C):
        arrays = state[1:5] if state.step % 50 == 0 else (state.features,)
        held.append((arrays, [array.copy() for array in arrays]))
    assert len(held) == 301
    assert all(np.array_equal(a, b) for pair in held for a, b in zip(*pair, strict=True))


def test_memory_is_used_again_only_when_nobody_holds_it():
    rooms = Rooms(10, np.float64)
    first, where = rooms.take()
    view = first[2:5].reshape(3, 1)
    del first
    second, elsewhere = rooms.take()
    assert where != elsewhere
    del second
    assert rooms.take()[1] == elsewhere
    del view
    assert {rooms.take()[1], where} <= {where, elsewhere}
    kept = [rooms.take() for _ in range(20)]
    assert len({place for _, place in kept}) == 20
    assert len(rooms.rooms) <= 4


@needs_c
def test_a_damaged_object_is_made_again(tmp_path):
    flags = (*kernel.processor()[1], "-O0")
    kernel.library(flags, tmp_path)
    (kept,) = tmp_path.iterdir()
    whole = kept.read_bytes()
    # the object may be loaded: damage a new file in its place, never the one in memory
    for damaged in (whole[:5000], b"", whole[:100] + b"?" + whole[101:]):
        kept.unlink()
        kept.write_bytes(damaged)
        assert kernel.library(flags, tmp_path).train_float32
        assert [path.read_bytes() for path in tmp_path.iterdir()] == [whole]


@needs_c
def test_other_flags_are_another_object(tmp_path):
    flags = kernel.processor()[1]
    for more in ("-O0", "-O0"), ("-O0", "-g0"):
        kernel.library((*flags, *more), tmp_path)
    assert len(list(tmp_path.iterdir())) == 2


@needs_c
@pytest.mark.slow
def test_several_processes_may_compile_at_once(tmp_path):
    program = (
        "import sys, pathlib; from theory import kernel; "
        "flags = (*kernel.processor()[1], '-O0'); "
        "print(kernel.library(flags, pathlib.Path(sys.argv[1]))._name)"
    )
    words = [sys.executable, "-c", program, str(tmp_path)]
    running = [
        subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]
    printed = {each.communicate(timeout=120)[0].strip() for each in running}
    assert [each.returncode for each in running] == [0] * 4
    assert printed == {str(path) for path in tmp_path.iterdir()}


def test_without_a_compiler_numpy_trains(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(kernel.VARIABLE, raising=False)
    found = kernel.engine.__wrapped__()
    assert (found.name, found.library) == ("numpy", None)
    assert "no C compiler" in str(found) or "neither" in str(found)
    monkeypatch.setenv(kernel.VARIABLE, "c")
    with pytest.raises(ValueError, match=r"TADA_ENGINE is c, but .*unset it"):
        kernel.engine.__wrapped__()


@needs_c
def test_a_compiler_that_fails_is_named(monkeypatch, tmp_path):
    broken = tmp_path / "cc"
    broken.write_text("#!/bin/sh\necho out of licences >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(kernel.library, "__defaults__", (tmp_path / "empty",))
    monkeypatch.delenv(kernel.VARIABLE, raising=False)
    assert str(kernel.engine.__wrapped__()) == (
        "numpy (no working C compiler: cc: out of licences)"
    )


def test_the_engine_is_chosen_by_a_variable(monkeypatch):
    monkeypatch.setenv(kernel.VARIABLE, "numpy")
    assert str(kernel.engine.__wrapped__()) == "numpy"
    monkeypatch.setenv(kernel.VARIABLE, "fortran")
    with pytest.raises(ValueError, match="TADA_ENGINE is 'fortran'; allowed: numpy, c, or not set"):
        kernel.engine.__wrapped__()


@pytest.mark.slow
@pytest.mark.parametrize("path", ["", None])
def test_the_command_says_once_which_engine_trains(path, tmp_path):
    environment = {**os.environ, "PATH": os.environ["PATH"] if path is None else str(tmp_path)}
    environment.pop(kernel.VARIABLE, None)
    words = [sys.executable, "-m", "theory", "simulate", "--optimiser.steps", "20"]
    done = subprocess.run(
        words, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0
    c = path is None and C is not None
    assert done.stderr.startswith("engine: c (" if c else "engine: numpy (")
    assert done.stderr.count("\n") == 1


WATCHED = """
import sys
from pathlib import Path
import numpy as np
from theory import Distribution, Method, Network, Optimiser, Run, kernel
from theory.data import draw
from theory.dynamics import stepper, train
from theory.problem import stack

engine = kernel.Engine("c", "", kernel.load(Path(sys.argv[1])))
for dtype in ("float32", "float64"):
    for network in (Network(J=1), Network(J=13, power=2, rectified=True), Network(J=7, power=5)):
        for n, Q, orthogonal in ((1, 1, False), (24, 2, True), (50, 1, False)):
            distribution = Distribution(n=n, d=400, noise_patches=Q, orthogonal=orthogonal)
            run = Run("t", "t", distribution, network, method=Method("useful"))
            for name, runs in (("gd", 1), ("sam", 11)):
                problem = stack([draw(run, 0)] * runs, network, dtype)
                *_, last = train(problem, Optimiser(name, steps=5), engine=engine)
                assert np.isfinite(last.projections).all()
print("clean")
if len(sys.argv) > 2:  # one step more than there is room for
    move = stepper(problem, [Optimiser("gd")] * runs, engine)
    short = [rooms.take() for rooms in move.rooms]
    zero = np.zeros_like(problem.projections)
    begin = (problem.weights, problem.features, zero, problem.projections)
    move.numbers.start = problem.projections.ctypes.data
    places = [*(x.ctypes.data for x in begin), *(where for _, where in short)]
    move.step(move.where, move.size + 1, *places)
    print("unnoticed")
"""


@needs_c
@pytest.mark.slow
def test_no_number_beyond_an_array_is_touched(tmp_path):
    """Under the address sanitizer, which sees a step that is one too many."""
    compiler = shutil.which("gcc") or pytest.skip("no gcc")
    runtime = subprocess.run(
        [compiler, "-print-file-name=libasan.so"], capture_output=True, text=True, check=True
    ).stdout.strip()
    watched = tmp_path / "watched.so"
    flags = [*kernel.FLAGS, *kernel.processor()[1], "-O1", "-fsanitize=address"]
    words = [compiler, *flags, str(kernel.SOURCE), "-o", str(watched), "-lm"]
    if not Path(runtime).is_absolute() or subprocess.run(words).returncode:
        pytest.skip("no address sanitizer")
    environment = {**os.environ, "LD_PRELOAD": runtime, "ASAN_OPTIONS": "detect_leaks=0"}
    for more, code, said in ((), 0, ""), (("overrun",), 1, "heap-buffer-overflow"):
        done = subprocess.run(
            [sys.executable, "-c", WATCHED, str(watched), *more],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=500,
        )
        assert (done.returncode, done.stdout) == (code, "clean\n"), done.stderr[-2000:]
        assert said in done.stderr


@needs_c
@pytest.mark.parametrize("name", kernel.X86)
def test_the_source_is_clean_for_every_processor(name):
    compiler = shutil.which("gcc")
    if compiler is None or kernel.processor()[0] == "NEON":
        pytest.skip("no gcc for x86 here")
    strict = ("-Wall", "-Wextra", "-Werror", "-fsyntax-only")
    words = [compiler, *kernel.FLAGS, *kernel.X86[name][1], *strict, str(kernel.SOURCE)]
    assert subprocess.run(words, capture_output=True).returncode == 0


@pytest.mark.parametrize("name", ["gd", "sam"])
def test_patches_take_the_place_of_their_gram_matrix(tiny, name):
    """For n far above d: the same numbers from (x X) Xᵀ as from K = X Xᵀ."""
    run = tiny(distribution=Distribution(n=90, d=12, noise_patches=2), optimiser=Optimiser(name))
    problem = stack([draw(run, 0)], run.network)
    assert problem.factored
    assert problem.gram.shape == (1, 192, 10)
    full = problem.gram @ problem.gram.swapaxes(1, 2)
    with_gram = type(problem)(**{**vars(problem), "gram": full})
    assert not with_gram.factored
    np.testing.assert_allclose(problem.patch_squares(), with_gram.patch_squares(), rtol=1e-12)
    for engine in filter(None, (C, NUMPY)):
        ours, reference = (
            list(train(p, Optimiser(name, steps=60), engine=engine)) for p in (problem, with_gram)
        )
        assert_near(ours, reference, 1e-10)


def test_patches_in_fewer_coordinates_train_beside_others(tiny):
    samples = [draw(tiny(distribution=Distribution(n=60, d=d)), 0) for d in (9, 14)]
    problem = stack(samples, tiny().network)
    assert problem.gram.shape == (2, 64, 12)
    *_, together = train(problem, tiny().optimiser)
    for r, sample in enumerate(samples):
        *_, alone = train(stack([sample], tiny().network), tiny().optimiser)
        np.testing.assert_allclose(together.projections[r], alone.projections[0], atol=1e-11)
