"""Named settings at full scale: the paper's, our own for AdamW, and the steps of the variants."""

from __future__ import annotations

from dataclasses import replace

from empirical.config import Training, Variants

# Nguyen et al., arXiv 2505.21574: 200 epochs, batches of 128, SGD with learning rate 0.1, momentum
# 0.9 and weight decay 5e-4, the rate divided by 10 at epochs 100 and 150, crop and flip
PAPER_SGD = Training(
    network="resnet18",
    optimiser="sgd",
    steps=None,
    epochs=200,
    batch=128,
    lr=0.1,
    augment="crop-flip",
)
PAPER_SAM = replace(PAPER_SGD, optimiser="sam", rho=0.1)
PAPER_SAM_CIFAR100 = replace(PAPER_SAM, rho=0.2)

# Kwon et al. 2021: ASAM's radius is relative to the weights; 0.5 on CIFAR-10, 1.0 on CIFAR-100
ASAM = replace(PAPER_SGD, optimiser="asam", rho=0.5, eta=0.01)

# Our own, after Lee et al. 2021 (arXiv 2112.13492) and Liu et al. 2021, 2022: transformers and
# ConvNeXt need it to train from scratch
ADAMW = replace(
    PAPER_SGD,
    optimiser="adamw",
    lr=1e-3,
    weight_decay=0.05,
    schedule="cosine",
    warmup=0.05,
    label_smoothing=0.1,
    augment="crop-flip-trivial",
)

RECIPES: dict[str, Training] = {
    "paper-sgd": PAPER_SGD,
    "paper-sam": PAPER_SAM,
    "paper-sam-cifar100": PAPER_SAM_CIFAR100,
    "asam": ASAM,
    "asam-cifar100": replace(ASAM, rho=1.0),
    "vit-s-adamw": replace(ADAMW, network="vit-s"),
    "swin-t-adamw": replace(ADAMW, network="swin-t"),
    "convnext-t-adamw": replace(ADAMW, network="convnext-t"),
}

# The paper's grid, of which 50 steps are run
PAPER_STEPS = Variants(num_inference_steps=100, sampler="ddim")

# Chosen by tests/benchmarks/sampling.py: as near to the exact variants and as sharp as DDIM on the
# grid of 100 steps, with a quarter of the steps
FEW_STEPS = Variants(num_inference_steps=25, sampler="dpm-solver")
