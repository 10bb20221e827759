"""Read how good a generator is on images whose noise is known: kappa, fidelity and fresh noise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from empirical.generation.backends.ideal import blur

if TYPE_CHECKING:
    from empirical.data.known_noise import Truth


def read_dial(made: np.ndarray, pixels: np.ndarray, truth: Truth) -> dict[str, float]:
    """Return where variants stand on the dial of the ideal generator.

    made, pixels: (n, channels, height, width), variants and their sources. truth: what the sources
    are made of. Least squares over all pixels of all images fit the formula of ``backends/ideal``,

        made - b = fidelity (x - b) + kappa xi + rest,

    x the clean source, b its blur, xi its noise. fresh_noise: s with
    rms(rest) = sqrt(1 - kappa^2) s sigma; whatever is wrong in a variant counts as fresh noise.
    correlation: of the variant's residual, made - b - fidelity (x - b), with xi.
    """
    clean = truth.clean
    blurred = blur(torch.from_numpy(clean)).numpy()
    noise = (pixels - clean).ravel().astype(np.float64)
    detail = (clean - blurred).ravel().astype(np.float64)
    target = (made - blurred).ravel().astype(np.float64)
    (fidelity, kappa), *_ = np.linalg.lstsq(np.stack([detail, noise], 1), target, rcond=None)
    residual = target - fidelity * detail
    rest = residual - kappa * noise
    spread = np.sqrt(max(1 - kappa**2, 1e-6)) * truth.noise
    return {
        "kappa": float(kappa),
        "fidelity": float(fidelity),
        "fresh_noise": float(np.sqrt(np.mean(rest**2)) / spread),
        "correlation": float(np.corrcoef(residual, noise)[0, 1]),
    }
