"""Kernel distance of two sets of features (squared maximum mean discrepancy), unbiased, for any number of rows.

    E k(x, x') + E k(y, y') - 2 E k(x, y)

    cubic       k(x, y) = (x.y / d + 1)^3             Bińkowski et al., arXiv 1801.01401 (KID)
    gaussian    k(x, y) = exp(-|x - y|^2 / 2d)        Gretton et al., JMLR 13 (2012); for whitened features

Two images of one patient are no pair: they are alike without the population being so, and counted they would add to
the distance of every model. Where each image has a patient of its own, this is the usual estimate from all pairs.

The error follows from Hoeffding's decomposition. A patient's influence on the distance gives a variance a + 2b, where
a is the part that is linear in patients and b the part of their pairs; the truth is a + b, and b is known from the
kernels centred in both directions. Near zero a vanishes: there random halves and redrawn patients show a + 3b, an error
1.7 times too wide, which is why neither is used. No error is smaller than b allows, so that at zero itself it is still
1.2 times too wide. Memory holds one kernel value for every two patients.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from vaebench_measures.distances.cloud import Cloud

Kernel = Callable[[np.ndarray, np.ndarray], np.ndarray]
BLOCK = 512
"""Rows of which kernels are computed at once."""


def cubic(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    values = x @ y.T / x.shape[1] + 1
    return values * values * values


def gaussian(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Its width needs no choice: whitened features are 2d apart on average, squared."""
    halves = x @ y.T - np.square(x).sum(1)[:, None] / 2 - np.square(y).sum(1) / 2
    return np.exp(np.minimum(halves, 0) / x.shape[1])


class Distance(NamedTuple):
    """The kernel distance of two sets."""

    value: float
    error: float
    influences: tuple[np.ndarray, np.ndarray]
    """What the distance changes by when a patient of either set counts once more; they sum to zero."""


@lru_cache(maxsize=1)
def distance(x: Cloud, y: Cloud, kernel: Kernel = cubic) -> Distance:
    """Computed once for the value, its error and its replicates."""
    (x_rows, x_sizes), (y_rows, y_sizes) = map(_by_patient, (x, y))
    inner = [_within(rows, sizes, kernel) for rows, sizes in ((x_rows, x_sizes), (y_rows, y_sizes))]
    pairs = _summed(x_rows, y_rows, x_sizes, y_sizes, kernel)
    count = x_sizes.sum() * y_sizes.sum()
    means = pairs.sum(1) / x_sizes / y_sizes.sum(), pairs.sum(0) / y_sizes / x_sizes.sum()
    across = float(pairs.sum() / count)
    influences, first = [], 0.0
    for (_, own, _), mean, sizes in zip(inner, means, (x_sizes, y_sizes), strict=True):
        influences.append(own - 2 * sizes * (mean - across) / sizes.sum())
        first += _unbiased(len(sizes)) * np.square(influences[-1]).sum()
    squares = _centred_squares(pairs, x_sizes, y_sizes, means, across)
    second = 4 * squares / count**2 * _unbiased(len(x_sizes)) * _unbiased(len(y_sizes))
    second += sum(part for _, _, part in inner)
    error = float(np.sqrt(max(first - second, second)))
    return Distance(inner[0][0] + inner[1][0] - 2 * across, error, (influences[0], influences[1]))


def by_kernel(x: Cloud, y: Cloud, kernel: Kernel = cubic) -> tuple[float, float]:
    """The distance, and its standard error."""
    found = distance(x, y, kernel)
    return found.value, found.error


def under_draws(x: Cloud, y: Cloud, draws: Iterable[np.ndarray], kernel: Kernel = cubic) -> np.ndarray:
    """The distance under draws of whole patients, given as rows of y: what their influences add up to, scaled so that
    it varies by the standard error. Samples are drawn anew for each, too: a model judged by a single seed has been
    lucky or unlucky with them, and of several seeds boards take out what one seed does not share with the next."""
    value, error, (x_influence, y_influence) = distance(x, y, kernel)
    sizes = np.bincount(y.members)
    times = np.array([np.bincount(y.members[draw], minlength=y.patients) / sizes for draw in draws])
    count = len(x_influence)
    changes = np.random.default_rng(0).multinomial(count, [1 / count] * count, len(times)) @ x_influence
    changes += times @ y_influence
    spread = np.sqrt(np.square(x_influence).sum() + np.square(y_influence).sum())
    return value + changes * (error / spread if spread > 0 else 0)


def _by_patient(cloud: Cloud) -> tuple[np.ndarray, np.ndarray]:
    """The rows, those of a patient together, and how many each has."""
    order = np.argsort(cloud.members, kind="stable")
    return cloud.rows[order], np.bincount(cloud.members).astype(np.float64)


def _within(rows: np.ndarray, sizes: np.ndarray, kernel: Kernel) -> tuple[float, np.ndarray, float]:
    """E k(x, x') over pairs of two patients, each patient's influence on it, and the variance that pairs add."""
    count, total = len(sizes), sizes.sum()
    pairs = _summed(rows, rows, sizes, sizes, kernel)
    np.fill_diagonal(pairs, 0)
    sums, weight = pairs.sum(1), total**2 - np.square(sizes).sum()
    if count < 2:
        return float("nan"), np.zeros(count), 0.0
    value = float(sums.sum() / weight)
    influence = 2 * (sums - value * sizes * (total - sizes)) / weight
    # Székely & Rizzo's U-centring makes the sum of squares unbiased where no row is paired with itself.
    mean = sums / sizes / (total - sizes) * _unbiased(count, 2) * (count - 1) / count
    squares = _centred_squares(pairs, sizes, sizes, (mean, mean), value * _unbiased(count, 2))
    squares -= np.square(sizes**2 * (2 * mean - value * _unbiased(count, 2))).sum()  # the diagonal
    return value, influence, 2 * squares / weight**2 * (count - 1) / max(1, count - 3)


def _unbiased(count: int, lost: int = 1) -> float:
    return count / max(1, count - lost)


def _summed(x: np.ndarray, y: np.ndarray, x_sizes: np.ndarray, y_sizes: np.ndarray, kernel: Kernel) -> np.ndarray:
    """Kernels of all pairs, summed over the images of two patients (patients of x, patients of y)."""
    sums, y_starts = np.empty((len(x_sizes), len(y_sizes))), _starts(y_sizes)
    for first in range(0, len(x_sizes), BLOCK):
        sizes = x_sizes[first : first + BLOCK]
        begin = int(x_sizes[:first].sum())
        values = kernel(x[begin : begin + int(sizes.sum())], y)
        values = values if len(y_starts) == len(y) else np.add.reduceat(values, y_starts, 1)
        sums[first : first + BLOCK] = np.add.reduceat(values, _starts(sizes), 0)
    return sums


def _starts(sizes: np.ndarray) -> np.ndarray:
    return (np.cumsum(sizes) - sizes).astype(int)


def _centred_squares(
    pairs: np.ndarray, x_sizes: np.ndarray, y_sizes: np.ndarray, means: tuple[np.ndarray, np.ndarray], grand: float
) -> float:
    """The sum of squares of kernels less what either patient has with all others."""
    total = 0.0
    for first in range(0, len(pairs), BLOCK):
        rows = slice(first, first + BLOCK)
        expected = (means[0][rows, None] + (means[1] - grand)) * x_sizes[rows, None] * y_sizes
        total += float(np.square(pairs[rows] - expected).sum())
    return total
