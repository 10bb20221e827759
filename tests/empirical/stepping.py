"""Step a small network with an optimiser of given settings."""

import dataclasses

import torch
from torch import nn
from torch.nn import functional as F

from empirical.config import Training
from empirical.runtime.seeding import construction
from empirical.training import optimisers

SETTINGS = Training(optimiser="sam", lr=0.1, momentum=0.9, weight_decay=5e-4, rho=0.2)
ALL = ("sgd", "sam", "asam", "adamw", "sam-adamw", "asam-adamw")


def network(norm=False):
    layers = [nn.Linear(6, 8), *([nn.BatchNorm1d(8)] if norm else []), nn.Tanh(), nn.Linear(8, 3)]
    with construction(0, "test"):
        built = nn.Sequential(*layers).double()
        for parameter in built.parameters():
            nn.init.normal_(parameter, std=0.5)
    return built


def closure_of(model, base, x, y):
    def closure():
        base.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        return loss.detach()

    return closure


def settings(optimiser, **more):
    return dataclasses.replace(SETTINGS, optimiser=optimiser, eta=0.1, weight_decay=0.05, **more)


def run(model, config, problem, steps, stepper=None):
    stepper, base = stepper or optimisers.build(model, config)
    for _ in range(steps):
        stepper.step(closure_of(model, base, *problem))
    return stepper, base


def equal(a, b):
    return all(
        torch.equal(x, y)
        for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True)
    )


class Spy:
    """A closure that keeps the weights, as one vector, each time it is called."""

    def __init__(self, model, closure):
        self.model = model
        self.closure = closure
        self.seen = []

    def __call__(self):
        self.seen.append(torch.cat([p.detach().flatten() for p in self.model.parameters()]))
        return self.closure()
