"""A set of features, and the standard error of a statistic of two such sets."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

SUBSAMPLES = 20


class Cloud:
    """The features of a set of images, and the patient of each image."""

    def __init__(self, rows: np.ndarray, groups: np.ndarray | None = None) -> None:
        self.rows = rows
        """(n, d)"""
        self.groups = groups
        """(n,): the patient of each image, as images of one patient are alike; None if all images are independent"""

    def take(self, index: np.ndarray) -> Cloud:
        return Cloud(self.rows[index], None if self.groups is None else self.groups[index])

    @cached_property
    def members(self) -> np.ndarray:
        """Return the index of each row's patient, counted from 0."""
        return np.arange(len(self.rows)) if self.groups is None else np.unique(self.groups, return_inverse=True)[1]

    @property
    def patients(self) -> int:
        return int(self.members.max()) + 1


def halving_error(statistic: Callable[[np.ndarray, np.ndarray], ArrayLike], x: Cloud, y: Cloud) -> np.ndarray:
    """Return the standard error of a statistic of two sets: its deviation over random halves of both.

    Halves are drawn without replacement, because a half's value deviates from that of the whole set as much as the
    latter deviates from the truth. Drawing with replacement would repeat rows, and distances would mistake repeated
    rows for structure. Patients are halved, not images; if both sets have the same patients, both are halved in the
    same way."""
    random, found = np.random.default_rng(0), []
    paired = x.groups is not None and y.groups is not None and np.array_equal(x.groups, y.groups)
    for _ in range(SUBSAMPLES):
        chosen = half(x.patients, random)
        other = chosen if paired else half(y.patients, random)
        found.append(statistic(x.rows[chosen[x.members]], y.rows[other[y.members]]))
    return np.std(found, axis=0, ddof=1)


def half(count: int, random: np.random.Generator) -> np.ndarray:
    """Return a random half of `count` elements as bool (count,), with at least one element."""
    chosen = np.zeros(count, bool)
    chosen[random.permutation(count)[: max(1, count // 2)]] = True
    return chosen
