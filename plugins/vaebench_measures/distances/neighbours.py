"""Measures of how well samples resemble and cover real images: precision, recall, density and coverage.

Kynkäänniemi et al., arXiv 1904.06991, and Naeem et al., arXiv 2002.09797. Each image is the centre of a ball in
feature space that extends to its k-th nearest neighbour in the same set.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

K = 5
"""The number of neighbours, as recommended by Naeem et al."""


class Manifolds(NamedTuple):
    """The results of comparing two sets of points by their neighbourhoods."""

    precision: float
    """Share of samples inside the ball of any real image: do samples look like real images?"""
    recall: float
    """Share of real images inside the ball of any sample: are all kinds of images generated?"""
    density: float
    """Mean number of real images' balls that contain a sample, divided by k: like precision, but the huge ball of an
    outlier counts little. May exceed 1."""
    coverage: float
    """Share of real images whose ball contains a sample."""


def compare(samples: np.ndarray, real: np.ndarray, k: int = K) -> Manifolds:
    """Return the four measures. A point on a ball's surface counts as inside."""
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
    """Return the distance of each row to its k-th neighbour; the row itself does not count."""
    return torch.cdist(x, x).kthvalue(k + 1).values
