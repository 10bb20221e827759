"""Classifiers for small images, built from torchvision's own classes; one line of ``NETWORKS`` adds one.

torch and torchvision are imported inside the functions: the settings' checks read the names at once.
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
    """What a network is built for: square images of ``side`` pixels, and the width of its first stage where that can be chosen."""

    channels: int
    side: int
    classes: int
    width: int = 16  # small residual networks only


@dataclasses.dataclass(frozen=True)
class Network:
    """``build`` makes the module with torch's global random state as it finds it; sides are multiples of ``multiple``."""

    build: Callable[[Shape], nn.Module]
    multiple: int


def classifier(images: Images, config: Training, seed: int) -> nn.Module:
    """The classifier of a run: first weights by ``seed`` alone, so that methods that are compared start equal."""
    channels, _, side = images.shape
    return build(config.network, Shape(channels, side, len(images.classes), config.width), seed)


def build(name: str, shape: Shape, seed: int) -> nn.Module:
    """The network ``name``, its 4-dimensional weights channels last, first weights by ``seed`` alone.

    None of ``NETWORKS`` draws random numbers in training (no dropout, no stochastic depth), so that a run is its seed and order.
    Raises ValueError for an unknown name, and for a side that the network cannot take.
    """
    import torch

    from empirical.runtime.seeding import construction

    if name.startswith(TIMM):
        make = functools.partial(from_timm, name.removeprefix(TIMM))
    elif name not in NETWORKS:
        raise ValueError(f"no network {name!r}; allowed: {', '.join(NETWORKS)}, {TIMM}NAME")
    elif shape.side < 1 or shape.side % NETWORKS[name].multiple:
        raise ValueError(
            f"{name} cannot take images of side {shape.side}; allowed: multiples of {NETWORKS[name].multiple}"
        )
    else:
        make = NETWORKS[name].build
    with construction(seed, "classifier"):
        network = make(shape)
    return network.to(memory_format=torch.channels_last)


def small_resnet(shape: Shape, blocks: int) -> nn.Module:
    """6 blocks + 2 layers for small images: a 3x3 stem, then ``blocks`` residual blocks each of width, 2 width and 4 width.

    Maps of side, side / 2 and side / 4. With 3 blocks and width 16 the ResNet-20 of He et al. 2016, with 1x1 shortcuts.
    """
    from torch import nn
    from torchvision.models.resnet import BasicBlock

    def block(inside: int, outside: int, stride: int) -> BasicBlock:
        shortcut = (
            nn.Sequential(
                nn.Conv2d(inside, outside, 1, stride, bias=False), nn.BatchNorm2d(outside)
            )
            if stride > 1
            else None
        )
        return BasicBlock(inside, outside, stride, shortcut)

    w = shape.width
    stages = [
        [block(inside, outside, stride), *(block(outside, outside, 1) for _ in range(blocks - 1))]
        for inside, outside, stride in ((w, w, 1), (w, 2 * w, 2), (2 * w, 4 * w, 2))
    ]
    stem = (nn.Conv2d(shape.channels, w, 3, padding=1, bias=False), nn.BatchNorm2d(w), nn.ReLU())
    head = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4 * w, shape.classes))
    return nn.Sequential(*stem, *(b for stage in stages for b in stage), *head).apply(_initialise)


def resnet18(shape: Shape) -> nn.Module:
    """ResNet-18 (He et al. 2016) with a 3x3 stem of stride 1 and no max-pool: maps from side to side / 8, at 32 and at 64 px alike."""
    from torch import nn
    from torchvision.models.resnet import BasicBlock, ResNet

    network = ResNet(BasicBlock, [2, 2, 2, 2], num_classes=shape.classes)
    network.conv1 = _initialise(nn.Conv2d(shape.channels, 64, 3, padding=1, bias=False))
    network.maxpool = nn.Identity()
    return network


def densenet121(shape: Shape) -> nn.Module:
    """DenseNet-121 (Huang et al. 2017), stem as in ``resnet18``: maps from side to side / 8, at 32 and at 64 px alike."""
    from torch import nn
    from torchvision.models import DenseNet

    network = DenseNet(num_classes=shape.classes)
    network.features.conv0 = nn.Conv2d(shape.channels, 64, 3, padding=1, bias=False)
    nn.init.kaiming_normal_(network.features.conv0.weight)
    network.features.pool0 = nn.Identity()
    return network


