"""Kernel distance of two sets of features (Bińkowski et al., arXiv 1801.01401), unbiased, for any number of rows.

    E k(x, x') + E k(y, y') - 2 E k(x, y),   k(x, y) = (x.y / d + 1)^3

Two images of one patient are no pair: they are alike without the population being so, and counted they would add to
the distance of every model. Where each image has a patient of its own, this is the usual estimate from all pairs. It
is a function of how often each patient counts, which also gives its error and its values under draws of patients.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from vaebench_measures.distances.cloud import SUBSAMPLES, Cloud, half


class Side(NamedTuple):
    """One of the two sets, by patient."""

    starts: np.ndarray
    sizes: np.ndarray
    pairs: np.ndarray
    """sums of k over the pairs of two patients; none of one"""

    def within(self, times: np.ndarray) -> np.ndarray:
        """E k(x, x') for each row of `times`, which says how often each patient counts; NaN where there is no pair."""
        count = np.square(times @ self.sizes) - np.square(times) @ np.square(self.sizes)
        total = ((times @ self.pairs) * times).sum(1)
        return np.divide(total, count, out=np.full(len(times), np.nan), where=count > 0)


class Kernels:
    """All pairs of two sets, summed by patient."""

    def __init__(self, x: Cloud, y: Cloud) -> None:
        (x_rows, self.x), (y_rows, self.y) = map(_by_patient, (x, y))
        self.across = _summed(_summed(cubic(x_rows, y_rows), self.x.starts, 0), self.y.starts, 1)

    def distance(self, x_times: np.ndarray, y_times: np.ndarray) -> np.ndarray:
        """For each row of how often the patients count (B, patients)."""
        counts = (x_times @ self.x.sizes) * (y_times @ self.y.sizes)
        across = ((x_times @ self.across) * y_times).sum(1) / counts
        return self.x.within(x_times) + self.y.within(y_times) - 2 * across


@lru_cache(maxsize=1)
def kernels_of(x: Cloud, y: Cloud) -> Kernels:
    """Computed once for a distance, its error and its values under draws."""
    return Kernels(x, y)


def by_kernel(x: Cloud, y: Cloud) -> tuple[float, float]:
    """The distance, and its error from random halves."""
    kernels, random = kernels_of(x, y), np.random.default_rng(0)
    x_times, y_times = (np.ones((1 + SUBSAMPLES, len(side.sizes))) for side in (kernels.x, kernels.y))
    for number in range(1, 1 + SUBSAMPLES):
        x_times[number], y_times[number] = half(x.patients, random), half(y.patients, random)
    found = kernels.distance(x_times, y_times)
    return float(found[0]), float(np.std(found[1:], ddof=1))


def under_draws(x: Cloud, y: Cloud, draws: Iterable[np.ndarray]) -> np.ndarray:
    """The distance under draws of whole patients, given as rows of y. Samples are drawn anew for each, too: a model
    judged by a single seed has been lucky or unlucky with them, and of several seeds boards take out what one seed
    does not share with the next."""
    kernels = kernels_of(x, y)
    times = [np.bincount(y.members[draw], minlength=y.patients) / kernels.y.sizes for draw in draws]
    count = len(kernels.x.sizes)
    return kernels.distance(
        np.random.default_rng(0).multinomial(count, [1 / count] * count, len(times)), np.array(times)
    )


def cubic(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return (x @ y.T / x.shape[1] + 1) ** 3


def _by_patient(cloud: Cloud) -> tuple[np.ndarray, Side]:
    """The rows, those of a patient together."""
    order = np.argsort(cloud.members, kind="stable")
    rows, sizes = cloud.rows[order], np.bincount(cloud.members).astype(np.float64)
    starts = (np.cumsum(sizes) - sizes).astype(int)
    pairs = _summed(_summed(cubic(rows, rows), starts, 0), starts, 1)
    np.fill_diagonal(pairs, 0)
    return rows, Side(starts, sizes, pairs)


def _summed(values: np.ndarray, starts: np.ndarray, axis: int) -> np.ndarray:
    return values if len(starts) == values.shape[axis] else np.add.reduceat(values, starts, axis)
