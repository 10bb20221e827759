"""Test passes that fit the memory: halved where it runs out, repeated with the same noise."""

import numpy as np
import pytest
import torch

from empirical.config import Variants
from empirical.generation.backends import passes
from empirical.generation.backends.passes import Passes, floor_power_of_two
from empirical.generation.denoising import noise_then_denoise
from empirical.runtime.seeding import torch_stream


class Narrow:
    """A model that draws its noise, and then has memory for ``most`` images at once."""

    def __init__(self, most):
        self.most = most
        self.tried = []

    def __call__(self, x, labels, generators):
        self.tried.append(len(x))
        noise = torch.stack([torch.randn(x.shape[1:], generator=g) for g in generators])
        if len(x) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")
        return x + noise + labels[:, None, None, None]


def generators(n):
    return [torch_stream(0, "variant", i) for i in range(n)]


@pytest.fixture
def pixels():
    return torch.rand(64, 3, 4, 4, generator=torch_stream(0, "pixels"))


LABELS = torch.arange(64) % 10


@pytest.mark.parametrize("most", [64, 63, 20, 3, 1])
def test_it_goes_on_with_fewer_images_and_the_same_noise(pixels, most, capsys):
    whole = Passes(4, "cpu")(Narrow(64), pixels, LABELS, generators(64))
    narrow = Narrow(most)
    through = Passes(4, "cpu")
    assert torch.equal(through(narrow, pixels, LABELS, generators(64)), whole)
    fits = floor_power_of_two(most)
    halvings = [64 >> i for i in range(10) if 64 >> i >= fits]
    assert narrow.tried == halvings[:-1] + [fits] * (64 // fits)
    assert capsys.readouterr().err.splitlines() == [
        f"out of memory: {n} images of side 4 at a time from now on" for n in halvings[1:]
    ]
    narrow.tried.clear()
    assert torch.equal(through(narrow, pixels, LABELS, generators(64)), whole)
    assert narrow.tried == [fits] * (64 // fits)  # the smaller size is kept


def test_it_may_run_out_later_too(pixels):
    narrow = Narrow(64)
    through = Passes(4, "cpu")
    whole = through(narrow, pixels, LABELS, generators(64))
    narrow.most = 16
    assert torch.equal(through(narrow, pixels, LABELS, generators(64)), whole)
    assert narrow.tried == [64, 64, 32, 16, 16, 16, 16]


def test_not_even_one_image_is_told_in_one_line(pixels):
    with pytest.raises(
        ValueError,
        match=r"one image at a time, at side 4, is more than the memory of cpu holds",
    ) as error:
        Passes(4, "cpu")(Narrow(0), pixels, LABELS, generators(64))
    assert "\n" not in str(error.value)


def test_another_error_is_no_lack_of_memory(pixels):
    def broken(x, labels, generators):
        raise RuntimeError("sizes differ")

    with pytest.raises(RuntimeError, match="sizes differ"):
        Passes(4, "cpu")(broken, pixels, LABELS, generators(64))


@pytest.mark.parametrize("room", [64, 63, 21, 5, 1])
def test_a_batch_of_64_is_cut_into_passes_of_one_shape(pixels, monkeypatch, room):
    monkeypatch.setattr(passes, "PIXELS_PER_PASS", room * 4 * 4)
    narrow = Narrow(64)
    Passes(4, "cpu")(narrow, pixels, LABELS, generators(64))
    assert len(set(narrow.tried)) == 1
    assert room / 2 < narrow.tried[0] <= room


def test_a_gpu_is_given_more_at_once_where_images_are_small():
    on_cpu = {side: Passes(side, "cpu").images_per_pass for side in (8, 256, 300, 512, 4096)}
    on_gpu = {side: Passes(side, "cuda").images_per_pass for side in (32, 64, 128, 256, 512)}
    assert on_cpu == {8: 64, 256: 64, 300: 32, 512: 16, 4096: 1}
    assert on_gpu == {32: 512, 64: 512, 128: 256, 256: 64, 512: 16}


@pytest.mark.slow
def test_ancestral_noise_is_the_same_after_a_pass_that_failed_midway(pixels):
    """Steps before the failure have drawn noise, too; all of it is drawn again."""
    from diffusers import DDPMScheduler

    def made(fails_at):
        calls = []
        schedule = DDPMScheduler(1000, timestep_spacing="trailing")

        def denoiser(x, t, labels):
            calls.append(len(x))
            if len(calls) == fails_at:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return x / 2

        def make(x, labels, rngs):
            return noise_then_denoise(denoiser, schedule, x, labels, Variants(0.5, 8), rngs)

        return Passes(4, "cpu")(make, pixels, LABELS, generators(64)), calls

    whole, before = made(None)
    halved, after = made(3)
    np.testing.assert_array_equal(halved, whole)
    assert (before, after) == ([64] * 4, [64] * 3 + [32] * 8)


def test_grey_images_are_given_three_channels_and_come_back_grey():
    seen = []
    grey = torch.rand(3, 1, 4, 4, generator=torch_stream(0, "grey"))
    made = Passes(8, "cpu")(
        lambda x, labels, rngs: (seen.append(x.shape), x)[1], grey, LABELS[:3], generators(3)
    )
    assert seen == [(3, 3, 8, 8)]
    assert made.shape == grey.shape
    Passes(4, "cpu", colour=False)(
        lambda x, labels, rngs: (seen.append(x.shape), x)[1], grey, LABELS[:3], generators(3)
    )
    assert seen[1] == (3, 1, 4, 4)
