"""Build classifiers for small images from torchvision's classes.

One line of ``NETWORKS`` adds a network. torch and torchvision are imported inside the functions, so
that the names of the networks can be read without loading them.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

from empirical.config.training import TIMM

if TYPE_CHECKING:
    from torch import nn

    from empirical.config import Training
    from empirical.data.images import Images


@dataclasses.dataclass(frozen=True)
class Shape:
    """The inputs and outputs of a network: square images of ``side`` pixels, and classes.

    width: channels of the first stage, of networks where it can be chosen.
    """

    channels: int
    side: int
    classes: int
    width: int = 16  # small residual networks only


@dataclasses.dataclass(frozen=True)
class Network:
    """How to build a network.

    build: makes the module; its first weights follow torch's global random state. multiple: sides
    of images must be multiples of it.
    """

    build: Callable[[Shape], nn.Module]
    multiple: int


def classifier(images: Images, config: Training, seed: int) -> nn.Module:
    """Return the classifier of a run.

    Its first weights depend on ``seed`` only, so that methods that are compared start equal.
    """
    channels, _, side = images.shape
    return build(config.network, Shape(channels, side, len(images.classes), config.width), seed)


def build(name: str, shape: Shape, seed: int) -> nn.Module:
    """Return the network ``name``, with its 4-dimensional weights channels last.

    Its first weights depend on ``seed`` only. None of ``NETWORKS`` draws random numbers in training
    (no dropout, no stochastic depth), so that seed and order determine a run. Raises ValueError for
    an unknown name, and for a side that the network cannot take.
    """
    import torch

    from empirical.runtime.seeding import construction

    make: Callable[[Shape], nn.Module]
    if name.startswith(TIMM):
        make = functools.partial(from_timm, name.removeprefix(TIMM))
    elif name not in NETWORKS:
        raise ValueError(f"no network {name!r}; allowed: {', '.join(NETWORKS)}, {TIMM}NAME")
    elif shape.side < 1 or shape.side % NETWORKS[name].multiple:
        raise ValueError(
            f"{name} cannot take images of side {shape.side}; "
            f"allowed: multiples of {NETWORKS[name].multiple}"
        )
    else:
        make = NETWORKS[name].build
    with construction(seed, "classifier"):
        network = make(shape)
    return network.to(memory_format=torch.channels_last)


def small_resnet(shape: Shape, blocks: int) -> nn.Module:
    """Return a residual network of 6 blocks + 2 layers for small images.

    A 3x3 stem, then ``blocks`` residual blocks each of width, 2 width and 4 width, with maps of
    side, side / 2 and side / 4. With 3 blocks and width 16 it is the ResNet-20 of He et al. 2016,
    but with 1x1 shortcuts.
    """
    from torch import nn
    from torchvision.models.resnet import BasicBlock

    def block(inside: int, outside: int, stride: int) -> BasicBlock:
        if stride == 1:
            return BasicBlock(inside, outside, stride)
        narrow = nn.Conv2d(inside, outside, 1, stride, bias=False)
        return BasicBlock(inside, outside, stride, nn.Sequential(narrow, nn.BatchNorm2d(outside)))

    w = shape.width
    stages = [
        [block(inside, outside, stride), *(block(outside, outside, 1) for _ in range(blocks - 1))]
        for inside, outside, stride in ((w, w, 1), (w, 2 * w, 2), (2 * w, 4 * w, 2))
    ]
    stem = (nn.Conv2d(shape.channels, w, 3, padding=1, bias=False), nn.BatchNorm2d(w), nn.ReLU())
    head = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4 * w, shape.classes))
    return nn.Sequential(*stem, *(b for stage in stages for b in stage), *head).apply(_initialise)


def resnet18(shape: Shape) -> nn.Module:
    """Return a ResNet-18 (He et al. 2016) with a 3x3 stem of stride 1 and without max-pool.

    Maps from side to side / 8, for images of 32 and of 64 pixels.
    """
    from torch import nn
    from torchvision.models.resnet import BasicBlock, ResNet

    network = ResNet(BasicBlock, [2, 2, 2, 2], num_classes=shape.classes)
    network.conv1 = nn.Conv2d(shape.channels, 64, 3, padding=1, bias=False)
    _initialise(network.conv1)
    network.maxpool = nn.Identity()
    return network


def densenet121(shape: Shape) -> nn.Module:
    """Return a DenseNet-121 (Huang et al. 2017) with the stem of ``resnet18``.

    Maps from side to side / 8, for images of 32 and of 64 pixels.
    """
    from torch import nn
    from torchvision.models import DenseNet

    network = DenseNet(num_classes=shape.classes)
    network.features.conv0 = nn.Conv2d(shape.channels, 64, 3, padding=1, bias=False)
    nn.init.kaiming_normal_(network.features.conv0.weight)
    network.features.pool0 = nn.Identity()
    return network


def vgg19_bn(shape: Shape) -> nn.Module:
    """Return a VGG-19 with batch norm (Simonyan and Zisserman 2015) in its form for small images.

    The last maps, of side / 32, are averaged and enter a single linear layer.
    """
    from torch import nn
    from torchvision.models.vgg import cfgs, make_layers

    features = make_layers(cfgs["E"], batch_norm=True)
    features[0] = nn.Conv2d(shape.channels, 64, 3, padding=1)
    head = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, shape.classes))
    return nn.Sequential(features, *head).apply(_initialise)


def vit(shape: Shape, layers: int, heads: int, width: int, patches: int = 8) -> nn.Module:
    """Return a vision transformer (Dosovitskiy et al. 2021) on ``patches`` x ``patches`` patches.

    With 8 they have 4 pixels at side 32 and 8 at side 64 (Lee et al. 2021). ViT-S has 12 layers of
    6 heads and width 384 (Touvron et al. 2021). The head starts with small weights instead of
    zeros, so that the first gradient reaches every layer.
    """
    from torch import nn
    from torchvision.models import VisionTransformer

    patch = shape.side // patches
    network = VisionTransformer(
        shape.side,
        patch,
        layers,
        heads,
        hidden_dim=width,
        mlp_dim=4 * width,
        num_classes=shape.classes,
    )
    if shape.channels != 3:
        network.conv_proj = nn.Conv2d(shape.channels, width, patch, patch)
        nn.init.trunc_normal_(network.conv_proj.weight, std=(shape.channels * patch**2) ** -0.5)
        nn.init.zeros_(network.conv_proj.bias)
    nn.init.trunc_normal_(network.heads.head.weight, std=0.02)
    return network


def convnext_t(shape: Shape) -> nn.Module:
    """Return a ConvNeXt-T (Liu et al. 2022) with patches of side / 16 and maps of 16, 8, 4 and 2.

    Patches have 2 pixels at side 32, and at side 64 the 4 pixels of the original.
    """
    from torch import nn
    from torchvision.models.convnext import CNBlockConfig, ConvNeXt

    widths = (96, 192, 384, 768, None)
    depths = (3, 3, 9, 3)
    patch = shape.side // 16
    network = ConvNeXt(
        [CNBlockConfig(widths[i], widths[i + 1], depths[i]) for i in range(4)],
        num_classes=shape.classes,
    )
    network.features[0][0] = _patches(nn.Conv2d(shape.channels, 96, patch, patch))
    return network


def swin_t(shape: Shape) -> nn.Module:
    """Return a Swin-T (Liu et al. 2021) with patches of side / 16, windows of 4, maps of 16 to 2.

    Patches have 2 pixels at side 32 and 4 at side 64. As in the original code no window is larger
    than its map; torchvision's own block would fill the last window up with empty tokens.
    """
    from torch import nn
    from torchvision.models.swin_transformer import SwinTransformer, SwinTransformerBlock

    def block(width: int, heads: int, window_size: list[int], **options) -> SwinTransformerBlock:
        windows = [min(w, 16 * 96 // width) for w in window_size]
        return SwinTransformerBlock(width, heads, windows, **options)

    patch = shape.side // 16
    options = {"stochastic_depth_prob": 0.0, "num_classes": shape.classes, "block": block}
    network = SwinTransformer([patch] * 2, 96, [2, 2, 6, 2], [3, 6, 12, 24], [4, 4], **options)
    network.features[0][0] = _patches(nn.Conv2d(shape.channels, 96, patch, patch))
    return network


def from_timm(name: str, shape: Shape) -> nn.Module:
    """Return an untrained network of timm, as timm configures it for this size.

    Raises ValueError if timm is not installed, or has no such network for this size.
    """
    try:
        import timm
    except ModuleNotFoundError:
        raise ValueError(
            f"network {TIMM + name!r} needs the package timm; install it with: pip install timm"
        ) from None
    options = {"pretrained": False, "num_classes": shape.classes, "in_chans": shape.channels}
    try:
        return timm.create_model(name, img_size=shape.side, **options)
    except TypeError:  # a convolutional network, which takes any size and has no such argument
        return timm.create_model(name, **options)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(
            f"{TIMM}{name} at side {shape.side}: {str(error).splitlines()[0]}; "
            "allowed: see timm.list_models()"
        ) from None


NETWORKS: dict[str, Network] = {
    "resnet8": Network(functools.partial(small_resnet, blocks=1), 4),
    "resnet20": Network(functools.partial(small_resnet, blocks=3), 4),
    "resnet18": Network(resnet18, 8),
    "densenet121": Network(densenet121, 8),
    "vgg19-bn": Network(vgg19_bn, 32),
    "vit-s": Network(functools.partial(vit, layers=12, heads=6, width=384), 8),
    # ours, for CPUs
    "vit-xs": Network(functools.partial(vit, layers=4, heads=4, width=64, patches=4), 4),
    "convnext-t": Network(convnext_t, 16),
    "swin-t": Network(swin_t, 16),
}


def _initialise(module: nn.Module) -> None:
    """Give a convolution He's normal weights and a bias of zero; leave other modules unchanged."""
    from torch import nn

    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def _patches(stem: nn.Conv2d) -> nn.Conv2d:
    """Give a patch embedding the weights of ConvNeXt and Swin, a truncated normal of 0.02."""
    from torch import nn

    nn.init.trunc_normal_(stem.weight, std=0.02)
    assert stem.bias is not None
    nn.init.zeros_(stem.bias)
    return stem
