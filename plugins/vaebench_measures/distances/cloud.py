"""A set of features, and the error of whatever two such sets give."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np
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
