"""LoRA on tiny pipelines of diffusers' real classes: loss, gradients, files, and end to end."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_pipelines import autoencoder, encoder, tokenizer

from empirical.config import Data, Generator, Run, Variants
from empirical.data.context import Context
from empirical.data.images import Images
from empirical.data.split import Split
from empirical.generation import adapter, stage
from empirical.generation.backends.resolve import load_backend
from empirical.runtime.seeding import construction, torch_stream

pytestmark = pytest.mark.slow
pytest.importorskip("peft")

CLASSES = ("ant", "bee")
LEVEL = Variants(0.5, 4, guidance=3.0)


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (8, 16, 16, 3), dtype=np.uint8)
    return Images(pixels, np.arange(8) % 2, CLASSES)


def conditional_unet(**options):
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(8, 16),
        layers_per_block=1,
        norm_num_groups=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        attention_head_dim=4,
        **options,
    )


@pytest.fixture(scope="module", params=["sd", "sd-v", "sdxl", "sd3"])
def saved(request, tmp_path_factory):
    """Save a tiny pipeline of each family; its native side is 16."""
    import diffusers
    from transformers import CLIPTextModel, CLIPTextModelWithProjection

    folder = tmp_path_factory.mktemp("models")
    tokens, size = tokenizer(folder)
    kind = request.param
    with construction(0, kind):
        if kind == "sd3":
            transformer = diffusers.SD3Transformer2DModel(
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
            pipe = diffusers.StableDiffusion3Pipeline(
                transformer,
                diffusers.FlowMatchEulerDiscreteScheduler(1000),
                autoencoder(shift_factor=0.1),
                texts[0],
                tokens,
                texts[1],
                tokens,
                None,
                None,
            )
        elif kind == "sdxl":
            unet = conditional_unet(
                cross_attention_dim=32,
                addition_embed_type="text_time",
                addition_time_embed_dim=8,
                projection_class_embeddings_input_dim=16 + 6 * 8,
            )
            pipe = diffusers.StableDiffusionXLPipeline(
                autoencoder(),
                encoder(CLIPTextModel, size),
                encoder(CLIPTextModelWithProjection, size),
                tokens,
                tokens,
                unet,
                diffusers.EulerDiscreteScheduler(1000, beta_schedule="scaled_linear"),
            )
        else:
            pipe = diffusers.StableDiffusionPipeline(
                autoencoder(),
                encoder(CLIPTextModel, size),
                tokens,
                conditional_unet(cross_attention_dim=16),
                diffusers.DDIMScheduler(
                    1000,
                    steps_offset=1,
                    clip_sample=False,
                    prediction_type="v_prediction" if kind == "sd-v" else "epsilon",
                ),
                None,
                None,
                requires_safety_checker=False,
            )
    pipe.save_pretrained(folder / "tiny")
    return folder / "tiny"


def loaded(saved):
    return load_backend(Generator(model=str(saved)), LEVEL, CLASSES, (3, 16, 16))


PROMPTS = [[("a photo of an ant", "")], [("a bee", ""), ("a photo of a bee", "")]]


def test_a_new_adapter_changes_nothing_and_training_changes_only_it(saved, images):
    backend = loaded(saved)
    network = adapter.network_of(backend.pipe)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    pixels = torch.from_numpy(images.pixels[:2])
    labels = torch.tensor([0, 1])

    def variants():
        return backend(pixels, labels, [torch_stream(0, "variant", i) for i in range(2)])

    plain = variants()
    training = adapter.train_adapter(backend.pipe, images, PROMPTS, 16, 6, True, 0)
    losses = [next(training)]
    weights = [value for value in network.parameters() if value.requires_grad]
    assert 0 < sum(value.numel() for value in weights) < sum(v.numel() for v in before.values())
    losses += list(training)
    assert np.isfinite(losses).all()
    after = network.state_dict()
    kept = {name.replace(".base_layer", ""): value for name, value in after.items()}
    for name, value in before.items():
        assert torch.equal(kept[name], value)
    adapted = variants()
    assert not torch.equal(adapted, plain)
    fresh = loaded(saved)
    adapter.load_adapter(fresh.pipe, adapter.adapter_weights(backend.pipe))
    again = fresh(pixels, labels, [torch_stream(0, "variant", i) for i in range(2)])
    torch.testing.assert_close(again, adapted, rtol=0, atol=1e-6)


def test_the_loss_falls_on_one_image(saved, images, monkeypatch):
    """Averaged over the times, the loss on one image falls while the adapter learns it."""
    monkeypatch.setattr(adapter, "LEARNING_RATE", 1e-2)
    backend = loaded(saved)
    one = images[np.zeros(4, int)]
    losses = list(adapter.train_adapter(backend.pipe, one, PROMPTS, 16, 150, False, 0))
    first, last = adapter.mean_loss(losses)
    assert last < 0.97 * first


def test_a_run_adapts_once_and_says_so(saved, images, tmp_path, monkeypatch):
    parts = Split(images, images[:0], images[:2], np.arange(8), np.arange(0), "x")
    run = Run(
        "augment",
        data=Data("folder:x", None, 0, 16),
        generator=Generator(model=str(saved), adapt=2),
        variants=LEVEL,
    )
    context = Context(run, 0, tmp_path).with_parts(parts)
    made = stage.load_or_make_variants(context, np.arange(2), np.ones(2, int))
    told = stage.describe_variants(context)["adapted"]
    assert (told["steps"], told["images"]) == (2, 8)
    monkeypatch.setattr(adapter, "train_adapter", lambda *_: pytest.fail("it trained again"))
    other = replace(run, variants=replace(LEVEL, strength=0.25))
    stage.load_or_make_variants(context.with_run(other), np.arange(2), np.ones(2, int))
    plain = replace(run, generator=Generator(model=str(saved)))
    unadapted = stage.load_or_make_variants(context.with_run(plain), np.arange(2), np.ones(2, int))
    assert not np.array_equal(made, unadapted)


def test_another_kind_of_model_is_refused():
    class Pipe:
        pass

    with pytest.raises(ValueError, match="adapt with is 'Pipe'; allowed: StableDiffusionXL"):
        adapter.family_of(Pipe())
