"""Test text-to-image models against diffusers' own pipelines, image by image, step by step."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from tiny_pipelines import autoencoder, encoder, tokenizer

from empirical.config import Generator, Variants
from empirical.generation import noise_levels
from empirical.generation.backends.passes import resize
from empirical.generation.backends.resolve import load_backend
from empirical.generation.denoising import timesteps_to_run
from empirical.generation.samplers import latent_sampler
from empirical.runtime.seeding import construction, torch_stream

pytestmark = pytest.mark.slow

CLASSES = ("ant", "queen_bee", "cat")
SHAPE = (3, 8, 8)
LEVEL = Variants(0.5, 8, guidance=3.0)


def generators(n):
    return [torch_stream(0, "variant", i) for i in range(n)]


@pytest.fixture(scope="module")
def pixels():
    return torch.rand(3, *SHAPE, generator=torch_stream(0, "pixels")) * 2 - 1


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Save a tiny Stable Diffusion 1.5 with its PNDM sampler; its native side is 16."""
    from diffusers import PNDMScheduler, StableDiffusionPipeline, UNet2DConditionModel
    from transformers import CLIPTextModel

    folder = tmp_path_factory.mktemp("models")
    tokens, size = tokenizer(folder)
    with construction(0, "tiny"):
        unet = UNet2DConditionModel(
            sample_size=8,
            block_out_channels=(8, 16),
            layers_per_block=1,
            norm_num_groups=4,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            cross_attention_dim=16,
            attention_head_dim=4,
        )
        vae = autoencoder()
        text = encoder(CLIPTextModel, size)
    schedule = PNDMScheduler(
        1000,
        beta_schedule="scaled_linear",
        beta_start=0.00085,
        beta_end=0.012,
        skip_prk_steps=True,
        steps_offset=1,
    )
    pipe = StableDiffusionPipeline(
        vae, text, tokens, unet, schedule, None, None, requires_safety_checker=False
    )
    pipe.save_pretrained(folder / "tiny")
    return folder / "tiny"


@pytest.fixture(scope="module")
def flow(tmp_path_factory):
    """Save a tiny Stable Diffusion 3 without its third text encoder: shifted flow matching."""
    from diffusers import (
        FlowMatchEulerDiscreteScheduler,
        SD3Transformer2DModel,
        StableDiffusion3Pipeline,
    )
    from transformers import CLIPTextModelWithProjection

    folder = tmp_path_factory.mktemp("models")
    tokens, size = tokenizer(folder)
    with construction(0, "tiny flow"):
        transformer = SD3Transformer2DModel(
            sample_size=8,
            patch_size=2,
            in_channels=4,
            num_layers=1,
            attention_head_dim=8,
            num_attention_heads=2,
            joint_attention_dim=32,
            caption_projection_dim=16,
            pooled_projection_dim=32,
            out_channels=4,
            pos_embed_max_size=8,
        )
        torch.nn.init.normal_(transformer.proj_out.weight, std=0.5)
        texts = [encoder(CLIPTextModelWithProjection, size) for _ in range(2)]
        vae = autoencoder(shift_factor=0.1)
    schedule = FlowMatchEulerDiscreteScheduler(
        1000, use_dynamic_shifting=True, base_image_seq_len=4, max_image_seq_len=64
    )
    pipe = StableDiffusion3Pipeline(
        transformer, schedule, vae, texts[0], tokens, texts[1], tokens, None, None
    )
    pipe.save_pretrained(folder / "tiny")
    return folder / "tiny"


def backend(saved, variants=LEVEL, **settings):
    return load_backend(Generator(model=str(saved), **settings), variants, CLASSES, SHAPE)


