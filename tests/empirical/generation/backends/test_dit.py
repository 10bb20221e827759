"""Test DiT against diffusers' schedulers and pipeline, and the classes that it knows by name."""

import json
from dataclasses import replace

import pytest
import torch

from empirical.config import Generator, Variants
from empirical.generation.backends.passes import resize
from empirical.generation.backends.resolve import load_backend
from empirical.runtime.seeding import construction, torch_stream

pytestmark = pytest.mark.slow

NAMES = ("goldfish, Carassius auratus", "queen bee", "tabby cat, tabby")
CLASSES = ("queen_bee", "Tabby", "goldfish")
SHAPE = (3, 8, 8)
LEVEL = Variants(0.5, 8, guidance=3.0)


def generators(n):
    return [torch_stream(0, "variant", i) for i in range(n)]


@pytest.fixture(scope="module")
def pixels():
    return torch.rand(3, *SHAPE, generator=torch_stream(0, "pixels")) * 2 - 1


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Save a tiny model like facebook/DiT-XL-2-256, with three classes; its native side is 16.

    It returns twice the channels and has a linear schedule.
    """
    from diffusers import AutoencoderKL, DDIMScheduler, DiTPipeline, DiTTransformer2DModel

    with construction(0, "tiny"):
        transformer = DiTTransformer2DModel(
            num_attention_heads=2,
            attention_head_dim=8,
            in_channels=4,
            out_channels=8,
            num_layers=1,
            norm_num_groups=4,
            sample_size=8,
            patch_size=2,
            num_embeds_ada_norm=len(NAMES),
        )
        for layer in (
            transformer.proj_out_2,
            *(m for m in transformer.modules() if isinstance(m, torch.nn.Embedding)),
        ):
            torch.nn.init.normal_(layer.weight, std=1.0)
        vae = AutoencoderKL(
            block_out_channels=(8, 8),
            norm_num_groups=4,
            latent_channels=4,
            down_block_types=("DownEncoderBlock2D",) * 2,
            up_block_types=("UpDecoderBlock2D",) * 2,
        )
    folder = tmp_path_factory.mktemp("models") / "dit"
    DiTPipeline(
        transformer, vae, DDIMScheduler(1000, beta_schedule="linear", clip_sample=False)
    ).save_pretrained(folder)
    index = json.loads((folder / "model_index.json").read_text())
    (folder / "model_index.json").write_text(
        json.dumps({**index, "id2label": dict(enumerate(NAMES))})
    )
    return folder


def backend(saved, variants=LEVEL, classes=CLASSES):
    return load_backend(Generator(model=str(saved)), variants, classes, SHAPE)


@pytest.mark.parametrize("guidance", [1.0, 3.0])
@pytest.mark.parametrize("name", ["ddpm", "ddim"])
def test_it_is_diffusers_own_loop_begun_midway(saved, pixels, name, guidance):
    from diffusers import DDIMScheduler, DDPMScheduler, DiTPipeline

    pipe = DiTPipeline.from_pretrained(saved)
    scale = pipe.vae.config.scaling_factor
    kind = {"ddpm": DDPMScheduler, "ddim": DDIMScheduler}[name]
    schedule = kind.from_config(pipe.scheduler.config, timestep_spacing="trailing")
    schedule.set_timesteps(8)
    expected = []
    wanted = torch.tensor([1, 2, 0])  # the model's numbers of the labels 0, 1, 2
    with torch.inference_mode():
        for image, label, rng in zip(pixels, wanted, generators(3), strict=True):
            latent = pipe.vae.encode(resize(image[None], 16, 16)).latent_dist.mode() * scale
            noise = torch.randn((1, 4, 8, 8), generator=rng)
            x = schedule.add_noise(latent, noise, schedule.timesteps[4:5])
            for t in schedule.timesteps[4:]:
                with_label, null = (
                    pipe.transformer(x, t[None], class_labels=torch.tensor([c])).sample[:, :4]
                    for c in (label, 3)
                )
                options = {"generator": rng} if name == "ddpm" else {}
                guided = null + guidance * (with_label - null)
                x = schedule.step(guided, t, x, **options).prev_sample
            expected.append(resize(pipe.vae.decode(x / scale).sample.clamp(-1, 1), 8, 8))
    made = backend(saved, replace(LEVEL, sampler=name, guidance=guidance))(
        pixels, torch.tensor([0, 1, 2]), generators(3)
    )
    assert made.std() > 0.01
    torch.testing.assert_close(made, torch.cat(expected), rtol=0, atol=1e-5)


def test_from_pure_noise_it_is_diffusers_own_pipeline(saved, pixels, monkeypatch):
    """Compare without guidance: the null class of diffusers is 1000 for every model."""
    from diffusers import DDIMScheduler, DiTPipeline

    pipe = DiTPipeline.from_pretrained(saved)
    pipe.scheduler = DDIMScheduler.from_config(pipe.scheduler.config, timestep_spacing="trailing")
    pipe.set_progress_bar_config(disable=True)
    theirs = pipe(
        [1, 2, 0],
        guidance_scale=1.0,
        generator=generators(3),
        num_inference_steps=4,
        output_type="pt",
    ).images
    made = backend(saved, Variants(num_inference_steps=4, from_noise=True, sampler="ddim"))(
        pixels, torch.tensor([0, 1, 2]), generators(3)
    )
    torch.testing.assert_close(made, resize(theirs * 2 - 1, 8, 8), rtol=0, atol=1e-5)


def test_an_image_does_not_depend_on_its_batch_but_on_its_class(saved, pixels):
    made = backend(saved)
    whole = made(pixels, torch.tensor([0, 1, 2]), generators(3))
    alone = made(pixels[1:2], torch.tensor([1]), generators(2)[1:])
    torch.testing.assert_close(whole[1:2], alone, rtol=0, atol=1e-5)
    assert (made(pixels[1:2], torch.tensor([2]), generators(2)[1:]) - alone).abs().max() > 1e-4


@pytest.mark.parametrize(
    ("variants", "steps", "timestep"),
    [
        (Variants(0.29, 100), 29, 289),
        (Variants(num_inference_steps=200, alpha_bar=0.5), 52, 259),
        (Variants(0.5, 4, from_noise=True), 4, 999),
        (Variants(0.29, 25, sampler="dpm-solver"), 7, 289),
        (Variants(num_inference_steps=40, alpha_bar=0.5, sampler="dpm-solver"), 10, 258),
    ],
)
def test_only_the_steps_from_t_star_on_are_run(saved, pixels, variants, steps, timestep):
    made = backend(saved, variants)
    calls = []
    made.network.register_forward_pre_hook(
        lambda _, inputs, named: calls.append(int(named["timestep"][0])), with_kwargs=True
    )
    made(pixels[:1], torch.tensor([0]), generators(1))
    assert len(calls) == made.steps == steps
    assert calls[0] == made.level()["timestep"] == timestep


def test_the_noise_level_is_recorded(saved):
    level = backend(saved, Variants(0.5, 1000)).level()
    assert level["alpha_bar"] == pytest.approx(0.08, abs=0.005)  # half of the linear schedule
    assert level["sigma"] == pytest.approx(((1 - level["alpha_bar"]) / level["alpha_bar"]) ** 0.5)


def test_what_does_not_fit_is_told(saved, tmp_path):
    with pytest.raises(
        ValueError, match="does not know is 'dog'; allowed: its own: Carassius auratus, goldfish"
    ):
        backend(saved, classes=("dog", "goldfish"))
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/model_index.json").write_text((saved / "model_index.json").read_text())
    with pytest.raises(ValueError, match="cannot be loaded") as error:
        backend(tmp_path / "broken")
    assert "\n" not in str(error.value)
    (tmp_path / "broken/model_index.json").write_text('{"_class_name": "AudioPipeline"}')
    with pytest.raises(ValueError, match="is 'AudioPipeline'; allowed: DDPMPipeline"):
        backend(tmp_path / "broken")


def test_a_model_is_had_at_other_settings_without_loading_it_again(saved, pixels):
    first = backend(saved)
    other = Variants(0.25, 8, guidance=3.0, sampler="ddim")
    labels = torch.tensor([0, 1, 2])
    before = first(pixels, labels, generators(3))
    there = backend(saved, other)
    second = first.at(other)
    assert second.network is first.network
    assert torch.equal(second(pixels, labels, generators(3)), there(pixels, labels, generators(3)))
    assert (second.level(), second.steps) == (there.level(), there.steps)
    assert torch.equal(first(pixels, labels, generators(3)), before)
