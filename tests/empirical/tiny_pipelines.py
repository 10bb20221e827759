"""Tiny parts of text-to-image pipelines, of the classes that real ones have."""

import json

WORDS = ["ant", "queen", "bee", "cat", "a", "photo", "of"]


def tokenizer(folder):
    """Return CLIP's tokenizer for the words of the prompts and single letters, and its size."""
    from transformers import CLIPTokenizer

    ids = [
        "<|startoftext|>",
        "<|endoftext|>",
        *"abcdefghijklmnopqrstuvwxyz",
        *(f"{c}</w>" for c in "abcdefghijklmnopqrstuvwxyz"),
    ]
    merges = []
    for word in WORDS:
        parts = [*word[:-1], f"{word[-1]}</w>"]
        while len(parts) > 1:
            merges.append(f"{parts[0]} {parts[1]}")
            parts = [parts[0] + parts[1], *parts[2:]]
            ids.append(parts[0])
    ids = list(dict.fromkeys(ids))
    merges = list(dict.fromkeys(merges))
    (folder / "vocab.json").write_text(json.dumps({token: i for i, token in enumerate(ids)}))
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges, ""]))
    return CLIPTokenizer(
        str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=16
    ), len(ids)


def encoder(kind, size):
    from transformers import CLIPTextConfig

    ids = {"vocab_size": size, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1}
    sides = {
        "hidden_size": 16,
        "intermediate_size": 16,
        "projection_dim": 16,
        "max_position_embeddings": 16,
    }
    return kind(CLIPTextConfig(**ids, **sides, num_hidden_layers=2, num_attention_heads=2))


def autoencoder(**options):
    from diffusers import AutoencoderKL

    blocks = {
        "down_block_types": ("DownEncoderBlock2D",) * 2,
        "up_block_types": ("UpDecoderBlock2D",) * 2,
    }
    return AutoencoderKL(
        block_out_channels=(8, 8), norm_num_groups=4, latent_channels=4, **blocks, **options
    )


def stable_diffusion(folder):
    """Save a tiny Stable Diffusion 1.5 in a folder; its native side is 16."""
    from diffusers import DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
    from transformers import CLIPTextModel

    from empirical.runtime.seeding import construction

    folder.mkdir(parents=True)
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
        pipe = StableDiffusionPipeline(
            autoencoder(),
            encoder(CLIPTextModel, size),
            tokens,
            unet,
            DDIMScheduler(1000, steps_offset=1, clip_sample=False),
            None,
            None,
            requires_safety_checker=False,
        )
    pipe.save_pretrained(folder / "model")
    return folder / "model"
