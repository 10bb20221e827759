"""Train a classifier on images and variants of the slow ones: own_training.py and five lines.

    python examples/own_dataset.py FOLDER

FOLDER holds train/CLASS/* and val/CLASS/*. The model's own outputs select after a few epochs.
"""

import sys
from pathlib import Path

import torch
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder
from torchvision.models import resnet18
from torchvision.transforms import v2

from empirical.own_images import augment_dataset

folder = Path(sys.argv[1])
epochs = int(sys.argv[2]) if len(sys.argv) > 2 else 20
early = 4  # epochs after which the training error still falls
size = 64
plain = [v2.ToImage(), v2.Resize((size, size)), v2.ToDtype(torch.float32, scale=True)]
evaluate = v2.Compose([*plain, v2.Normalize([0.5] * 3, [0.5] * 3)])
train = v2.Compose([v2.RandomHorizontalFlip(), evaluate])


@torch.no_grad()
def outputs_of(model, dataset):
    """Return the model's outputs (n, classes) on a data set, and the labels (n,)."""
    model.eval()
    batches = [(model(x), y) for x, y in DataLoader(dataset, batch_size=100)]
    model.train()
    return (torch.cat(parts) for parts in zip(*batches, strict=True))


torch.manual_seed(0)
train_set = ImageFolder(folder / "train", train)
val_set = ImageFolder(folder / "val", evaluate)
model = resnet18(num_classes=len(train_set.classes))
optimiser = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9, weight_decay=5e-4)
for epoch in range(epochs):
    if epoch == early:
        outputs, _ = outputs_of(model, ImageFolder(folder / "train", evaluate))
        train_set = augment_dataset(train_set, outputs)
    for images, labels in DataLoader(train_set, batch_size=32, shuffle=True, drop_last=True):
        loss = torch.nn.functional.cross_entropy(model(images), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    outputs, labels = outputs_of(model, val_set)
    accuracy = (outputs.argmax(1) == labels).float().mean()
    print(f"epoch {epoch + 1}: {len(train_set)} images, validation accuracy {accuracy:.1%}")
