"""Predict the early phase of training in closed form.

While all logits are small, sigmoid(-y f) = 1/2, and the alignment c = <w_j, v> of one neuron with
a feature, which example i carries with strength s_i (0 if absent), follows gradient flow by itself:

    c' = Σ_i (m_i/N') (1/2) y_i d/dc σ(y_i s_i c) = a c^{q-1},
    a = (q/2) Σ_i (m_i/N') s_i^q,   c > 0,

where a rectified neuron sees only the examples of label +1. Amplifying every slow example by k
turns n into N' = n (α + k(1-α)) in expectation. The fast feature has s = β_e on n α examples, the
slow one s = β_d on all N' (φ β_d on variants of fidelity φ). Hence
a_e = (q/2) β_e^q α/(α + k(1-α)), and a_d = (q/2) β_d^q at φ = 1.
"""

from __future__ import annotations

import math

from theory.config import Distribution, Method, Network


def speed_ratio(
    distribution: Distribution, k: float, power: int = 3, fidelity: float = 1.0
) -> float:
    """Return the ratio of the early learning speeds of the fast and the slow feature, R(k).

        R(k) = a_e/a_d = α / (α + (1-α)(1 + (k-1) φ^q)) (β_e/β_d)^q,

    at φ = 1 equal to α/(α + k(1-α)) (β_e/β_d)^q. Slow examples count k >= 1 times, or are joined
    by k-1 variants of fidelity φ in [0, 1].
    """
    alpha = distribution.alpha
    strength = (distribution.beta_e / distribution.beta_d) ** power
    return alpha / (alpha + (1 - alpha) * (1 + (k - 1) * fidelity**power)) * strength


def balancing_factor(distribution: Distribution, power: int = 3) -> float:
    """Return the factor k* = α ((β_e/β_d)^q - 1)/(1-α), at which R(k*) = 1.

    It is infinite at α = 1, where no example is slow.
    """
    alpha = distribution.alpha
    strength = (distribution.beta_e / distribution.beta_d) ** power
    return math.inf if alpha == 1 else alpha * (strength - 1) / (1 - alpha)


def growth_rate(start: float, end: float, time: float, power: int = 3) -> float:
    """Return the rate a with which c' = a c^{q-1} goes from ``start`` to ``end`` in ``time``.

    Integration gives (c(0)^{2-q} - c(t)^{2-q}) / ((q-2) t): for the cubic (1/c(0) - 1/c(t))/t, and
    for q = 2 log(c(t)/c(0))/t. ``start``, ``end`` and ``time`` are > 0.
    """
    if power == 2:
        return math.log(end / start) / time
    return (start ** (2 - power) - end ** (2 - power)) / ((power - 2) * time)


def noise_alignment_ratio(slow_fraction: float, k: float, scale: float) -> float:
    """Return NoiseAlign of variants over that of copies, at initialisation and for the cubic.

        NoiseAlign(variants)/NoiseAlign(copies) = (α + (1-α)(1 + (k-1)s⁴)) / (α + (1-α)k²)

    NoiseAlign is the mean over entries (neuron j, example l, each copy an entry) with y_l c_jl > 0
    of the rate at which y_l c_jl grows,

        y_l <-∂L/∂w_j, ξ_l> = (3/2N') [m_l c_jl² |ξ_l|² + Σ_{i≠l} m_i y_i y_l c_ji² <ξ_i, ξ_l>],

    with sigmoid(-yf) = 1/2. Over the initial weights, E c_jl² |ξ_l|² = σ_0² |ξ_l|⁴ for either sign
    of c_jl. On a variant this is s⁴ times the value of its original; on each of k copies it is the
    value of the original, times m_l = k. The second term has mean 0 between examples of independent
    labels, and also between an original and its variants, for κ = 0:
    E c_ji² <ξ_i, ξ_l> = c_jl E c_ji³ / |w_j|² = 0. So it adds only fluctuations, of relative size
    sqrt(N'/d) for one entry and less for the mean. Two approximations remain: the sigmoid, off by
    O(J σ_0³), and |ξ|² near σ_p², d >> 1. The ratio is below 1 exactly when s⁴ < k+1.

    slow_fraction: 1-α, [0, 1]. k: >= 1. scale: s >= 0, the relative size of a variant's noise.
    """
    return (1 + slow_fraction * (k - 1) * scale**4) / (1 + slow_fraction * (k**2 - 1))


def shared_noise(slow_fraction: float, k: float, n: int, batch: float) -> float:
    """Return (Var_U - Var_G)/V: how much more mini-batch gradients vary on copies than on variants.

        (Var_U - Var_G)/V = (1 - 1/B) k(k-1)(1-α) / ((α + k(1-α))² n)

    holds for variants with κ = 0, φ = s = 1. The gradient g of a mini-batch of B draws with
    replacement has, at weights that do not depend on the data,

        tr Var g = (1/B) tr Var g_1 + (1 - 1/B) tr Cov(g_1, g_2)

    over data and draws. One draw has the same law under copies (U) and variants (G). Given the
    labels, two draws covary through noise only if they share it: with probability
    Σ_i (m_i/N')² = (α + (1-α)k²)/(N' (α + k(1-α))) under U and 1/N' under G, a difference of
    n(1-α) k(k-1)/N'², all of it on slow examples. V is the trace of the variance of one slow
    example's gradient given its label. With 1-α the fraction drawn, nothing is approximate.

    slow_fraction: [0, 1]. k: >= 1. n: number of originals, >= 1. batch: B >= 1; infinite for the
    full batch.
    """
    return (1 - 1 / batch) * k * (k - 1) * slow_fraction / ((1 + (k - 1) * slow_fraction) ** 2 * n)


