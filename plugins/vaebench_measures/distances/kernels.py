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
1.2 times too wide.

Kernels are computed a block of rows at a time and never kept: first for their means, then again for what is left after
these, so that memory does not grow with the square of the images.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from vaebench_measures.distances.cloud import Cloud

Kernel = Callable[[np.ndarray, np.ndarray], np.ndarray]
BLOCK = 2**20
"""Kernels that are computed at once, 8 MiB of them; those of a whole patient always are."""


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


class Patients(NamedTuple):
    """Features, those of a patient together."""

    rows: np.ndarray
    sizes: np.ndarray
    """how many rows each patient has"""

    @classmethod
    def of(cls, cloud: Cloud) -> Patients:
        order = np.argsort(cloud.members, kind="stable")
        return cls(cloud.rows[order], np.bincount(cloud.members).astype(np.float64))


@lru_cache(maxsize=1)
def distance(x: Cloud, y: Cloud, kernel: Kernel = cubic) -> Distance:
    """Computed once for the value, its error and its replicates."""
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


def _within(own: Patients, kernel: Kernel) -> tuple[float, np.ndarray, float]:
    """E k(x, x') over pairs of two patients, each patient's influence on it, and the variance that pairs add."""
    sizes, count, total = own.sizes, len(own.sizes), own.sizes.sum()
    if count < 2:
        return float("nan"), np.zeros(count), 0.0
    sums, weight = np.empty(count), total**2 - np.square(sizes).sum()
    for part, pairs in _blocks(own, own, kernel, apart=True):
        sums[part] = pairs.sum(1)
    value = float(sums.sum() / weight)
    influence = 2 * (sums - value * sizes * (total - sizes)) / weight
    # Székely & Rizzo's U-centring makes the sum of squares unbiased where no row is paired with itself.
    mean = sums / sizes / (total - sizes) * _unbiased(count, 2) * (count - 1) / count
    grand = value * _unbiased(count, 2)
    squares = _centred_squares(own, own, kernel, (mean, mean), grand, apart=True)
    squares -= np.square(sizes**2 * (2 * mean - grand)).sum()  # the diagonal
    return value, influence, 2 * squares / weight**2 * (count - 1) / max(1, count - 3)


def _unbiased(count: int, lost: int = 1) -> float:
    return count / max(1, count - lost)


def _blocks(x: Patients, y: Patients, kernel: Kernel, apart: bool = False) -> Iterator[tuple[slice, np.ndarray]]:
    """Kernels summed over the images of two patients, for some patients of x at a time: which ones, and the sums
    (patients of x, patients of y); `apart` leaves out a patient's kernel with itself."""
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
    """The sum of squares of kernels less what either patient has with all others."""
    total = 0.0
    for part, pairs in _blocks(x, y, kernel, apart):
        pairs -= (means[0][part, None] + (means[1] - grand)) * x.sizes[part, None] * y.sizes
        total += float(np.square(pairs, out=pairs).sum())
    return total
