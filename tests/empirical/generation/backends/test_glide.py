"""Test GLIDE's loop on a tiny model: against the posterior's definition, and in the limits."""

import math

import pytest
import torch
from torch import nn

from empirical.config import Generator, Variants
from empirical.generation.backends.glide import GlideBackend, respaced_schedule
from empirical.generation.backends.resolve import load_backend
from empirical.generation.unet import noise_schedule
from empirical.runtime.seeding import construction, torch_stream

SIDE = 8
PROMPTS = ["a photo of a ant", "a photo of a bee"]


class Tiny(nn.Module):
    """A network with the interface of GLIDE's that notes its calls.

    It returns the noise and the variance's place, each with the channels of x.
    """

    def __init__(self):
        super().__init__()
        with construction(0, "tiny glide"):
            self.layer = nn.Conv2d(3, 6, 3, padding=1)
            self.words = nn.Embedding(30, 6)
        self.called = []

    def forward(self, x, t, tokens, mask):
        self.called.append((int(t[0]), len(x)))
        text = (self.words(tokens) * mask[..., None]).sum(1)
        return torch.tanh(self.layer(x) + text[:, :, None, None] + t[:, None, None, None] / 1000)


class Oracle(nn.Module):
    """A network that predicts the exact noise of data at a single point."""

    def __init__(self, point):
        super().__init__()
        self.point = point

    def forward(self, x, t, tokens, mask):
        bars = dict(zip(*respaced_schedule(1000), strict=True))
        a = bars[int(t[0])]
        noise = (x - math.sqrt(a) * self.point) / math.sqrt(1 - a)
        return torch.cat([noise, torch.zeros_like(x)], 1)


def tokens(prompt):
    ids = [len(word) for word in prompt.split()][:6]
    return ids + [0] * (6 - len(ids)), [True] * len(ids) + [False] * (6 - len(ids))


def backend(variants, model=None, prompts=PROMPTS):
    return GlideBackend(
        model or Tiny(), tokens, prompts, variants, "cpu", {"model": "tiny"}, side=SIDE
    )


def generators(n):
    return [torch_stream(0, "variant", i) for i in range(n)]


@pytest.fixture(scope="module")
def pixels():
    return torch.rand(3, 3, SIDE, SIDE, generator=torch_stream(0, "pixels")) * 2 - 1


@pytest.mark.slow
def test_the_schedule_is_the_cosine_one_respaced():
    chosen, bars = respaced_schedule(100)
    assert chosen[:3] == [0, 10, 20]
    assert chosen[49] == 494
    assert chosen[-1] == 999
    assert len(set(chosen)) == 100
    torch.testing.assert_close(
        torch.tensor(bars), noise_schedule().alphas_cumprod[chosen], rtol=1e-3, atol=1e-6
    )


def test_half_strength_is_step_49_of_100_with_a_sigma_of_one():
    made = backend(Variants(0.5, 100))
    assert made.steps == 50
    assert made.level()["timestep"] == 494
    assert made.level()["sigma"] == pytest.approx(1.0, abs=0.03)


def test_only_the_steps_from_t_star_on_are_run(pixels):
    for variants, steps in (
        (Variants(0.29, 100), 29),
        (Variants(num_inference_steps=100, alpha_bar=0.5), 50),
        (Variants(0.5, 4, from_noise=True), 4),
        (Variants(0.5, 4, guidance=3.0), 2),
        (Variants(0.29, 20, sampler="dpm-solver"), 6),
    ):
        made = backend(variants)
        made(pixels, torch.tensor([0, 1, 0]), generators(3))
        called = made.network.called
        assert len(called) == made.steps == steps
        assert called[0] == (made.level()["timestep"], 6 if variants.guidance == 3 else 3)
        assert called[-1][0] == 0


@pytest.mark.parametrize("name", ["ddpm", "ddim", "dpm-solver"])
def test_with_the_exact_noise_it_ends_at_the_data(pixels, name):
    point = pixels[:1]
    made = backend(Variants(0.5, 100, sampler=name), Oracle(point))(
        pixels, torch.zeros(3, dtype=torch.int64), generators(3)
    )
    torch.testing.assert_close(made, point.expand(3, -1, -1, -1), rtol=0, atol=1e-3)


@pytest.mark.slow
def test_a_step_is_diffusers_own_of_learned_range(pixels):
    """Take one step of the schedule of all timesteps, with the same noise."""
    from diffusers import DDPMScheduler

    made = backend(Variants(0.5, 1000))
    step = 499
    made.steps = step + 1
    labels = torch.tensor([0, 1, 0])
    with torch.inference_mode():
        noise, place = made._predict(pixels, step, labels)
        ours = made._step(pixels, step, noise, place, generators(3))
    theirs = DDPMScheduler(
        1000, beta_schedule="squaredcos_cap_v2", variance_type="learned_range", clip_sample=True
    )
    both = torch.cat([noise, place * 2 - 1], 1)
    expected = theirs.step(both, step, pixels, generator=generators(3)).prev_sample
    torch.testing.assert_close(ours, expected, rtol=0, atol=1e-4)


def test_guidance_goes_from_no_prompt_to_the_prompt(pixels):
    labels = torch.tensor([0, 1, 0])
    with torch.inference_mode():
        free, plain, guided = (
            backend(Variants(0.5, 4, guidance=g))._predict(pixels, 2, labels)[0]
            for g in (0.0, 1.0, 3.0)
        )
    torch.testing.assert_close(guided, free + 3 * (plain - free), rtol=0, atol=1e-5)
    assert (plain - free).abs().max() > 1e-3


def test_an_image_does_not_depend_on_its_batch_and_is_resized_back():
    grey = torch.rand(3, 1, 6, 6, generator=torch_stream(0, "grey")) * 2 - 1
    made = backend(Variants(0.5, 8, guidance=2.0))
    whole = made(grey, torch.tensor([0, 1, 0]), generators(3))
    assert whole.shape == grey.shape
    torch.testing.assert_close(
        made(grey[1:2], torch.tensor([1]), generators(2)[1:]), whole[1:2], rtol=0, atol=1e-5
    )


def test_from_pure_noise_nothing_of_the_source_is_left(pixels):
    made = backend(Variants(num_inference_steps=4, from_noise=True))
    labels = torch.tensor([0, 1, 0])
    assert torch.equal(made(pixels, labels, generators(3)), made(-pixels, labels, generators(3)))


def test_what_is_missing_is_told_in_one_line(tmp_path):
    settings = Generator(model=str(tmp_path), kind="glide")
    with pytest.raises(ValueError, match=r"allowed: a folder with openai's base\.pt"):
        load_backend(settings, Variants(), ("ant",), (3, 8, 8))
    (tmp_path / "base.pt").touch()
    with pytest.raises(ValueError, match="install it with: pip install") as error:
        load_backend(settings, Variants(), ("ant",), (3, 8, 8))
    assert "\n" not in str(error.value)


def test_a_model_is_had_at_other_settings_without_loading_it_again(pixels):
    first = backend(Variants(0.5, 8))
    other = Variants(0.25, 20, guidance=3.0)
    labels = torch.tensor([0, 1, 0])
    before = first(pixels, labels, generators(3))
    there = backend(other)
    second = first.at(other)
    assert second.network is first.network
    assert torch.equal(second(pixels, labels, generators(3)), there(pixels, labels, generators(3)))
    assert (second.level(), second.steps) == (there.level(), there.steps)
    assert torch.equal(first(pixels, labels, generators(3)), before)
