"""What the early phase predicts in closed form.

While all logits are small, sigmoid(-y f) = 1/2, and the alignment c = <w_j, v> of one neuron with a feature that example i
carries with strength s_i (0 if absent) follows gradient flow on its own:

    c' = Σ_i (m_i/N') (1/2) y_i d/dc σ(y_i s_i c) = a c^{q-1},   a = (q/2) Σ_i (m_i/N') s_i^q,   c > 0,

where a rectified neuron sees the examples of label +1 alone. Amplifying every slow example by k turns n into
N' = n (α + k(1-α)) in expectation; the fast feature has s = β_e on n α examples, the slow one s = β_d on all N'
(φ β_d on variants of fidelity φ), so that a_e = (q/2) β_e^q α/(α + k(1-α)) and a_d = (q/2) β_d^q at φ = 1.
"""

from __future__ import annotations

import math

from theory.config import Distribution


def speed_ratio(distribution: Distribution, k: float, power: int = 3, fidelity: float = 1.0) -> float:
    """R(k) = a_e/a_d = α / (α + (1-α)(1 + (k-1) φ^q)) (β_e/β_d)^q, at φ = 1 α/(α + k(1-α)) (β_e/β_d)^q.

    k >= 1: slow examples count k times, or are joined by k-1 variants of fidelity φ in [0, 1].
    """
    alpha, strength = distribution.alpha, (distribution.beta_e / distribution.beta_d) ** power
    return alpha / (alpha + (1 - alpha) * (1 + (k - 1) * fidelity**power)) * strength


def balancing_factor(distribution: Distribution, power: int = 3) -> float:
    """k* = α ((β_e/β_d)^q - 1)/(1-α), where R(k*) = 1; infinite at α = 1, where there is nothing to amplify."""
    alpha, strength = distribution.alpha, (distribution.beta_e / distribution.beta_d) ** power
    return math.inf if alpha == 1 else alpha * (strength - 1) / (1 - alpha)


def growth_rate(start: float, end: float, time: float, power: int = 3) -> float:
    """The a of c' = a c^{q-1} that takes c from ``start`` > 0 to ``end`` > 0 in ``time`` > 0.

    Integrated: (c(0)^{2-q} - c(t)^{2-q}) / ((q-2) t), for the cubic (1/c(0) - 1/c(t))/t; for q = 2, log(c(t)/c(0))/t.
    """
    if power == 2:
        return math.log(end / start) / time
    return (start ** (2 - power) - end ** (2 - power)) / ((power - 2) * time)
