"""How far apart two sets of features are by Fréchet's distance, and the error of anything that two sets give.

|m_x - m_y|^2 + tr(S_x + S_y - 2 (S_x S_y)^1/2)   of two Gaussians; biased by about 1/n
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np
import scipy.linalg
from numpy.typing import ArrayLike

SUBSAMPLES = 20


class Cloud:
    """Features of some images."""

    def __init__(self, rows: np.ndarray, groups: np.ndarray | None = None) -> None:
        self.rows = rows
        """(n, d)"""
        self.groups = groups
        """(n,) whose images they are: those of one patient are alike; None where each stands alone"""

    def take(self, index: np.ndarray) -> Cloud:
        return Cloud(self.rows[index], None if self.groups is None else self.groups[index])

    @cached_property
    def members(self) -> np.ndarray:
        """The patient of each row, by number."""
        return np.arange(len(self.rows)) if self.groups is None else np.unique(self.groups, return_inverse=True)[1]

    @property
    def patients(self) -> int:
        return int(self.members.max()) + 1


Distance = Callable[[Cloud, Cloud], tuple[float, float]]
"""How far apart, and the standard error of that."""


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


def halving_error(statistic: Callable[[np.ndarray, np.ndarray], ArrayLike], x: Cloud, y: Cloud) -> np.ndarray:
    """Standard error of what two sets give: its deviation over random halves of both, drawn without replacement.

    A half varies about its whole as much as the whole about the truth; drawing with replacement would repeat rows,
    which distances take for structure. Halves are of patients; of two sets of the same patients, of the same ones."""
    random, found = np.random.default_rng(0), []
    paired = x.groups is not None and y.groups is not None and np.array_equal(x.groups, y.groups)
    for _ in range(SUBSAMPLES):
        chosen = half(x.patients, random)
        other = chosen if paired else half(y.patients, random)
        found.append(statistic(x.rows[chosen[x.members]], y.rows[other[y.members]]))
    return np.std(found, axis=0, ddof=1)


def half(count: int, random: np.random.Generator) -> np.ndarray:
    """Which of so many are in it, bool (count,); of one, that one."""
    chosen = np.zeros(count, bool)
    chosen[random.permutation(count)[: max(1, count // 2)]] = True
    return chosen
