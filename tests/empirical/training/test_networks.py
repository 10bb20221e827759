"""Test networks for small images: sizes, maps, gradients, first weights by seed."""

import sys
import types

import pytest
import torch

from empirical.training.evaluation import logits
from empirical.training.networks import NETWORKS, Shape, build

pytestmark = pytest.mark.slow

MILLIONS = {
    "resnet18": 11.17,
    "vit-s": 21.3,
    "densenet121": 7.0,
    "vgg19-bn": 20.0,
    "convnext-t": 27.8,
    "swin-t": 27.5,
}
SMALL = ("resnet8", "resnet20")


def pixels(shape, count=2):
    return torch.randn(
        count,
        shape.channels,
        shape.side,
        shape.side,
        generator=torch.Generator().manual_seed(shape.side),
    )


def parameters(network):
    return sum(p.numel() for p in network.parameters())


@pytest.fixture(scope="module")
def at_32():
    """Return every network for 32 pixels, built once."""
    return {name: build(name, Shape(3, 32, 10), 0) for name in NETWORKS}


@pytest.mark.slow
@pytest.mark.parametrize("name", MILLIONS)
def test_sizes(at_32, name):
    digits = 2 if name == "resnet18" else 1
    assert round(parameters(at_32[name]) / 1e6, digits) == MILLIONS[name]


@pytest.mark.parametrize(("name", "layers"), [("resnet8", 8), ("resnet20", 20), ("resnet18", 18)])
def test_layers_are_in_the_name(at_32, name, layers):
    weights = [n for n, p in at_32[name].named_parameters() if p.ndim > 1 and "downsample" not in n]
    assert len(weights) == layers


def test_resnet20_is_he_et_als_but_for_the_shortcuts():
    assert (
        parameters(build("resnet20", Shape(3, 32, 10), 0)) == 269_722 + 16 * 32 + 64 + 32 * 64 + 128
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_the_gradient_reaches_every_parameter(at_32, name):
    network = at_32[name].train()
    outputs = network(pixels(Shape(3, 32, 10)))
    assert outputs.shape == (2, 10)
    torch.nn.functional.cross_entropy(outputs, torch.tensor([0, 1])).backward()
    assert [
        n for n, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0
    ] == []
    network.zero_grad()


def maps(network, name, side):
    """Return the sides of a network's feature maps, largest first."""
    seen = set()
    last = name in ("swin-t",)  # channels last in its stages

    def look(_, __, output):
        if isinstance(output, torch.Tensor) and output.ndim == 4:
            seen.add(output.shape[1] if last else output.shape[-1])

    kinds = {"swin-t": ("SwinTransformerBlock",), "convnext-t": ("CNBlock",), "vit-s": ("Conv2d",)}
    kinds = kinds.get(name, ("BasicBlock", "_DenseLayer", "ReLU"))
    hooks = [m.register_forward_hook(look) for m in network.modules() if type(m).__name__ in kinds]
    logits(network, pixels(Shape(3, side, 10), 1))
    for hook in hooks:
        hook.remove()
    return sorted(seen, reverse=True)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "small", "large"),
    [
        ("resnet8", [32, 16, 8], [64, 32, 16]),
        ("resnet18", [32, 16, 8, 4], [64, 32, 16, 8]),
        ("densenet121", [32, 16, 8, 4], [64, 32, 16, 8]),
        ("vgg19-bn", [32, 16, 8, 4, 2], [64, 32, 16, 8, 4]),
        ("vit-s", [8], [8]),
        ("convnext-t", [16, 8, 4, 2], [16, 8, 4, 2]),
        ("swin-t", [16, 8, 4, 2], [16, 8, 4, 2]),
    ],
)
def test_maps_at_32_and_64_pixels(at_32, name, small, large):
    assert maps(at_32[name], name, 32) == small
    network = build(name, Shape(3, 64, 10), 0)
    assert maps(network, name, 64) == large
    assert logits(network, pixels(Shape(3, 64, 10))).shape == (2, 10)


def test_no_window_is_larger_than_its_map(at_32):
    windows = [tuple(m.window_size) for m in at_32["swin-t"].modules() if hasattr(m, "window_size")]
    assert windows == [(4, 4)] * 10 + [(2, 2)] * 2


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_an_output_is_the_same_in_any_company(at_32, name):
    batch = pixels(Shape(3, 32, 10), 3)
    torch.testing.assert_close(
        logits(at_32[name], batch)[:1], logits(at_32[name], batch[:1]), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("name", NETWORKS)
def test_nothing_is_drawn_in_training(at_32, name):
    before = torch.random.get_rng_state()
    with torch.no_grad():
        at_32[name].train()(pixels(Shape(3, 32, 10)))
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_first_weights_depend_on_the_seed_alone(at_32, name):
    before = torch.random.get_rng_state()
    same, other = build(name, Shape(3, 32, 10), 0), build(name, Shape(3, 32, 10), 1)
    assert torch.equal(before, torch.random.get_rng_state())
    pairs = list(
        zip(at_32[name].named_parameters(), same.parameters(), other.parameters(), strict=True)
    )
    assert all(torch.equal(a, b) for (_, a), b, _ in pairs)
    assert not any(
        torch.equal(a, c) for (n, a), _, c in pairs if n.endswith("weight") and a.ndim > 1
    )


@pytest.mark.parametrize("name", SMALL)
def test_grey_digits_and_widths(name):
    network = build(name, Shape(1, 8, 10, width=8), 0)
    assert logits(network, pixels(Shape(1, 8, 10))).shape == (2, 10)
    assert parameters(build(name, Shape(1, 8, 10, width=16), 0)) > 3 * parameters(network)


@pytest.mark.parametrize("name", ["resnet18", "vit-s"])
def test_grey_images_elsewhere(name):
    assert logits(build(name, Shape(1, 32, 7), 0), pixels(Shape(1, 32, 7))).shape == (2, 7)


@pytest.mark.parametrize(
    ("name", "side"),
    [("vgg19-bn", 16), ("swin-t", 24), ("convnext-t", 8), ("vit-s", 12), ("resnet8", 0)],
)
def test_a_side_that_does_not_fit_is_refused_by_name(name, side):
    with pytest.raises(
        ValueError, match=f"{name} cannot take images of side {side}; allowed: multiples of"
    ) as error:
        build(name, Shape(3, side, 10), 0)
    assert "\n" not in str(error.value)


def test_an_unknown_network_is_refused():
    with pytest.raises(ValueError, match="no network 'resnet9'; allowed: resnet8, "):
        build("resnet9", Shape(3, 32, 10), 0)


def test_timm_is_asked_for_in_one_line_when_it_is_not_there(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(ValueError, match="install it with: pip install timm") as error:
        build("timm:resnet10t", Shape(3, 32, 10), 0)
    assert "\n" not in str(error.value)


def test_timm_is_passed_the_name_the_size_and_the_classes(monkeypatch):
    asked = []

    def create_model(name, **options):
        asked.append((name, options))
        if "img_size" in options:
            raise TypeError("unexpected keyword argument 'img_size'")
        return torch.nn.Conv2d(options["in_chans"], options["num_classes"], 1)

    monkeypatch.setitem(sys.modules, "timm", types.SimpleNamespace(create_model=create_model))
    one, two = (build("timm:some_net", Shape(1, 32, 5), 3) for _ in range(2))
    assert torch.equal(one.weight, two.weight)
    assert one.weight.shape == (5, 1, 1, 1)
    name, options = asked[0]
    assert (name, options["img_size"], options["pretrained"]) == ("some_net", 32, False)
