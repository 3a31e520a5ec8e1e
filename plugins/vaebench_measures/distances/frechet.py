"""How far apart two sets of features are by Fréchet's distance.

|m_x - m_y|^2 + tr(S_x + S_y - 2 (S_x S_y)^1/2)   of two Gaussians; biased by about 1/n
"""

from __future__ import annotations

import numpy as np
import scipy.linalg

from vaebench_measures.distances.cloud import Cloud, halving_error


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


def by_gaussians(x: Cloud, y: Cloud) -> tuple[float, float]:
    return frechet(x.rows, y.rows), float(halving_error(frechet, x, y))
