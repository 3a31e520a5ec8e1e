"""Whether samples lie where real images are, and reach all of them: precision, recall, density, coverage.

Kynkäänniemi et al., arXiv 1904.06991, and Naeem et al., arXiv 2002.09797. A ball around each row reaches its k-th
nearest neighbour in its own set.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

K = 5
"""Neighbours, as Naeem et al. advise."""


class Manifolds(NamedTuple):
    """Two sets of points compared by their neighbourhoods."""

    precision: float
    """Share of samples inside any real ball: are they like real images?"""
    recall: float
    """Share of real images inside any sample's ball: are all kinds reached?"""
    density: float
    """Real balls around a sample, over k: as precision, but an outlier's huge ball counts little. May exceed 1."""
    coverage: float
    """Share of real balls that hold a sample."""


def compare(samples: np.ndarray, real: np.ndarray, k: int = K) -> Manifolds:
    """A point on a ball's surface counts as inside."""
    x, y = (torch.from_numpy(z).double() for z in (real, samples))
    across = torch.cdist(x, y)
    inside_real = across <= radius(x, k)[:, None]
    return Manifolds(
        precision=float(inside_real.any(0).double().mean()),
        recall=float((across <= radius(y, k)).any(1).double().mean()),
        density=float(inside_real.double().sum(0).mean() / k),
        coverage=float(inside_real.any(1).double().mean()),
    )


def radius(x: torch.Tensor, k: int) -> torch.Tensor:
    """Distance of each row to its k-th neighbour; the nearest row is itself."""
    return torch.cdist(x, x).kthvalue(k + 1).values
