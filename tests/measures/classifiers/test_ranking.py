"""AUROC, average precision and Dice against scikit-learn and by hand, from scores and from counts."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import average_precision_score, roc_auc_score

from vaebench_measures.classifiers.ranking import (
    auroc,
    auroc_of,
    average_precision,
    average_precision_of,
    best_dice_of,
    rank_correlation,
)


def test_all_agree_with_scikit_learn_with_ties():
    random = np.random.default_rng(0)
    for _ in range(20):
        scores = random.integers(0, 8, 60).astype(float)
        positive = random.random(60) < 0.3
        area, precision = roc_auc_score(positive, scores), average_precision_score(positive, scores)
        assert auroc(scores, positive) == pytest.approx(area, abs=1e-12)
        assert average_precision(scores, positive) == pytest.approx(precision, abs=1e-12)
        hits, misses = (np.bincount(7 - scores[kind].astype(int), minlength=8) for kind in (positive, ~positive))
        assert auroc_of(hits, misses) == pytest.approx(area, abs=1e-12)
        assert average_precision_of(hits, misses) == pytest.approx(precision, abs=1e-12)
        dice = [2 * (positive & (scores >= t)).sum() / (positive.sum() + (scores >= t).sum()) for t in range(8)]
        assert best_dice_of(hits, misses) == pytest.approx(max(dice))


def test_rank_correlation_is_scipys_with_ties_and_nan_without_ranks():
    random = np.random.default_rng(0)
    x, y = random.integers(0, 8, (2, 50))
    for one, other in ((x, y), (x, x**3), (x, -x)):
        assert rank_correlation(one, other) == pytest.approx(spearmanr(one, other).statistic, abs=1e-12)
    assert np.isnan(rank_correlation(x, np.ones(50))) and np.isnan(rank_correlation(x[:1], y[:1]))


@pytest.mark.parametrize("ranking", [auroc, average_precision])
def test_one_class_is_no_number(ranking):
    assert np.isnan(ranking(np.arange(3.0), np.ones(3, bool)))
    assert np.isnan(ranking(np.arange(3.0), np.zeros(3, bool)))


@pytest.mark.parametrize("ranking", [auroc_of, average_precision_of, best_dice_of])
def test_no_positives_are_no_number(ranking):
    assert np.isnan(ranking(np.zeros(3), np.ones(3)))
