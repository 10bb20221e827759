"""Test what is said of models that are not there, and how half-precision weights are found."""

import re
import socket
import time

import pytest
import torch
from huggingface_hub import constants

from empirical.config import Generator
from empirical.generation.backends import model_files
from empirical.generation.backends.model_files import (
    is_reachable,
    load_pipeline,
    model_file,
    square_side,
    weights_variant,
)

pytestmark = pytest.mark.slow


def test_a_hub_that_does_not_answer_is_told_within_seconds(monkeypatch, tmp_path):
    monkeypatch.setattr(constants, "ENDPOINT", "https://192.0.2.1")  # an address of no machine
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(model_files, "getproxies", dict)
    began = time.monotonic()
    said = "hf download someone/some-model --local-dir some-model"
    with pytest.raises(ValueError, match=re.escape(said)) as error:
        model_file(Generator(model="someone/some-model"), "model_index.json")
    assert time.monotonic() - began < 5
    assert "\n" not in str(error.value)


def test_a_server_that_listens_is_reachable_directly_or_by_a_proxy(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        monkeypatch.setattr(model_files, "getproxies", dict)
        assert is_reachable(address)
        monkeypatch.setattr(model_files, "getproxies", lambda: {"https": address})
        monkeypatch.setattr(model_files, "proxy_bypass", lambda host: False)
        assert is_reachable("https://192.0.2.1")
    assert not is_reachable(address)


def test_a_single_file_is_refused_with_the_way_to_a_folder(tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"")
    with pytest.raises(ValueError, match=r"a single file; allowed: .*from_single_file"):
        model_file(Generator(model=str(path)), "model_index.json")


@pytest.fixture
def unet(tmp_path):
    """Return the folder of a small UNet whose weights are saved as fp16 only."""
    from diffusers import DDPMPipeline, DDPMScheduler, UNet2DModel

    network = UNet2DModel(
        sample_size=(8, 8),
        block_out_channels=(8,),
        down_block_types=("DownBlock2D",),
        up_block_types=("UpBlock2D",),
        norm_num_groups=4,
        layers_per_block=1,
    )
    DDPMPipeline(network, DDPMScheduler()).save_pretrained(tmp_path, variant="fp16")
    return tmp_path


def test_weights_of_one_variant_are_found(unet):
    from diffusers import DDPMPipeline

    weights = next(unet.rglob("*.safetensors"))
    assert weights.name.endswith(".fp16.safetensors")
    assert weights_variant(unet) == "fp16"
    generator = Generator(model=str(unet))
    pipe = load_pipeline(DDPMPipeline.from_pretrained, generator, torch.float32)
    assert square_side(pipe.unet.config.sample_size) == 8
    weights.rename(weights.with_name(weights.name.replace(".fp16", "")))
    assert weights_variant(unet) is None


def test_shards_are_no_variant(tmp_path):
    (tmp_path / "unet").mkdir()
    for name in ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"):
        (tmp_path / "unet" / name).write_bytes(b"")
    assert weights_variant(tmp_path) is None
    (tmp_path / "vae").mkdir()
    (tmp_path / "vae/model.fp16-00001-of-00002.safetensors").write_bytes(b"")
    assert weights_variant(tmp_path) == "fp16"
