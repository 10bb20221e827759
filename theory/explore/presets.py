"""Define a setting of the two sides for each claim, with what to look at.

Each shows one seed: "New data" tells how typical it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from theory.explore.fields import DEFAULTS, State


@dataclass(frozen=True)
class Preset:
    """A setting of the two sides; changes: the values that differ from the defaults."""

    title: str
    look: str
    changes: State = field(default_factory=dict)

    @property
    def state(self) -> State:
        """The values of all fields."""
        return DEFAULTS | self.changes


def _sides(a: State, b: State, **shared: float) -> State:
    return {
        **shared,
        **{f"a.{name}": value for name, value in a.items()},
        **{f"b.{name}": value for name, value in b.items()},
    }


USEFUL, TADA = {"method": "useful", "k": 5}, {"method": "tada", "k": 5}

PRESETS = {
    "start": Preset(
        "Start",
        "A trains on the data as they are, B adds variants of the slow examples: A memorises the "
        "noise of its slow examples, B learns the slow feature. One seed is one story: press New "
        "data to see how much they differ.",
    ),
    "T1": Preset(
        "T1 evenness",
        "Amplifying slow examples evens out learning: on A the fast feature is 6 times as fast "
        "as the slow one, on B, at the balancing k* = 28, they rise together. Move k of B and "
        "compare the speed ratio with its closed form.",
        _sides({}, {"method": "useful", "k": 28}, seed=4),
    ),
    "T2": Preset(
        "T2 SAM",
        "SAM (B) slows down whatever grows fast, and so learns the features more evenly and "
        "memorises less noise than GD (A): compare the speed ratios, and the noise on slow "
        "examples. ρ is SAM's radius.",
        _sides({}, {"method": "original", "optimiser": "sam"}),
    ),
    "T3": Preset(
        "T3 noise",
        "Copies (A) and variants (B) of the same slow examples: both speed up the slow feature "
        "alike, but copies repeat their noise, and it is memorised. Raise s of B (under more) "
        "beyond s⁴ = k+1, and the closed form of the noise alignment exceeds 1.",
        _sides(USEFUL, TADA),
    ),
    "T4": Preset(
        "T4 variance",
        "Mini-batches of 5 on copies (A) and variants (B): draws that hit copies share their "
        "noise, so that gradients vary more on A. The last line of the table says by how much, "
        "in closed form: raise k, n or the batch size and follow it.",
        _sides({**USEFUL, "k": 8}, {**TADA, "k": 8}, batch=5),
    ),
    "T5": Preset(
        "T5 SGD",
        "Mini-batch SGD needs fewer steps to 5% test error on variants (B) than on copies (A). "
        "Empty the batch size (under more) and the gap hardly shrinks: most of it is not due to "
        "the variance of mini-batches.",
        _sides(USEFUL, TADA, batch=10),
    ),
    "T6": Preset(
        "T6 error",
        "Test error: all of the difference lies on examples without the fast feature. Let A be "
        "useful, and little changes.",
        _sides({}, {**TADA, "k": 3}, seed=6),
    ),
    "T7": Preset(
        "T7 factor",
        "k = 8 for copies (A) and for variants (B). Move both k down to 2 and up again: copies "
        "gain next to nothing, variants go on gaining.",
        _sides({**USEFUL, "k": 8}, {**TADA, "k": 8}, seed=7),
    ),
    "T8": Preset(
        "T8 strength",
        "Variants at strength t = 0.3 (A) keep the features, but much of the noise too; at 0.9 "
        "(B) most of the noise is new, but the features are nearly gone, and they help less than "
        "none. Move t on both sides.",
        _sides({**TADA, "k": 3, "strength": 0.3}, {**TADA, "k": 3, "strength": 0.9}),
    ),
}