def vgg19_bn(shape: Shape) -> nn.Module:
    """VGG-19 with batch norm (Simonyan and Zisserman 2015), usual on small images: the last maps, side / 32, averaged into one layer."""
    from torch import nn
    from torchvision.models.vgg import cfgs, make_layers

    features = make_layers(cfgs["E"], batch_norm=True)
    features[0] = nn.Conv2d(shape.channels, 64, 3, padding=1)
    return nn.Sequential(
        features, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, shape.classes)
    ).apply(_initialise)


def vit(shape: Shape, layers: int, heads: int, width: int, patches: int = 8) -> nn.Module:
    """A vision transformer (Dosovitskiy et al. 2021) on ``patches`` by as many patches; 8: of 4 px at 32, of 8 at 64 (Lee et al. 2021).

    ViT-S has 12 layers of 6 heads, width 384 (Touvron et al. 2021). The head starts small instead of at zero, so that the first gradient
    reaches every layer.
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
    """ConvNeXt-T (Liu et al. 2022) with patches of side / 16: 2 px at 32, its own 4 px at 64; maps of 16, 8, 4 and 2."""
    from torch import nn
    from torchvision.models.convnext import CNBlockConfig, ConvNeXt

    widths, depths, patch = (96, 192, 384, 768, None), (3, 3, 9, 3), shape.side // 16
    network = ConvNeXt(
        [CNBlockConfig(widths[i], widths[i + 1], depths[i]) for i in range(4)],
        num_classes=shape.classes,
    )
    network.features[0][0] = _patches(nn.Conv2d(shape.channels, 96, patch, patch))
    return network


def swin_t(shape: Shape) -> nn.Module:
    """Swin-T (Liu et al. 2021) with patches of side / 16 and windows of 4: maps of 16, 8, 4 and 2. Patches of 2 px at 32, 4 at 64.

    As in the original code no window is larger than its map; torchvision alone would fill up the last one with empty tokens.
    """
    from torch import nn
    from torchvision.models.swin_transformer import SwinTransformer, SwinTransformerBlock

    def block(width: int, heads: int, window_size: list[int], **options) -> SwinTransformerBlock:
        return SwinTransformerBlock(
            width, heads, [min(w, 16 * 96 // width) for w in window_size], **options
        )

    options = {"stochastic_depth_prob": 0.0, "num_classes": shape.classes, "block": block}
    network = SwinTransformer(
        [shape.side // 16] * 2, 96, [2, 2, 6, 2], [3, 6, 12, 24], [4, 4], **options
    )
    network.features[0][0] = _patches(
        nn.Conv2d(shape.channels, 96, shape.side // 16, shape.side // 16)
    )
    return network


def from_timm(name: str, shape: Shape) -> nn.Module:
    """A network of timm, untrained, as timm configures it for this size."""
    try:
        import timm
    except ModuleNotFoundError:
        raise ValueError(
            f"network {TIMM + name!r} needs the package timm; install it with: pip install timm"
        ) from None
    options = {"pretrained": False, "num_classes": shape.classes, "in_chans": shape.channels}
    try:
        return timm.create_model(name, img_size=shape.side, **options)
    except TypeError:  # a convolutional network, which takes any size and does not want to know
        return timm.create_model(name, **options)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(
            f"{TIMM}{name} at side {shape.side}: {str(error).splitlines()[0]}; allowed: see timm.list_models()"
        ) from None


NETWORKS: dict[str, Network] = {
    "resnet8": Network(functools.partial(small_resnet, blocks=1), 4),
    "resnet20": Network(functools.partial(small_resnet, blocks=3), 4),
    "resnet18": Network(resnet18, 8),
    "densenet121": Network(densenet121, 8),
    "vgg19-bn": Network(vgg19_bn, 32),
    "vit-s": Network(functools.partial(vit, layers=12, heads=6, width=384), 8),
    "vit-xs": Network(
        functools.partial(vit, layers=4, heads=4, width=64, patches=4), 4
    ),  # ours, for CPUs
    "convnext-t": Network(convnext_t, 16),
    "swin-t": Network(swin_t, 16),
}


def _initialise(module: nn.Module) -> nn.Module:
    """He's normal weights in a convolution, and no bias; anything else is left as it is."""
    from torch import nn

    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    return module


def _patches(stem: nn.Conv2d) -> nn.Conv2d:
    """The patch embedding of ConvNeXt and Swin as a truncated normal of 0.02."""
    from torch import nn

    nn.init.trunc_normal_(stem.weight, std=0.02)
    nn.init.zeros_(stem.bias)
    return stem
