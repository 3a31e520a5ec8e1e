"""Kernel distance of two sets of features (squared maximum mean discrepancy), unbiased, for any number of rows.

    E k(x, x') + E k(y, y') - 2 E k(x, y)

    cubic       k(x, y) = (x.y / d + 1)^3             Bińkowski et al., arXiv 1801.01401 (KID)
    gaussian    k(x, y) = exp(-|x - y|^2 / 2d)        Gretton et al., JMLR 13 (2012); for whitened features

Pairs of images from one patient are left out: images of one patient are more alike than images of different patients,
so these pairs would increase the distance of every model. If every image comes from a different patient, this is the
usual unbiased estimate.

The standard error follows from Hoeffding's decomposition. The influences of patients on the distance give a variance of
a + 2b, where a is the part that is linear in patients and b the part that is due to pairs of patients. The true
variance is a + b, and b can be computed from the kernels, centred in both directions. For distances near zero, a
vanishes. In this case, random halves and bootstrapped patients give a + 3b, an error 1.7 times too large, which is why
neither is used. Because the computed error is never less than the root of b, it is still 1.2 times too large at a
distance of exactly zero.

Kernels are computed in blocks of rows, once for their means and again for the squares of the centred kernels. They are
never stored, so memory does not grow with the square of the number of images.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from vaebench_measures.distances.cloud import Cloud

Kernel = Callable[[np.ndarray, np.ndarray], np.ndarray]
BLOCK = 2**20
"""The number of kernel values computed at once (8 MiB), unless a single patient has more."""


def cubic(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    values = x @ y.T / x.shape[1] + 1
    return values * values * values


def gaussian(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the Gaussian kernel. Its fixed bandwidth suits whitened features, whose mean squared distance is 2d."""
    halves = x @ y.T - np.square(x).sum(1)[:, None] / 2 - np.square(y).sum(1) / 2
    return np.exp(np.minimum(halves, 0) / x.shape[1])


class Distance(NamedTuple):
    """The kernel distance of two sets."""

    value: float
    error: float
    influences: tuple[np.ndarray, np.ndarray]
    """For each set: how much the distance changes if a patient is counted once more; these changes sum to zero."""


class Patients(NamedTuple):
    """Features sorted by patient."""

    rows: np.ndarray
    sizes: np.ndarray
    """the number of rows of each patient"""

    @classmethod
    def of(cls, cloud: Cloud) -> Patients:
        order = np.argsort(cloud.members, kind="stable")
        return cls(cloud.rows[order], np.bincount(cloud.members).astype(np.float64))


@lru_cache(maxsize=1)
def distance(x: Cloud, y: Cloud, kernel: Kernel = cubic) -> Distance:
    """Return the distance with its error and influences; the last result is cached, as several functions use it."""
    one, other = map(Patients.of, (x, y))
    inner = [_within(own, kernel) for own in (one, other)]
    sums = [np.zeros(len(own.sizes)) for own in (one, other)]
    for part, pairs in _blocks(one, other, kernel):
        sums[0][part] = pairs.sum(1)
        sums[1] += pairs.sum(0)
    count = one.sizes.sum() * other.sizes.sum()
    means = sums[0] / one.sizes / other.sizes.sum(), sums[1] / other.sizes / one.sizes.sum()
    across = float(sums[0].sum() / count)
    influences, first = [], 0.0
    for (_, own, _), mean, sizes in zip(inner, means, (one.sizes, other.sizes), strict=True):
        influences.append(own - 2 * sizes * (mean - across) / sizes.sum())
        first += _unbiased(len(sizes)) * np.square(influences[-1]).sum()
    squares = _centred_squares(one, other, kernel, means, across)
    second = 4 * squares / count**2 * _unbiased(len(one.sizes)) * _unbiased(len(other.sizes))
    second += sum(part for _, _, part in inner)
    error = float(np.sqrt(max(first - second, second)))
    return Distance(inner[0][0] + inner[1][0] - 2 * across, error, (influences[0], influences[1]))


def by_kernel(x: Cloud, y: Cloud, kernel: Kernel = cubic) -> tuple[float, float]:
    """Return the distance and its standard error."""
    found = distance(x, y, kernel)
    return found.value, found.error


