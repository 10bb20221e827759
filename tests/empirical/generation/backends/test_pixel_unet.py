"""Test pixel-space UNets from folders: the saved model, the classes it knows, the split it fits."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from image_files import cifar10_batches

from empirical import pipeline
from empirical.config import Data, Early, Generator, Method, Run, Training, Variants
from empirical.data.context import Context
from empirical.data.images import Images
from empirical.data.split import split_dataset
from empirical.generation import saved_model
from empirical.generation.backends.model_files import describe_model, network_dtype
from empirical.generation.backends.pixel_unet import UNetBackend, wrap_unet
from empirical.generation.backends.resolve import load_backend
from empirical.generation.unet import build_unet, noise_schedule
from empirical.runtime.seeding import construction, torch_stream

pytestmark = pytest.mark.slow

CLASSES = ("ant", "bee", "cat")
LEVEL = Variants(0.5, 8)
SAID = {
    "classes": CLASSES,
    "data": {},
    "data_content": "",
    "seen": "external",
    "settings": {},
    "seed": 0,
    "steps": 0,
}
SEEN = np.arange(3)


def generators(n):
    return [torch_stream(0, "variant", i) for i in range(n)]


@pytest.fixture(scope="module")
def pixels():
    return torch.rand(5, 1, 8, 8, generator=torch_stream(0, "pixels")) * 2 - 1


@pytest.fixture(scope="module")
def model():
    """Return a UNet whose classes differ: a new class embedding is so small that they hardly do."""
    made = build_unet(
        Images(np.zeros((1, 1, 8, 8), np.float32), np.zeros(1, int), CLASSES),
        Generator(channels=(8,)),
        0,
    )
    with construction(0, "last layer"):
        torch.nn.init.normal_(made.class_embedding.weight, std=3.0)
    return made.eval()


@pytest.fixture(scope="module")
def saved(model, tmp_path_factory):
    place = tmp_path_factory.mktemp("models") / "mine"
    saved_model.save_generator(place, model, noise_schedule(), SAID, SEEN)
    return place


@pytest.mark.parametrize("guidance", [1.0, 3.0])
@pytest.mark.parametrize("kind", ["ddpm", "ddim", "dpm-solver"])
def test_a_folder_gives_the_same_variants_as_the_model_in_memory(
    saved, model, pixels, guidance, kind
):
    config = replace(LEVEL, guidance=guidance, sampler=kind)
    labels = torch.tensor([0, 1, 2, 0, 1])
    loaded = load_backend(Generator(model=str(saved)), config, CLASSES, (1, 8, 8))
    expected = wrap_unet(model, noise_schedule(), config, CLASSES)(pixels, labels, generators(5))
    assert torch.equal(loaded(pixels, labels, generators(5)), expected)
    assert loaded.steps == 4
    described = {
        "kind": "unet",
        "model": str(saved),
        "revision": None,
        "seen": "external",
        "data_content": "",
    }
    said = loaded.describe()
    assert len(said.pop("weights")) == 64
    assert "diffusers" in said.pop("versions")
    assert said == {**described, "indices_sha256": saved_model.digest_indices(SEEN)}
    assert loaded.level()["timestep"] == 499


def test_classes_go_by_name(saved, pixels):
    turned = load_backend(Generator(model=str(saved)), LEVEL, ("cat", "ant"), (1, 8, 8))
    usual = load_backend(Generator(model=str(saved)), LEVEL, CLASSES, (1, 8, 8))
    made = turned(pixels[:2], torch.tensor([0, 1]), generators(2))
    assert torch.equal(made, usual(pixels[:2], torch.tensor([2, 0]), generators(2)))
    assert not torch.equal(made, usual(pixels[:2], torch.tensor([1, 1]), generators(2)))


def test_diffusers_loads_the_folder(saved):
    from diffusers import DDPMPipeline

    pipe = DDPMPipeline.from_pretrained(saved)
    assert pipe.unet.config.num_class_embeds == 4
    assert pipe.scheduler.config.prediction_type == "v_prediction"


def test_half_precision_weights_come_back_close(model, tmp_path, pixels):
    saved_model.save_generator(tmp_path / "half", model, noise_schedule(), SAID, SEEN, bf16=True)
    assert model.dtype == torch.float32
    labels = torch.zeros(5, dtype=torch.int64)
    made = load_backend(Generator(model=str(tmp_path / "half")), LEVEL, CLASSES, (1, 8, 8))(
        pixels, labels, generators(5)
    )
    exact = wrap_unet(model, noise_schedule(), LEVEL, CLASSES)(pixels, labels, generators(5))
    assert 0 < (made - exact).abs().max() < 0.5


@pytest.fixture(scope="module")
def unconditional(tmp_path_factory):
    """Save a tiny model like google/ddpm-cifar10-32: no classes, epsilon, a linear schedule."""
    from diffusers import DDPMPipeline, DDPMScheduler, UNet2DModel

    with construction(0, "test"):
        net = UNet2DModel(
            sample_size=16,
            in_channels=1,
            out_channels=1,
            block_out_channels=(8,),
            layers_per_block=1,
            down_block_types=("DownBlock2D",),
            up_block_types=("UpBlock2D",),
            norm_num_groups=8,
        )
    place = tmp_path_factory.mktemp("models") / "ddpm"
    DDPMPipeline(
        net, DDPMScheduler(1000, beta_schedule="linear", clip_sample=False)
    ).save_pretrained(place)
    return place


def test_an_unconditional_model_is_diffusers_own_loop_on_resized_images(unconditional, pixels):
    from diffusers import DDPMPipeline, DDPMScheduler

    pipe = DDPMPipeline.from_pretrained(unconditional)
    schedule = DDPMScheduler.from_config(pipe.scheduler.config, timestep_spacing="trailing")
    large = torch.nn.functional.interpolate(
        pixels, (16, 16), mode="bicubic", antialias=True, align_corners=False
    )
    backend = load_backend(
        Generator(model=str(unconditional)), Variants(0.5, 4), CLASSES, (1, 8, 8)
    )
    made = backend(pixels, torch.zeros(5, dtype=torch.int64), generators(5))
    rngs = generators(5)
    schedule.set_timesteps(4)
    noise = torch.stack([torch.randn((1, 16, 16), generator=g) for g in rngs])
    x = schedule.add_noise(large, noise, schedule.timesteps[2:3].expand(5))
    with torch.inference_mode():
        for t in schedule.timesteps[2:]:
            x = schedule.step(pipe.unet(x, t).sample, t, x, generator=rngs).prev_sample
    small = torch.nn.functional.interpolate(
        x, (8, 8), mode="bicubic", antialias=True, align_corners=False
    )
    torch.testing.assert_close(made, small, rtol=0, atol=1e-5)


def test_parts_may_lie_beside_the_index_as_in_older_folders_on_the_hub(
    unconditional, pixels, tmp_path
):
    for part in (
        "unet/config.json",
        "unet/diffusion_pytorch_model.safetensors",
        "scheduler/scheduler_config.json",
        "model_index.json",
    ):
        shutil.copy(unconditional / part, tmp_path)
    made = [
        load_backend(Generator(model=str(place)), Variants(0.5, 4), CLASSES, (1, 8, 8))(
            pixels, torch.zeros(5, dtype=int), generators(5)
        )
        for place in (unconditional, tmp_path)
    ]
    assert torch.equal(*made)


def test_the_digest_is_of_the_weights(saved, unconditional, tmp_path):
    shutil.copytree(saved, tmp_path / "copy")
    digests = [
        describe_model(Generator(model=str(place)))["weights"]
        for place in (saved, tmp_path / "copy", unconditional)
    ]
    assert digests[0] == digests[1] != digests[2]


def test_a_passes_size_changes_nothing_that_counts(saved, pixels, monkeypatch):
    backend = load_backend(Generator(model=str(saved)), LEVEL, CLASSES, (1, 8, 8))
    labels = torch.tensor([0, 1, 2, 0, 1])
    whole = backend(pixels, labels, generators(5))
    monkeypatch.setattr("empirical.generation.backends.passes.PIXELS_PER_PASS", 2 * 8 * 8)
    narrow = load_backend(Generator(model=str(saved)), LEVEL, CLASSES, (1, 8, 8))
    assert narrow.passes.images_per_pass == 2
    torch.testing.assert_close(narrow(pixels, labels, generators(5)), whole, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    "other",
    [
        Variants(0.25, 8),
        Variants(0.5, 10, sampler="ddim", guidance=2.0),
        Variants(0.33, 10, sampler="dpm-solver"),
        Variants(num_inference_steps=4, from_noise=True),
    ],
)
def test_a_model_is_had_at_other_settings_without_loading_it_again(saved, pixels, other):
    first = load_backend(Generator(model=str(saved)), LEVEL, CLASSES, (1, 8, 8))
    labels = torch.tensor([0, 1, 2, 0, 1])
    before = first(pixels, labels, generators(5))
    there = load_backend(Generator(model=str(saved)), other, CLASSES, (1, 8, 8))
    second = first.at(other)
    assert second.network is first.network
    assert torch.equal(second(pixels, labels, generators(5)), there(pixels, labels, generators(5)))
    assert (second.level(), second.steps, second.describe()) == (
        there.level(),
        there.steps,
        there.describe(),
    )
    assert torch.equal(first(pixels, labels, generators(5)), before)
    assert torch.equal(second.at(LEVEL)(pixels, labels, generators(5)), before)


def test_bfloat16_is_for_cuda_alone():
    half = Generator(precision="bfloat16")
    assert [network_dtype(half, place) for place in ("cpu", "cuda")] == [
        torch.float32,
        torch.bfloat16,
    ]
    assert network_dtype(Generator(), "cuda") == torch.float32


def test_the_noise_level_means_the_same_on_every_schedule(unconditional, saved):
    for place, expected in ((unconditional, 259), (saved, 499)):
        level = load_backend(
            Generator(model=str(place)),
            Variants(num_inference_steps=200, alpha_bar=0.5),
            CLASSES,
            (1, 8, 8),
        ).level()
        assert level["alpha_bar"] == pytest.approx(0.5, abs=0.01)
        assert level["timestep"] == pytest.approx(expected, abs=5)


def test_from_pure_noise_nothing_of_the_source_is_left(saved, pixels):
    backend = load_backend(
        Generator(model=str(saved)),
        Variants(num_inference_steps=8, from_noise=True),
        CLASSES,
        (1, 8, 8),
    )
    labels = torch.zeros(5, dtype=torch.int64)
    assert backend.steps == 8
    assert torch.equal(
        backend(pixels, labels, generators(5)), backend(pixels.flip(0), labels, generators(5))
    )


def test_only_the_steps_from_t_star_on_are_run(model, pixels, monkeypatch):
    seen = []
    backend = wrap_unet(model, noise_schedule(), Variants(0.3, 20), CLASSES)
    monkeypatch.setattr(
        UNetBackend,
        "denoise",
        lambda self, x, t, labels: (seen.append(int(t)), torch.zeros_like(x))[1],
    )
    backend(pixels, torch.zeros(5, dtype=torch.int64), generators(5))
    assert len(seen) == backend.steps == 6
    assert seen[0] == backend.level()["timestep"]


@pytest.mark.parametrize(
    ("settings", "variants", "classes", "shape", "said"),
    [
        (
            {},
            LEVEL,
            ("ant", "dog"),
            (1, 8, 8),
            "does not know is 'dog'; allowed: its own: ant, bee, cat; or say which",
        ),
        ({}, LEVEL, CLASSES, (3, 8, 8), "the channels of"),
        ({"kind": "text"}, LEVEL, CLASSES, (1, 8, 8), "cannot be loaded"),
        ({"model": "nowhere"}, LEVEL, CLASSES, (1, 8, 8), "generator.model"),
    ],
)
def test_what_does_not_fit_is_told(saved, tmp_path, settings, variants, classes, shape, said):
    if settings.get("model"):
        (tmp_path / "nowhere").mkdir()
        settings = {"model": str(tmp_path / "nowhere")}
    with pytest.raises(ValueError, match=said) as error:
        load_backend(Generator(**{"model": str(saved), **settings}), variants, classes, shape)
    assert "\n" not in str(error.value)


def test_guidance_needs_classes(unconditional):
    with pytest.raises(ValueError, match=r"of a model without classes is 3\.0; allowed: 1"):
        load_backend(
            Generator(model=str(unconditional)), Variants(guidance=3.0), CLASSES, (1, 8, 8)
        )


def test_a_run_with_a_generator_that_is_there(tmp_path, monkeypatch):
    """Accept a generator that saw only the images left over; refuse one that saw others."""
    monkeypatch.setenv("TADA_DATA", str(tmp_path / "sets"))
    cifar10_batches(tmp_path / "sets", monkeypatch)
    data = Data("cifar10", train=20, candidate_pool=30, validation=10, side=8)
    root = tmp_path / "artifacts"
    parts = split_dataset(data, 0, root)
    model = build_unet(parts.train, Generator(channels=(8,)), 0)
    about = {**SAID, "classes": parts.train.classes, "data_content": parts.content}
    for name, indices in (("right", parts.rest), ("wrong", parts.train_indices)):
        saved_model.save_generator(tmp_path / name, model, noise_schedule(), about, indices)
    run = Run(
        "x",
        Method("syn-all"),
        data,
        Training(steps=2, width=8, batch=4),
        Early(limit=2),
        variants=Variants(num_inference_steps=4),
    )
    metrics = pipeline.execute(
        Context(replace(run, generator=Generator(model=str(tmp_path / "right"))), 0, root)
    )
    assert metrics["generator"]["model"] == str(tmp_path / "right")
    assert metrics["generator"]["seen"] == "external"
    assert metrics["generator"]["timestep"] == 499
    with pytest.raises(
        ValueError, match="has seen 20 images of this run's training or validation set or pool"
    ):
        pipeline.execute(
            Context(replace(run, generator=Generator(model=str(tmp_path / "wrong"))), 0, root)
        )
    altered = json.loads((tmp_path / "right/training.json").read_text())
    (tmp_path / "right/training.json").write_text(
        json.dumps({**altered, "data_content": "another"})
    )
    with pytest.raises(ValueError, match="was trained on data of content another"):
        pipeline.execute(
            Context(replace(run, generator=Generator(model=str(tmp_path / "right"))), 0, root)
        )
