"""Define the names, colours and markers of methods, budgets, networks, data sets and rules once."""

from __future__ import annotations

import dataclasses

INK = "#222222"
GREY = "#777777"
LIGHT = "#d9d9d9"

# The fast and the slow feature, and fast and slow examples, in every figure.
FAST = "#0072B2"
SLOW = "#D55E00"


@dataclasses.dataclass(frozen=True)
class MethodStyle:
    """Label, colour, marker and line style of a method.

    Dashed lines are drawn on top of solid ones, so that both of two equal curves are visible.
    """

    label: str
    colour: str
    marker: str
    line: str = "-"


METHODS = {
    "original": MethodStyle("Original", INK, "o"),
    "sam": MethodStyle("SAM", "#0072B2", "s"),
    "useful": MethodStyle("USEFUL", "#E69F00", "^", "--"),
    "reweighted": MethodStyle("reweighted", "#D55E00", "<", ":"),
    "tada": MethodStyle("TADA", "#009E73", "D"),
    "syn-all": MethodStyle("Syn-all", "#CC79A7", "v", "--"),
    "syn-rand": MethodStyle("Syn-rand", "#56B4E9", "P", "--"),
    "random-copies": MethodStyle("random copies", "#994F00", ">", ":"),  # USEFUL at random
    # as many variants as TADA, of random images, or of those that are slow in truth
    "random": MethodStyle("random", "#56B4E9", "P", "--"),
    "truth": MethodStyle("true slow", "#004D40", "X", ":"),
}

# What a method adds for every slow example.
ADDED = {"useful": "copies", "tada": "variants"}

# Colours of the factor k where a figure has one curve for each k.
FACTOR_COLOURS = {2: "#56B4E9", 3: "#0072B2", 5: "#CC79A7", 8: "#D55E00"}

# Selection rules, drawn like methods.
RULES = {
    "cluster": MethodStyle("clusters", "#009E73", "D"),
    "high-loss": MethodStyle("high loss", "#D55E00", "s", "--"),
    "misclassified": MethodStyle("misclassified", "#0072B2", "^", ":"),
}

# Budgets under which image runs are compared.
BUDGETS = {
    "steps": "equal steps, SGD",
    "epochs": "equal epochs, SGD",
    "sam": "equal steps, SAM",
    "sam-epochs": "equal epochs, SAM",
}
SAM_BUDGETS = {"steps": "sam", "epochs": "sam-epochs"}  # budget with SGD -> the same with SAM

DATA_SETS = {"cifar10": "CIFAR-10", "cifar100": "CIFAR-100", "tiny-imagenet": "TinyImageNet"}
SHORT_DATA_SETS = {  # shorter names of data sets with their scales
    "noisy-digits with pattern, ideal generator": "ideal, pattern",
    "noisy-digits, ideal generator": "ideal, no pattern",
    "CIFAR-10 with pattern, ideal generator": "ideal, CIFAR-10",
    "CIFAR-10 (reduced)": "CIFAR-10, reduced",
    "CIFAR-10 (reduced, crop and flip)": "crop and flip",
}

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

OPTIMISERS = {"sgd": "SGD", "adamw": "AdamW"}

# Random augmentation in training: short names for axes, longer ones for the report's text.
AUGMENTATIONS = {
    "none": "no augmentation",
    "crop-flip": "crop, flip",
    "crop-flip-trivial": "crop, flip, Trivial",
}
AUGMENTATIONS_IN_TEXT = {
    "none": "no augmentation",
    "crop-flip": "crop and flip",
    "crop-flip-trivial": "crop, flip, TrivialAugment",
}


def is_longer(label: str) -> bool:
    """Return whether a label is that of Original with the number of steps of another method."""
    return label.endswith("-longer")


def method_style(label: str) -> MethodStyle:
    """Return the style of a run's label: ``tada-5`` is TADA(5) in the colour of TADA.

    ``original-longer`` has the style of Original. Raise KeyError for an unknown label.
    """
    label = label.removesuffix("-longer")
    name, _, k = label.rpartition("-")
    if name in METHODS and k.isdigit():
        return dataclasses.replace(METHODS[name], label=f"{METHODS[name].label}({k})")
    return METHODS[label]


def method_name(label: str) -> str:
    """Return the name of a run's label: ``TADA(5)``, or ``Original (longer)`` with more steps."""
    return "Original (longer)" if is_longer(label) else method_style(label).label
