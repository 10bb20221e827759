"""Make synthetic records of image runs: an effect for each run, and noise for each seed."""

import numpy as np

from empirical.config import Gallery, SelectionAgreement
from empirical.experiments.registry import EXPERIMENTS
from figures.records import Record, json_value

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def none(run):
    """Return no effect, so that no run differs from another."""
    return 0.0


def records(name, effect=none, noise=0.001, seeds=8, **metrics):
    """Return records of all runs of a named experiment.

    The test error is 0.4 plus a term of the seed, ``effect(run)`` and noise.
    metrics: ``gap``: function of the run for the learning gap; ``slow``: the slow fraction;
    ``trained``: function of the run for the training error at the end.
    """
    found = []
    runs = [(run, json_value(run)) for run in EXPERIMENTS[name]().runs]
    for seed in range(seeds):
        for place, (run, config) in enumerate(runs):
            rng = np.random.default_rng([seed, place])
            if isinstance(run, Gallery):
                found.append(sheet(run, rng))
            elif isinstance(run, SelectionAgreement):
                found.append(stability(run))
            else:
                found.append(record(run, config, seed, effect(run), noise * rng.normal(), metrics))
    return found


def record(run, config, seed, effect, noise, metrics):
    error, checks = 0.4 + 0.02 * np.sin(seed) + effect + noise, 20
    train = run.data.train or 2000
    slow = round(0.35 * train)
    generated = {"tada": slow * (run.method.k - 1), "syn-all": train, "syn-rand": slow}.get(
        run.method.name, 0
    )
    steps = run.training.steps or 1500 + generated // 2
    curve = np.linspace(0.7, 0, checks) * (1 + effect + noise)
    curve[-1] = metrics.get("trained", none)(run)
    gap = metrics.get("gap", none)(run) + 0.05 + 0.01 * np.cos(seed) + noise
    made = {
        "test_error": error,
        "test_error_slow": error + 0.2 + effect,
        "test_error_fast": error - 0.2 - effect / 2,
        "steps": [round(steps * (i + 1) / checks) for i in range(checks)],
        **{
            f"train_error{part}": list(factor * curve)
            for part, factor in (("", 1), ("_slow", 1.2), ("_fast", 0.9))
        },
        "forgotten_slow": 0.8 + noise,
        "forgotten_fast": 0.5 + noise,
        "learning_gap": gap,
        "slow_fraction": metrics.get("slow", 0.35) + noise,
        "slow_fraction_by_class": list(0.3 + 0.01 * np.arange(10) + noise),
        "generated": generated,
        "gradients": steps * run.training.gradients,
        "test_images": 10_000,
    }
    return Record(config, seed, json_value(made), {"seconds": 60 + steps / 100})


def sheet(run, rng):
    pixels = lambda n: np.round(rng.uniform(-1, 1, (n, 3, 16, 16)), 2)  # noqa: E731
    labels, losses = np.arange(400) % 10, rng.lognormal(0, 1, 400)
    numbers = {"alpha_bar": 0.5, "agreement": 0.6, "own_nearest": 0.7}
    counts = {"slowest": 5, "fastest": 5, "sources": 1}
    shown = {
        name: {"labels": np.repeat(np.arange(10), n), "pixels": pixels(10 * n)}
        for name, n in counts.items()
    }
    made = {
        "classes": CLASSES,
        "labels": labels,
        "losses": losses,
        "slow": (losses > 1.2).astype(int),
        **shown,
        "levels": [
            {"strength": strength, "pixels": pixels(10), **numbers} for strength in run.strengths
        ],
        "agreement_real": 0.65,
        "measured": 300,
    }
    return Record(json_value(run), 0, json_value(made), {"seconds": 60})


def stability(run):
    def pair(i, j, jaccard):
        return {
            "seeds": [i, j],
            "common": 500,
            "jaccard": jaccard,
            "jaccard_chance": 0.2,
            "kappa": 0.4,
        }

    rules = [rule.label for rule in run.selections]
    between = [
        [pair(i, j, 0.5 - 0.1 * place) for i, j in ((0, 1), (0, 2), (1, 2))]
        for place in range(len(rules))
    ]
    with_first = [[pair(i, i, 1 - 0.2 * place) for i in range(3)] for place in range(len(rules))]
    made = {
        "rules": rules,
        "between_seeds": between,
        "with_first": with_first,
        "kappa": [0.4] * len(rules),
    }
    return Record(json_value(run), 0, json_value(made), {"seconds": 2})
