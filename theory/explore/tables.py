"""Make the tables that the page's engine needs: numpy's ziggurats, and a series for erfc.

numpy computes the tables of its ziggurat samplers nowhere: they are constants in its source,
rounded by the machine that made them. They are read off the samplers here: with a state of PCG64
that is followed by chosen bits, a sampler shows every entry.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.polynomial import chebyshev
from scipy.special import erfcx

MULTIPLIER = 0x2360ED051FC65DA44385DF649FCCF645  # of PCG64
INVERSE = pow(MULTIPLIER, -1, 2**128)
STRIPS = 256
NORMAL_END = 3.6541528853610087963519472518  # where the tail of the normal begins
NORMAL_INVERSE = 0.27366123732975827203338247596  # its inverse
EXPONENTIAL_END = 7.69711747013104972

Table = dict[str, Any]  # lists of numbers, and a few numbers


def erfc_series() -> list[float]:
    """Return Chebyshev coefficients of p on [-1, 1], with erfc(z) = t exp(-z² + p(2t - 1)).

    z >= 0 and t = 2/(2 + z). The relative error of erfc is below 1e-13.
    """

    def p(x: Any) -> Any:
        t = np.maximum((x + 1) / 2, 1e-300)
        z = 2 / t - 2
        return np.log(erfcx(z) / t)

    return chebyshev.chebinterpolate(p, 30).tolist()


def ziggurats() -> dict[str, Table]:
    """Return the tables of both samplers: by strip ``ki``, ``wi`` and ``fi``, and the tail ``r``.

    A place below ki in its strip is accepted at once; wi is the width of one place; fi is the
    density at the strip's edge.
    """
    generator = np.random.Generator(np.random.PCG64(0))
    normal = _table(generator.standard_normal, generator, 9, 0, 52)
    exponential = _table(generator.standard_exponential, generator, 11, 3, 53)
    normal |= {
        "fi": _densities(normal["wi"], lambda place: math.exp(-0.5 * (place * 2**52) ** 2)),
        "r": NORMAL_END,
        "inverse": NORMAL_INVERSE,
    }
    exponential |= {
        "fi": _densities(exponential["wi"], lambda place: math.exp(-place * 2**53)),
        "r": EXPONENTIAL_END,
    }
    return {"normal": normal, "exponential": exponential}


def _densities(widths: list, density: Callable[[float], float]) -> list[float]:
    return [1.0, *(density(width) for width in widths[1:])]


def _table(
    sample: Callable[[], float],
    generator: np.random.Generator,
    shift: int,
    strip_at: int,
    bits: int,
) -> Table:
    """Return ki and wi of a sampler whose 64 bits hold the strip and, ``shift`` up, the place."""

    def drawn(strip: int, place: int) -> tuple[float, bool]:
        """Return what the sampler makes of the bits, and whether it drew no further ones."""
        after = place << shift | strip << strip_at  # upper half 0: PCG64 gives out the lower half
        state = (after - 1) * INVERSE % 2**128
        generator.bit_generator.state = {
            "bit_generator": "PCG64",
            "state": {"state": state, "inc": 1},
            "has_uint32": 0,
            "uinteger": 0,
        }
        value = sample()
        return value, generator.bit_generator.state["state"]["state"] == after

    limits = []
    for strip in range(STRIPS):
        low, high = 0, 2**bits  # low: number of places known to be accepted at once
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if drawn(strip, middle)[1] else (low, middle)
        limits.append(float(low))
    return {"ki": limits, "wi": [drawn(strip, 1)[0] for strip in range(STRIPS)]}
