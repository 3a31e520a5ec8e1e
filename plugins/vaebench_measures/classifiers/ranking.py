"""How well a score ranks positives above negatives (area under the ROC curve, average precision); rank correlation."""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata


def auroc(scores: np.ndarray, positive: np.ndarray) -> float:
    """The chance that a positive scores above a negative, a tie counting half; NaN when either is missing."""
    return auroc_of(*_counts(scores, positive))


def average_precision(scores: np.ndarray, positive: np.ndarray) -> float:
    """Precision at every threshold, weighted by the recall gained there; NaN when either kind is missing."""
    return average_precision_of(*_counts(scores, positive))


def average_precision_of(hits: np.ndarray, misses: np.ndarray) -> float:
    """The same from counts of positives and negatives at each threshold, the highest first."""
    if not hits.sum() or not misses.sum():
        return float("nan")
    found, called = hits.cumsum(), (hits + misses).cumsum()
    precision = np.divide(found, called, out=np.zeros(len(found)), where=called > 0)
    return float((precision * hits).sum() / found[-1])


def auroc_of(hits: np.ndarray, misses: np.ndarray) -> float:
    """`auroc` from counts of positives and negatives at each threshold, the highest first."""
    positives, negatives = float(hits.sum()), float(misses.sum())
    if not positives or not negatives:
        return float("nan")
    below = negatives - misses.cumsum()
    return float((hits * (below + misses / 2)).sum() / (positives * negatives))


def best_dice_of(hits: np.ndarray, misses: np.ndarray) -> float:
    """The greatest Dice overlap that any one threshold reaches: an oracle's, who knows the masks."""
    positives = float(hits.sum())
    if not positives:
        return float("nan")
    return float((2 * hits.cumsum() / (positives + (hits + misses).cumsum())).max())


def rank_correlation(x: np.ndarray, y: np.ndarray) -> float:
    """Spearman's: 1 where both rank alike, -1 where the other way round; NaN where one of them is constant."""
    ranks = [rankdata(values) - (len(values) + 1) / 2 for values in (x, y)]
    scale = np.sqrt(np.prod([rank @ rank for rank in ranks]))
    return float(ranks[0] @ ranks[1] / scale) if scale > 0 else float("nan")


def _counts(scores: np.ndarray, positive: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How many positives and negatives have each of the scores, the highest first."""
    levels, place = np.unique(-scores, return_inverse=True)
    hits = np.bincount(place, positive, minlength=len(levels))
    return hits, np.bincount(place, minlength=len(levels)) - hits