def under_draws(x: Cloud, y: Cloud, draws: Iterable[np.ndarray], kernel: Kernel = cubic) -> np.ndarray:
    """Return the distance for each resample of patients (each of `draws` contains rows of y). It is computed as the
    distance of the full sets plus the influences of the resampled patients; these influences are scaled so that the
    deviation over resamples is the standard error.

    The rows of x are resampled each time as well, because the result of a single seed depends on chance in its samples.
    With several seeds, boards separate this variation from that which all seeds share."""
    value, error, (x_influence, y_influence) = distance(x, y, kernel)
    sizes = np.bincount(y.members)
    times = np.array([np.bincount(y.members[draw], minlength=y.patients) / sizes for draw in draws])
    count = len(x_influence)
    changes = np.random.default_rng(0).multinomial(count, [1 / count] * count, len(times)) @ x_influence
    changes += times @ y_influence
    spread = np.sqrt(np.square(x_influence).sum() + np.square(y_influence).sum())
    return value + changes * (error / spread if spread > 0 else 0)


def _within(own: Patients, kernel: Kernel) -> tuple[float, np.ndarray, float]:
    """Return E k(x, x') over pairs of different patients, each patient's influence on this mean, and the part of its
    variance that is due to pairs."""
    sizes, count, total = own.sizes, len(own.sizes), own.sizes.sum()
    if count < 2:
        return float("nan"), np.zeros(count), 0.0
    sums, weight = np.empty(count), total**2 - np.square(sizes).sum()
    for part, pairs in _blocks(own, own, kernel, apart=True):
        sums[part] = pairs.sum(1)
    value = float(sums.sum() / weight)
    influence = 2 * (sums - value * sizes * (total - sizes)) / weight
    # Székely & Rizzo's U-centring makes the sum of squares unbiased if no row is paired with itself.
    mean = sums / sizes / (total - sizes) * _unbiased(count, 2) * (count - 1) / count
    grand = value * _unbiased(count, 2)
    squares = _centred_squares(own, own, kernel, (mean, mean), grand, apart=True)
    squares -= np.square(sizes**2 * (2 * mean - grand)).sum()  # the diagonal
    return value, influence, 2 * squares / weight**2 * (count - 1) / max(1, count - 3)


def _unbiased(count: int, lost: int = 1) -> float:
    return count / max(1, count - lost)


def _blocks(x: Patients, y: Patients, kernel: Kernel, apart: bool = False) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield the kernels summed over the images of each pair of patients, for a block of patients of x at a time: the
    slice of patients, and the sums (patients of x, patients of y). With `apart`, the sum of a patient with itself is
    zero."""
    ends, starts, y_starts = np.cumsum(x.sizes).astype(int), _starts(x.sizes), _starts(y.sizes)
    most, first = BLOCK // len(y.rows), 0
    while first < len(ends):
        last = max(first + 1, int(np.searchsorted(ends, starts[first] + most, "right")))
        values = kernel(x.rows[starts[first] : ends[last - 1]], y.rows)
        values = values if len(y_starts) == len(y.rows) else np.add.reduceat(values, y_starts, 1)
        values = (
            values if last - first == len(values) else np.add.reduceat(values, starts[first:last] - starts[first], 0)
        )
        if apart:
            np.fill_diagonal(values[:, first:], 0)
        yield slice(first, last), values
        first = last


def _starts(sizes: np.ndarray) -> np.ndarray:
    return (np.cumsum(sizes) - sizes).astype(int)


def _centred_squares(
    x: Patients,
    y: Patients,
    kernel: Kernel,
    means: tuple[np.ndarray, np.ndarray],
    grand: float,
    apart: bool = False,
) -> float:
    """Return the sum of squares of the kernels, centred by the mean kernels of both patients."""
    total = 0.0
    for part, pairs in _blocks(x, y, kernel, apart):
        pairs -= (means[0][part, None] + (means[1] - grand)) * x.sizes[part, None] * y.sizes
        total += float(np.square(pairs, out=pairs).sum())
    return total
