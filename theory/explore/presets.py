"""Define a setting of the two sides for each claim, with what to look at and where."""

from __future__ import annotations

from dataclasses import dataclass, field

from theory.explore.fields import DEFAULTS, State


@dataclass(frozen=True)
class Preset:
    """A setting of the two sides.

    look: what to look at. changes: the values that differ from the defaults. rows: the rows of the
    table of closed forms that bear on the claim.
    """

    title: str
    look: str
    changes: State = field(default_factory=dict)
    rows: tuple[str, ...] = ()

    @property
    def state(self) -> State:
        """The values of all fields."""
        return DEFAULTS | self.changes


def _sides(a: State, b: State, **shared: float | str | bool) -> State:
    return {
        **shared,
        **{f"a.{name}": value for name, value in a.items()},
        **{f"b.{name}": value for name, value in b.items()},
    }


ORIGINAL = {"method": "original"}
COPIES = {"method": "useful", "k": 5}
VARIANTS = {"method": "tada", "k": 5}

PRESETS = {
    "start": Preset(
        "Start",
        "A repeats each slow example (one without the fast feature) as copies, B adds variants of "
        "it with new noise. Copies repeat their noise, and the network memorises it. Variants "
        "cannot be memorised that way: the slow feature must be learned. One seed is one story: "
        "beside it stand 20.",
    ),
    "T1": Preset(
        "T1 evenness",
        "Amplifying slow examples makes both features learn at the same speed. R is the speed of "
        "the fast feature over that of the slow one: 6.4 on A, and 1 on B, at the balancing "
        "k* = 28. Beside each measured R stands its closed form.",
        _sides(
            ORIGINAL, {"method": "useful", "k": 28}, beta_d=0.5, seed=4, log_steps=True, tab="forms"
        ),
        ("R, measured", "R, closed form", "R, expected", "k*, where R = 1"),
    ),
    "T2": Preset(
        "T2 SAM",
        "SAM (B) shrinks the gradient along whatever grows fast, by a factor with a closed form. "
        "It memorises less noise of slow examples than gradient descent (A), and learns the two "
        "features more evenly.",
        _sides(ORIGINAL, {"method": "original", "optimiser": "sam"}, tab="forms"),
        (
            "SAM's factor, slow noise",
            "SAM's factor, slow noise, closed form",
            "R, measured",
            "noise, slow examples",
        ),
    ),
    "T3": Preset(
        "T3 noise",
        "At the first step, variants (B) align less with noise than copies (A), by the ratio in "
        "the map: green below 1, purple above. Fresh noise of size s helps as long as s⁴ < k+1, "
        "the line. Each cell is measured on this seed.",
        _sides(COPIES, VARIANTS, tab="map", map="tolerance"),
        ("noise alignment, B : A", "noise alignment, closed form"),
    ),
    "T4": Preset(
        "T4 variance",
        "Mini-batches of 20 on copies (A) and variants (B): draws that hit copies share their "
        "noise, so that gradients vary more on A. The table measures by how much, over many data "
        "sets, beside the closed form.",
        _sides({**COPIES, "k": 5}, {**VARIANTS, "k": 5}, batch=20, tab="forms"),
        ("variance, A − B, in V", "variance, closed form"),
    ),
    "T5": Preset(
        "T5 SGD",
        "Does SGD converge faster on variants, as its smaller variance suggests? Not here: the "
        "training loss falls sooner on copies (A), which can be memorised. Variants (B) lead only "
        "at very small losses. Empty the batch (under more), and the same happens.",
        _sides(COPIES, VARIANTS, beta_d=0.5, batch=10, steps=2000, log_values=True, tab="forms"),
        ("steps to loss 0.3", "steps to loss 0.1", "steps to loss 0.03"),
    ),
    "T6": Preset(
        "T6 error",
        "Test error of the data as they are (A) and with variants (B), over 20 seeds: all of the "
        "difference lies on examples without the fast feature. Make A useful: copies lie in "
        "between.",
        _sides(ORIGINAL, VARIANTS, tab="seeds"),
    ),
    "T7": Preset(
        "T7 factor",
        "Test error against k, for copies (A) and variants (B): copies stop helping at a small k, "
        "variants go on. The race says why: copies never add noise vectors that have to be "
        "memorised, k-1 variants do.",
        _sides(COPIES, VARIANTS, tab="map", map="factor"),
    ),
    "T8": Preset(
        "T8 strength",
        "A variant keeps κ of the noise and φ of the features. The map shows the test error of B "
        "over both. Two paths of denoising strength run through it: which strength is best depends "
        "on the path (φ = 1-t³ or 1-t⁵), not on the theory.",
        _sides(
            ORIGINAL,
            {**VARIANTS, "k": 3, "kappa": 0.84, "fidelity": 0.97},
            beta_d=0.5,
            eta=0.4,
            tab="map",
            map="landscape",
        ),
    ),
    "T9": Preset(
        "T9 race",
        "The slow feature races against the noise of the slow examples. S, known from the first "
        "weights, predicts the winner: with k variants the slow feature wins if k S > 1, with "
        "copies if S > 1. Lines show the prediction, colours what training did.",
        _sides(COPIES, VARIANTS, tab="map", map="race"),
        ("S", "k_eff S, learned if > 1", "slow feature learned, predicted step"),
    ),
}