@pytest.mark.parametrize("name", ["ddpm", "ddim"])
def test_each_image_is_as_diffusers_makes_it_by_itself(saved, pixels, name):
    from diffusers import DDIMScheduler, DDPMScheduler, StableDiffusionImg2ImgPipeline

    pipe = StableDiffusionImg2ImgPipeline.from_pretrained(saved)
    kind = {"ddpm": DDPMScheduler, "ddim": DDIMScheduler}[name]
    pipe.scheduler = kind.from_config(
        pipe.scheduler.config, timestep_spacing="trailing", clip_sample=False
    )
    pipe.set_progress_bar_config(disable=True)
    prompts = ["a photo of a cat", "a photo of a ant", "a photo of a queen bee"]
    expected = [
        resize(
            pipe(
                prompt=prompt,
                image=(resize(image[None], 16, 16) / 2 + 0.5).clamp(0, 1),
                strength=0.5,
                num_inference_steps=8,
                guidance_scale=3.0,
                generator=generator,
                output_type="pt",
            ).images
            * 2
            - 1,
            8,
            8,
        )
        for prompt, image, generator in zip(prompts, pixels, generators(3), strict=True)
    ]
    made = backend(saved, replace(LEVEL, sampler=name))(
        pixels, torch.tensor([2, 0, 1]), generators(3)
    )
    assert made.shape == pixels.shape
    assert made.std() > 0.01
    torch.testing.assert_close(made, torch.cat(expected), rtol=0, atol=1e-5)