def slow_gradient_variance(distribution: Distribution, network: Network) -> float:
    """Return V at initialisation: the variance of one slow example's gradient given its label.

    For the cubic and one noise patch, with D = d-2,

        V = E Σ_j |(3/2) c_j² ξ|² = (27/4) J σ_0⁴ σ_p⁶ D(D+2)(D+4)/d³.

    For fixed w of length |w| and ξ = σ_p/√d x, x standard normal in D dimensions, with z the
    coordinate along w, E <w,ξ>⁴ |ξ|² = (σ_p²/d)³ |w|⁴ E z⁴(z² + χ²_{D-1}) = 3(D+4) (σ_p²/d)³ |w|⁴,
    and E |w|⁴ = σ_0⁴ D(D+2). The mean of c² ξ is 0 by symmetry, and the gradient along the features
    does not depend on the noise; both hold while sigmoid(-yf) = 1/2.

    Raises ValueError for another activation or more noise patches.
    """
    if network.power != 3 or network.rectified or distribution.noise_patches != 1:
        raise ValueError(
            "the variance is known in closed form for the cubic and one noise patch; "
            "use power 3, noise_patches 1"
        )
    d = distribution.d
    D = d - 2
    scales = 27 / 4 * network.J * network.sigma_0**4 * distribution.sigma_p**6
    return scales * D * (D + 2) * (D + 4) / d**3


def growth_rates(
    distribution: Distribution, network: Network, method: Method, slow_fraction: float | None = None
) -> tuple[float, float]:
    """Return the rates a_e and a_d of c' = a c^{q-1}, in expectation over the examples drawn.

    Let each original be joined by ν_e (with the fast feature) or ν_d (without) variants of fidelity
    φ: ν = (0, k-1) for tada, (k-1, k-1) for syn-all, (k-1)(1-α) each for syn-rand; copies are
    variants of fidelity 1. A variant adds φ^q of its original's pull, and 1 to
    N' = n(α(1+ν_e) + (1-α)(1+ν_d)). Of the variants of a fast example a share θ + (1-θ)α has the
    fast feature, of those of a slow one (1-θ)α. With A = α(1 + ν_e φ^q) and
    D = (1-α)(1 + ν_d φ^q), and with A' = α(1 + ν_e φ^q (θ + (1-θ)α)) + (1-α) ν_d φ^q (1-θ)α,

        a_e = (q/2) β_e^q A' n/N',   a_d = (q/2) β_d^q (A + D) n/N',

    and half of it if rectified, where only label +1 is seen. a_e/a_d of copies and tada is
    ``speed_ratio``.

    slow_fraction: the fraction of slow examples actually drawn, [0, 1]; None: 1-α.
    """
    q = network.power
    alpha = distribution.alpha if slow_fraction is None else 1 - slow_fraction
    present = distribution.alpha
    extra = method.k - 1
    on_fast, on_slow = {
        "original": (0.0, 0.0),
        "useful": (0.0, extra),
        "tada": (0.0, extra),
        "syn-all": (extra, extra),
        "syn-rand": (extra * (1 - alpha), extra * (1 - alpha)),
    }[method.name]
    kept = 1.0 if method.name == "useful" else method.fidelity**q
    total = alpha * (1 + on_fast) + (1 - alpha) * (1 + on_slow)  # N'/n
    fast = alpha * (1 + on_fast * kept)
    slow = (1 - alpha) * (1 + on_slow * kept)
    scale = q / (4 if network.rectified else 2) / total
    # variants that do not follow their original have the fast feature as often as an example has
    strays = 0.0 if method.name == "useful" else (1 - method.targeting) * kept
    moved = strays * ((1 - alpha) * on_slow * present - alpha * on_fast * (1 - present))
    drive = scale * distribution.beta_e**q * (fast + moved)
    return drive, scale * distribution.beta_d**q * (fast + slow)


def early_alignment(start: float, rate: float, time: float, power: int = 3) -> float:
    """Return c(t) of c' = a c^{q-1} from c(0) = ``start`` > 0, after ``time`` t >= 0.

    Integration gives c(t) = (c(0)^{2-q} - (q-2) a t)^{-1/(q-2)}, for the cubic
    c(0)/(1 - a c(0) t), and for q = 2 c(0) exp(a t). For q > 2 it grows without bound in finite
    time; from then on the result is infinite. time: step size times steps. rate: a >= 0.
    """
    if power == 2:
        return start * math.exp(rate * time)
    remaining = start ** (2 - power) - (power - 2) * rate * time
    return remaining ** (-1 / (power - 2)) if remaining > 0 else math.inf


def early_time(start: float, end: float, rate: float, power: int = 3) -> float:
    """Return the time at which c' = a c^{q-1} from ``start`` > 0 reaches ``end`` >= ``start``.

    It is infinite at a = ``rate`` = 0. Time and rate enter only by their product, so that the time
    at rate 1 is ``growth_rate(start, end, 1)``.
    """
    return growth_rate(start, end, 1.0, power) / rate if rate > 0 else math.inf
