"""Statistics of rankings of positives above negatives (AUROC, average precision, best Dice), and rank correlation."""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata


def auroc(scores: np.ndarray, positive: np.ndarray) -> float:
    """Return the probability that a positive scores above a negative; ties count half. NaN if one kind is missing."""
    return auroc_of(*_counts(scores, positive))


def average_precision(scores: np.ndarray, positive: np.ndarray) -> float:
    """Return the precision averaged over thresholds, weighted by the gain in recall. NaN if one kind is missing."""
    return average_precision_of(*_counts(scores, positive))


def average_precision_of(hits: np.ndarray, misses: np.ndarray) -> float:
    """Return `average_precision` from counts of positives and negatives at each threshold, in descending order."""
    if not hits.sum() or not misses.sum():
        return float("nan")
    found, called = hits.cumsum(), (hits + misses).cumsum()
    precision = np.divide(found, called, out=np.zeros(len(found)), where=called > 0)
    return float((precision * hits).sum() / found[-1])


def auroc_of(hits: np.ndarray, misses: np.ndarray) -> float:
    """Return `auroc` from counts of positives and negatives at each threshold, in descending order."""
    positives, negatives = float(hits.sum()), float(misses.sum())
    if not positives or not negatives:
        return float("nan")
    below = negatives - misses.cumsum()
    return float((hits * (below + misses / 2)).sum() / (positives * negatives))


def best_dice_of(hits: np.ndarray, misses: np.ndarray) -> float:
    """Return the greatest Dice overlap at any single threshold; only an oracle that knows the masks can choose it."""
    positives = float(hits.sum())
    if not positives:
        return float("nan")
    return float((2 * hits.cumsum() / (positives + (hits + misses).cumsum())).max())


def rank_correlation(x: np.ndarray, y: np.ndarray) -> float:
    """Return Spearman's rank correlation: 1 for equal, -1 for opposite rankings, NaN if either input is constant."""
    ranks = [rankdata(values) - (len(values) + 1) / 2 for values in (x, y)]
    scale = np.sqrt(np.prod([rank @ rank for rank in ranks]))
    return float(ranks[0] @ ranks[1] / scale) if scale > 0 else float("nan")


def _counts(scores: np.ndarray, positive: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers of positives and of negatives at each distinct score, in descending order."""
    levels, place = np.unique(-scores, return_inverse=True)
    hits = np.bincount(place, positive, minlength=len(levels))
    return hits, np.bincount(place, minlength=len(levels)) - hits
