"""Resampling of whole patients, and the reliability of the variance over resamples when patients are few.

Each resample (called a draw below) takes as many patients as the data contain, with replacement. A replicate is the
sum of the patients' means, each weighted by the patient's share of the draw. With n_p rows of patient p,

    w = n / sum n;   A[b, p] = share of patient p in draw b;   Q = covariance of A's columns over the draws
    k = sum w^2 / tr Q                     widening: the draws' variance is too small by this factor
    f = (tr Q)^2 / tr Q^2                  the number of equal patients that would give this variance
    f* = min(2 f, P - 1), within 1 to 200  degrees of freedom of that variance

If a statistic compares classes, each class has its own k, f* and V = sum w^2; together, k = sum V / sum (V / k) and
f* = (sum V)^2 / sum (V^2 / f*), following Welch and Satterthwaite.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

DRAWS = 200
MOST_FREEDOM = 200.0


class Resolution(NamedTuple):
    """The number of patients that a value depends on (with several classes, that of the smallest class), and its
    consequences for the variance over resamples."""

    patients: int
    classes: int = 1
    widening: float = 1.0
    freedom: float = MOST_FREEDOM


def patient_draws(groups: np.ndarray, dataset: str, draws: int = DRAWS) -> Iterator[np.ndarray]:
    """Yield the rows of each resample of whole patients; all models and seeds of a dataset share the resamples."""
    _, member = np.unique(groups, return_inverse=True)
    count = int(member.max()) + 1
    order = np.argsort(member, kind="stable")
    sizes = np.bincount(member)
    starts = np.cumsum(sizes) - sizes
    seed = int.from_bytes(hashlib.sha256(f"patients of {dataset}".encode()).digest()[:8], "big")
    generator = np.random.default_rng(seed)
    for _ in range(draws):
        chosen = generator.integers(count, size=count)
        lengths = sizes[chosen]
        ends = np.cumsum(lengths)
        yield order[np.arange(ends[-1]) + np.repeat(starts[chosen] - ends + lengths, lengths)]


def resolution(groups: np.ndarray, draws: Sequence[np.ndarray], labels: np.ndarray | None = None) -> Resolution:
    """Return the resolution of a value whose error is estimated from these resamples of rows; `groups` names each row's
    patient, and `labels` each row's class if the statistic compares classes."""
    kinds = [np.ones(len(groups), bool)] if labels is None else [labels == label for label in np.unique(labels)]
    each = [_of_class(groups, draws, kind) for kind in kinds]
    patients = min(own.patients for own, _ in each)
    sizes = sum(size for _, size in each)
    found = sizes / sum(size / own.widening for own, size in each)
    freedom = sizes**2 / sum(size**2 / own.freedom for own, size in each)
    return Resolution(patients, len(each), float(found), float(min(freedom, MOST_FREEDOM)))


def _of_class(groups: np.ndarray, draws: Sequence[np.ndarray], kind: np.ndarray) -> tuple[Resolution, float]:
    """Return the resolution for the rows of one class, and the sum of the squared shares of its patients."""
    _, member, sizes = np.unique(groups[kind], return_inverse=True, return_counts=True)
    patients, shares = len(sizes), sizes / sizes.sum()
    place = np.full(len(groups), -1)
    place[kind] = member
    drawn = np.stack([np.bincount(own[own >= 0], minlength=patients) for own in (place[draw] for draw in draws)])
    drawn = drawn[drawn.any(1)]  # a draw may contain no patient of the class
    size = float(np.square(shares).sum())
    if patients < 2 or len(drawn) < 2:
        return Resolution(patients, freedom=1.0), size
    drawn = drawn / drawn.sum(1, keepdims=True)
    drawn = drawn - drawn.mean(0)
    narrow = drawn if drawn.shape[0] <= drawn.shape[1] else drawn.T  # both products have the same trace and norm
    rows = narrow @ narrow.T / (len(drawn) - 1)
    trace, norm = float(np.trace(rows)), float(np.square(rows).sum())
    if trace <= 0:
        return Resolution(patients, freedom=1.0), size
    freedom = float(np.clip(min(2 * trace**2 / norm, patients - 1), 1, MOST_FREEDOM))
    return Resolution(patients, 1, size / trace, freedom), size
