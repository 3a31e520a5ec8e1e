"""Maximum mean discrepancy between codes and random draws from N(0, I), with an inverse multiquadratic kernel.

k(a, b) = sum_s C_s / (C_s + |a - b|^2),    C_s = 2 d s,    s in .1, .2, .5, 1, 2, 5, 10
MMD     = E k(z, z') - 2 E k(z, p) + E k(p, p'),    unbiased: pairs of a code with itself are left out

As in Tolstikhin et al., "Wasserstein Auto-Encoders", arXiv 1711.01558, and its authors' code.
"""

from __future__ import annotations

import torch
from torch import Tensor

SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


def kernel(a: Tensor, b: Tensor) -> Tensor:
    """Return k of every pair of rows, (rows of a, rows of b)."""
    squares = (a[:, None] - b[None]).square().sum(2)
    return sum(c / (c + squares) for c in (2 * a.shape[1] * scale for scale in SCALES))


def discrepancy(z: Tensor, drawn: Tensor) -> Tensor:
    """Return each code's contribution to the discrepancy; the mean of all contributions is MMD."""
    z, drawn = z.float(), drawn.float()
    return others(kernel(z, z)) - 2 * kernel(z, drawn).mean(1) + others(kernel(drawn, drawn))


def others(pairs: Tensor) -> Tensor:
    """Return the mean of each row without its diagonal element."""
    return (pairs.sum(1) - pairs.diagonal()) / max(1, len(pairs) - 1)


def against_normal(z: Tensor) -> Tensor:
    """Return each code's contribution to the discrepancy between the codes and equally many draws from N(0, I)."""
    return discrepancy(z, torch.randn_like(z))
