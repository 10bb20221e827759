"""Names, colours and markers of methods, budgets, networks and data sets: each defined once."""

from __future__ import annotations

import dataclasses

INK, GREY, LIGHT = "#222222", "#777777", "#d9d9d9"


FAST, SLOW = (
    "#0072B2",
    "#D55E00",
)  # the fast- and the slow-learnable feature, or fast and slow examples, wherever they appear


@dataclasses.dataclass(frozen=True)
class Look:
    """How a method appears everywhere. A dashed line is drawn on top, so that of two equal curves both are seen."""

    label: str
    colour: str
    marker: str
    line: str = "-"


METHODS = {
    "original": Look("Original", INK, "o"),
    "sam": Look("SAM", "#0072B2", "s"),
    "useful": Look("USEFUL", "#E69F00", "^", "--"),
    "tada": Look("TADA", "#009E73", "D"),
    "syn-all": Look("Syn-all", "#CC79A7", "v", "--"),
    "syn-rand": Look("Syn-rand", "#56B4E9", "P", "--"),
}


def look(label: str) -> Look:
    """The look of a run's label, such as ``tada-5``: TADA(5) in TADA's colour."""
    name, _, k = label.rpartition("-")
    if name in METHODS and k.isdigit():
        return dataclasses.replace(METHODS[name], label=f"{METHODS[name].label}({k})")
    return METHODS[label]


def name_of(label: str) -> str:
    """``TADA(5)``; Original that was given more steps is Original (longer)."""
    return "Original (longer)" if longer(label) else look(label).label


def look_of(label: str) -> Look:
    return look(label.removesuffix("-longer"))


BUDGETS = (
    ("steps", "equal steps, SGD"),
    ("epochs", "equal epochs, SGD"),
    ("sam", "equal steps, SAM"),
    ("sam-epochs", "equal epochs, SAM"),
)


TITLES = dict(BUDGETS)


DATA = {"cifar10": "CIFAR-10", "cifar100": "CIFAR-100", "tiny-imagenet": "TinyImageNet"}


NETWORKS = {
    "resnet8": "ResNet-8",
    "resnet20": "ResNet-20",
    "resnet18": "ResNet18",
    "vit-xs": "ViT-XS",
    "vit-s": "ViT-S",
    "densenet121": "DenseNet121",
    "vgg19-bn": "VGG19",
    "convnext-t": "ConvNeXt-T",
    "swin-t": "Swin-T",
}


AUGMENTS = {
    "none": "no augmentation",
    "crop-flip": "crop, flip",
    "crop-flip-trivial": "crop, flip, Trivial",
}


def longer(label: str) -> bool:
    """Whether a method's label is that of Original given another method's steps."""
    return label.endswith("-longer")
