"""How far apart two sets of features are: Fréchet distance and kernel distance, each with its error.

Fréchet    |m_x - m_y|^2 + tr(S_x + S_y - 2 (S_x S_y)^1/2)              of two Gaussians; biased by about 1/n
kernel     E k(x, x') + E k(y, y') - 2 E k(x, y),   k = (x.y / d + 1)^3  unbiased, so it may be below zero
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.linalg
from numpy.typing import ArrayLike

Distance = Callable[[np.ndarray, np.ndarray], float]
"""(n, d), (m, d) -> how far apart"""

SUBSAMPLES = 20


def frechet(x: np.ndarray, y: np.ndarray) -> float:
    """Exact for any n >= 2, also below the number of features, where covariances are singular."""
    mean_x, mean_y = (z.mean(0, dtype=np.float64) for z in (x, y))
    x, y = ((z - mean) / np.sqrt(len(z) - 1) for z, mean in ((x, mean_x), (y, mean_y)))
    overlap = np.sqrt(product_spectrum(*sorted((x, y), key=len)).clip(0)).sum()
    spread = np.square(x).sum() + np.square(y).sum()
    return float(np.square(mean_x - mean_y).sum() + spread - 2 * overlap)


def product_spectrum(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The eigenvalues of (x^T x)(y^T y), as those of a symmetric matrix as small as may be; `x` has no more rows.

    With a root S = F^T F of one factor they are those of F S' F^T. LAPACK's `gv` takes Cholesky's root and keeps the
    product symmetric all the way, in two thirds of the time of its `gvd`, the default, which wants no vectors here."""
    if len(x) <= x.shape[1]:
        cross = x @ y.T
        return np.linalg.eigvalsh(cross @ cross.T)
    left, right = x.T @ x, y.T @ y
    try:
        return scipy.linalg.eigh(left, right, type=2, eigvals_only=True, driver="gv", check_finite=False)
    except np.linalg.LinAlgError:  # singular
        values, vectors = np.linalg.eigh(right)
        real = values > values[-1] * len(values) * np.finfo(np.float64).eps
        root = np.sqrt(values[real]) * vectors[:, real]
        return np.linalg.eigvalsh(root.T @ left @ root)


def kernel_distance(x: np.ndarray, y: np.ndarray) -> float:
    """Squared maximum mean discrepancy, its unbiased estimate from all pairs."""
    n, m = len(x), len(y)
    within_x, within_y = cubic(x, x), cubic(y, y)
    same_x = (within_x.sum() - np.trace(within_x)) / (n * (n - 1))
    same_y = (within_y.sum() - np.trace(within_y)) / (m * (m - 1))
    return float(same_x + same_y - 2 * cubic(x, y).mean())


def cubic(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return (x @ y.T / x.shape[1] + 1) ** 3


def halving_error(statistic: Callable[..., ArrayLike], x: np.ndarray, y: np.ndarray, seed: int = 0) -> np.ndarray:
    """Standard error of what two sets give: its deviation over random halves of both, drawn without replacement.

    A half varies about its whole as much as the whole about the truth; drawing with replacement would repeat rows,
    which distances take for structure."""
    random = np.random.default_rng(seed)

    def half(z: np.ndarray) -> np.ndarray:
        return z[random.permutation(len(z))[: len(z) // 2]]

    return np.std([statistic(half(x), half(y)) for _ in range(SUBSAMPLES)], axis=0, ddof=1)
