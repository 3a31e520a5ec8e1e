"""How far apart two sets of features are: Fréchet distance and kernel distance, each with its error.

Fréchet    |m_x - m_y|^2 + tr(S_x + S_y - 2 (S_x S_y)^1/2)              of two Gaussians; biased by about 1/n
kernel     E k(x, x') + E k(y, y') - 2 E k(x, y),   k = (x.y / d + 1)^3  unbiased, so it may be below zero
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

Distance = Callable[[np.ndarray, np.ndarray], float]
"""(n, d), (m, d) -> how far apart"""

SUBSAMPLES = 20


def frechet(x: np.ndarray, y: np.ndarray) -> float:
    """Exact for any n >= 2, also below the number of features, where covariances are singular.

    With S = F^T F of each set, the eigenvalues of S_x S_y are those of the symmetric (F_x F_y^T)(F_x F_y^T)^T."""
    (mean_x, root_x), (mean_y, root_y) = gaussian(x), gaussian(y)
    cross = root_x @ root_y.T if len(root_x) <= len(root_y) else root_y @ root_x.T
    overlap = np.sqrt(np.linalg.eigvalsh(cross @ cross.T).clip(0)).sum()
    spread = np.square(root_x).sum() + np.square(root_y).sum()
    return float(np.square(mean_x - mean_y).sum() + spread - 2 * overlap)


def gaussian(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean (d,) and a root F (rank, d) of the covariance F^T F, as small as it may be."""
    mean = x.mean(0, dtype=np.float64)
    centred = (x - mean) / np.sqrt(len(x) - 1)
    if len(x) <= x.shape[1]:
        return mean, centred
    covariance = centred.T @ centred
    try:
        return mean, np.linalg.cholesky(covariance).T
    except np.linalg.LinAlgError:
        values, vectors = np.linalg.eigh(covariance)
        real = values > values[-1] * len(values) * np.finfo(np.float64).eps
        return mean, np.sqrt(values[real])[:, None] * vectors[:, real].T


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
