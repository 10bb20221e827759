"""TADA on scanned digits in one file: no cache, no records; about a minute and a half on one core.

Train early, select the slow-learnable images, make variants of them with a diffusion model, train.
The package does the same with any data set, checks every stage, and keeps what it made. One seed
decides nothing: change SEED and look again, or let the package run twenty.
"""

import numpy as np
import torch
from diffusers import DDIMScheduler, UNet2DModel
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F

STRENGTH, K, SEED = 0.5, 5, 0  # how far images are noised; a slow image appears K times

torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)
digits = load_digits()
clean = torch.tensor(digits.images, dtype=torch.float32)[:, None] / 8 - 1  # (n, 1, 8, 8), [-1, 1]
noisy = clean + 0.5 * torch.randn_like(clean)  # noise that a network may memorise
order = torch.from_numpy(rng.permutation(len(noisy)))
train, test = order[:400], order[400:]
x, y = noisy[train], torch.tensor(digits.target)[train]
x_test, y_test = noisy[test], torch.tensor(digits.target)[test]


def classifier():
    """Return a small convolutional network."""
    layers = [nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 64, 3, 2, 1), nn.ReLU()]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(64 * 16, 10))


def fit(network, images, labels, epochs, until=-1.0):
    """Train for so many epochs, or until the training error is at most ``until``."""
    optimiser = torch.optim.SGD(network.parameters(), 0.05, momentum=0.9, weight_decay=5e-4)
    for _ in range(epochs):
        for batch in torch.randperm(len(images)).split(64):
            optimiser.zero_grad()
            F.cross_entropy(network(images[batch]), labels[batch]).backward()
            optimiser.step()
        if error(network, images, labels) <= until:
            return network
    return network


@torch.no_grad()
def error(network, images, labels):
    """Return the share of images whose class the network gets wrong."""
    return (network(images).argmax(1) != labels).float().mean().item()


# 1. Early training, and 2. per class two clusters of its outputs: the one of higher loss is slow.
early = fit(classifier(), x, y, epochs=50, until=0.3)
with torch.no_grad():
    outputs, losses = early(x).softmax(1), F.cross_entropy(early(x), y, reduction="none")
slow = torch.zeros(len(x), dtype=torch.bool)
for label in range(10):
    members = (y == label).nonzero()[:, 0]
    clusters = KMeans(2, n_init=10, random_state=SEED).fit_predict(outputs[members])
    cluster = torch.from_numpy(clusters)
    means = [losses[members[cluster == c]].mean() for c in (0, 1)]
    slow[members[cluster == int(means[1] > means[0])]] = True

# 3. A class-conditional diffusion model, trained on the training images.
schedule = DDIMScheduler(
    1000, beta_schedule="squaredcos_cap_v2", clip_sample=False, prediction_type="v_prediction"
)
unet = UNet2DModel(
    sample_size=8, in_channels=1, out_channels=1, num_class_embeds=10, norm_num_groups=8,
    block_out_channels=(16, 32), layers_per_block=1,
    down_block_types=("DownBlock2D",) * 2, up_block_types=("UpBlock2D",) * 2,
)  # fmt: skip
optimiser = torch.optim.AdamW(unet.parameters(), 4e-3)
decay = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.01, total_iters=800)
for _ in range(800):
    rows, steps = torch.randint(len(x), (64,)), torch.randint(1000, (64,))
    noise = torch.randn(64, 1, 8, 8)
    found = unet(schedule.add_noise(x[rows], noise, steps), steps, class_labels=y[rows]).sample
    optimiser.zero_grad()
    F.mse_loss(found, schedule.get_velocity(x[rows], noise, steps)).backward()
    optimiser.step()
    decay.step()

# Variants: noise each slow image to half of the schedule, and denoise it.
sources, labels = x[slow].repeat(K - 1, 1, 1, 1), y[slow].repeat(K - 1)
schedule.set_timesteps(50)
steps = schedule.timesteps[round(50 * (1 - STRENGTH)) :]
variants = schedule.add_noise(sources, torch.randn_like(sources), steps[:1])
with torch.no_grad():
    for step in steps:
        variants = schedule.step(
            unet(variants, step, class_labels=labels).sample, step, variants
        ).prev_sample

# 4. Train from scratch: on the originals, with copies (USEFUL), and with variants (TADA).
print(f"{slow.float().mean():.0%} of {len(x)} images are slow; {len(variants)} variants")
for name, images in (("Original", x[:0]), ("USEFUL", sources), ("TADA", variants)):
    network = fit(classifier(), torch.cat([x, images]), torch.cat([y, labels[: len(images)]]), 40)
    print(f"{name:8s} test error {error(network, x_test, y_test):6.1%}")