def test_the_solver_in_a_pipeline_is_the_loop_of_the_other_backends(saved, pixels):
    """With latents of no noise of their own the pipeline is noising and then denoising."""
    variants = replace(LEVEL, guidance=1.0, sampler="dpm-solver")
    made = backend(saved, variants)
    pipe, seen = made.pipe, []
    encode = pipe.prepare_latents

    def noised(*args, **options):
        seen.append(encode(*args, **options))
        return seen[-1]

    pipe.prepare_latents = noised
    decode = type(pipe.vae).decode

    def decoded(self, latents, *args, **options):
        seen.append(latents)
        return decode(self, latents, *args, **options)

    pipe.vae.decode = decoded.__get__(pipe.vae)
    try:
        with torch.inference_mode():
            made(pixels[:1], torch.tensor([0]), generators(1))
            words = pipe.encode_prompt(
                made.prompts[0], pipe.device, 1, do_classifier_free_guidance=False
            )[0]
            solver = latent_sampler(variants, pipe.scheduler)
            x = seen[0]
            for t in timesteps_to_run(solver, variants):
                x = solver.step(pipe.unet(x, t, words).sample, t, x).prev_sample
    finally:
        del pipe.vae.decode, pipe.prepare_latents
    expected = x / pipe.vae.config.scaling_factor
    torch.testing.assert_close(seen[1], expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("steps", [1, 3, 4])
def test_flow_matching_keeps_its_sampler_and_runs_the_steps(flow, pixels, steps):
    """Compare with diffusers' pipeline, whose transformer is given the noise level."""
    from diffusers import StableDiffusion3Img2ImgPipeline

    made = backend(flow, Variants(steps / 4, 4, guidance=2.0))
    calls = []
    hook = made.pipe.transformer.register_forward_pre_hook(
        lambda _, inputs, named: calls.append(float(named["timestep"][0])), with_kwargs=True
    )
    whole = made(pixels[:2], torch.tensor([2, 0]), generators(2))
    hook.remove()
    assert len(calls) == made.steps == steps
    assert calls[0] == made.level()["timestep"]
    s = calls[0] / 1000  # of flow matching, x = (1 - s) x0 + s noise
    assert made.level()["alpha_bar"] == pytest.approx(
        (1 - s) ** 2 / ((1 - s) ** 2 + s**2), abs=1e-6
    )
    without = ("text_encoder_3", "tokenizer_3", "image_encoder", "feature_extractor")
    pipe = StableDiffusion3Img2ImgPipeline.from_pretrained(flow, **dict.fromkeys(without))
    pipe.set_progress_bar_config(disable=True)
    options = {"strength": steps / 4, "num_inference_steps": 4, "guidance_scale": 2.0}
    image = (resize(pixels[:1], 16, 16) / 2 + 0.5).clamp(0, 1)
    size = {"height": 16, "width": 16, "output_type": "pt", "generator": generators(1)}
    theirs = pipe(prompt="a photo of a cat", image=image, **options, **size).images * 2 - 1
    torch.testing.assert_close(whole[:1], resize(theirs, 8, 8), rtol=0, atol=1e-5)


def test_an_image_does_not_depend_on_its_batch_but_on_its_class_and_generator(
    saved, pixels, monkeypatch
):
    made = backend(saved)
    whole = made(pixels, torch.tensor([0, 1, 2]), generators(3))
    alone = made(pixels[1:2], torch.tensor([1]), generators(2)[1:])
    torch.testing.assert_close(whole[1:2], alone, rtol=0, atol=1e-5)
    assert (made(pixels[1:2], torch.tensor([2]), generators(2)[1:]) - alone).abs().max() > 1e-4
    assert (made(pixels[1:2], torch.tensor([1]), generators(1)) - alone).abs().max() > 1e-2
    monkeypatch.setattr("empirical.generation.backends.passes.PIXELS_PER_PASS", 2 * 16 * 16)
    narrow = backend(saved)
    assert narrow.passes.images_per_pass == 2
    torch.testing.assert_close(
        narrow(pixels, torch.tensor([0, 1, 2]), generators(3)), whole, rtol=0, atol=1e-5
    )


def test_the_prompts_are_those_of_the_labels_after_a_pass_that_ran_out_of_memory(
    saved, pixels, monkeypatch
):
    made = backend(saved)
    labels = torch.tensor([0, 1, 2])
    whole = made(pixels, labels, generators(3))
    make = type(made)._make
    sizes = []

    def narrow(self, x, labels, rngs):
        sizes.append(len(x))
        if len(x) > 1:
            torch.randn(1, generator=rngs[0])
            raise torch.OutOfMemoryError
        return make(self, x, labels, rngs)

    monkeypatch.setattr(type(made), "_make", narrow)
    torch.testing.assert_close(made(pixels, labels, generators(3)), whole, rtol=0, atol=1e-5)
    assert sizes == [3, 2, 1, 1, 1]


@pytest.mark.parametrize(
    ("variants", "steps", "timestep"),
    [
        (Variants(0.29, 100), 29, 289),  # int(100 * 0.29) is 28
        (Variants(1.0, 4), 4, 999),
        (Variants(num_inference_steps=50, alpha_bar=0.5), 18, 359),  # 353 of SD 1.5's schedule
        (Variants(0.25, 4, from_noise=True), 4, 999),
        (Variants(0.29, 25, sampler="dpm-solver"), 7, 289),
        (Variants(num_inference_steps=20, alpha_bar=0.5, sampler="dpm-solver"), 7, 354),
        (Variants(0.25, 20, from_noise=True, sampler="dpm-solver"), 20, 999),
    ],
)
def test_only_the_steps_from_t_star_on_are_run(saved, pixels, variants, steps, timestep):
    made = backend(saved, variants)
    calls = []
    made.pipe.unet.register_forward_pre_hook(lambda _, inputs: calls.append(float(inputs[1])))
    made(pixels[:1], torch.tensor([0]), generators(1))
    assert len(calls) == made.steps == steps
    assert calls[0] == made.level()["timestep"] == timestep


def test_the_level_is_that_of_the_schedule(saved):
    level = backend(saved, Variants(0.5, 1000)).level()
    assert level["alpha_bar"] == pytest.approx(0.28, abs=0.005)  # SD 1.5's at half of its schedule
    assert level["sigma"] == pytest.approx(((1 - level["alpha_bar"]) / level["alpha_bar"]) ** 0.5)


def test_from_pure_noise_nothing_of_the_source_is_left(saved, pixels):
    made = backend(saved, Variants(num_inference_steps=4, from_noise=True))
    labels = torch.tensor([0, 1, 2])
    assert torch.equal(made(pixels, labels, generators(3)), made(-pixels, labels, generators(3)))


def test_grey_images_stay_grey(saved, pixels):
    made = load_backend(Generator(model=str(saved)), LEVEL, CLASSES, (1, 8, 8))(
        pixels[:, :1], torch.tensor([0, 1, 2]), generators(3)
    )
    assert made.shape == (3, 1, 8, 8)


def test_it_says_what_it_is(saved):
    said = backend(saved).describe()
    assert said["kind"] == "text"
    assert said["pipeline"] == "StableDiffusionImg2ImgPipeline"
    assert said["prompt"] == "a photo of a {class}"
    assert {"torch", "diffusers", "transformers"} <= said["versions"].keys()


@pytest.mark.parametrize(
    ("variants", "shape", "said"),
    [
        (Variants(guidance=0.0), SHAPE, "variants.guidance of a text-to-image model is 0.0"),
        (LEVEL, (4, 8, 8), "channels of the images"),
    ],
)
def test_what_does_not_fit_is_told(saved, variants, shape, said):
    with pytest.raises(ValueError, match=said) as error:
        load_backend(Generator(model=str(saved)), variants, CLASSES, shape)
    assert "\n" not in str(error.value)


def test_a_library_that_is_missing_is_told(saved, monkeypatch):
    monkeypatch.setattr("empirical.generation.backends.text_to_image.find_spec", lambda name: None)
    with pytest.raises(ValueError, match="install it with: pip install transformers"):
        backend(saved)


def test_a_schedule_that_never_reaches_noise_cannot_begin_there():
    bars = torch.tensor([0.3, 0.8], dtype=torch.float64)
    with pytest.raises(
        ValueError, match=r"noisiest timestep is 0.3; allowed: below 0.02 with variants.from_noise"
    ):
        noise_levels.steps_to_run(Variants(num_inference_steps=2, from_noise=True), bars)


def test_flow_matching_has_its_level_too():
    """With x = (1 - s) x0 + s noise, s = 1/2 is alpha_bar 1/2; at s = 1 sigma has no number."""
    from diffusers import FlowMatchEulerDiscreteScheduler

    schedule = FlowMatchEulerDiscreteScheduler(1000)
    schedule.set_timesteps(1000)
    bars = noise_levels.alpha_bars(schedule)
    s = schedule.sigmas[:-1].double()
    torch.testing.assert_close(bars, (1 - s) ** 2 / ((1 - s) ** 2 + s**2))
    assert 1000 - noise_levels.steps_to_run(
        Variants(num_inference_steps=1000, alpha_bar=0.5), bars
    ) == pytest.approx(500, abs=1)
    assert noise_levels.describe_noise_level(1000.0, float(bars[0])) == {
        "timestep": 1000.0,
        "alpha_bar": 0.0,
        "sigma": None,
    }


def test_sigmas_of_other_samplers_mean_the_same_level():
    """Samplers such as Euler's hold sigma = sqrt((1 - alpha_bar) / alpha_bar), then a 0."""
    from diffusers import DDIMScheduler

    schedule = DDIMScheduler(1000, beta_schedule="scaled_linear", timestep_spacing="trailing")
    schedule.set_timesteps(20)
    a = schedule.alphas_cumprod[schedule.timesteps]
    other = SimpleNamespace(
        config={},
        timesteps=schedule.timesteps,
        sigmas=torch.cat([((1 - a) / a) ** 0.5, torch.zeros(1)]),
    )
    torch.testing.assert_close(
        noise_levels.alpha_bars(schedule), noise_levels.alpha_bars(other), rtol=1e-5, atol=1e-7
    )


@pytest.mark.parametrize("down", [lambda n, s: int(n * s), lambda n, s: n - int(max(n - n * s, 0))])
def test_the_steps_are_exact_however_a_pipeline_rounds(down):
    from empirical.generation.backends.text_to_image import exact_strength

    class Pipe:
        def get_timesteps(self, grid, strength, device):
            return range(min(down(grid, strength), grid)), None

    for grid in (1, 8, 20, 50, 100, 1000):
        for steps in range(1, grid + 1):
            assert 0 < exact_strength(Pipe(), grid, steps, "cpu") <= 1


@pytest.mark.parametrize("flows", [False, True])
def test_a_model_is_had_at_other_settings_without_loading_it_again(saved, flow, pixels, flows):
    """Both share the networks, but have their own samplers and steps."""
    place = flow if flows else saved
    labels = torch.tensor([0, 1, 2])
    first = backend(place, Variants(0.5, 4, guidance=2.0))
    other = Variants(0.25, 8, guidance=3.0)
    before = first(pixels, labels, generators(3))
    there = backend(place, other)
    second = first.at(other)
    assert second.network is first.network
    assert torch.equal(second(pixels, labels, generators(3)), there(pixels, labels, generators(3)))
    assert (second.level(), second.steps, second.describe()) == (
        there.level(),
        there.steps,
        there.describe(),
    )
    assert torch.equal(first(pixels, labels, generators(3)), before)
