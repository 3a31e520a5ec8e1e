"""How far draws of patients may be trusted: equal patients, uneven ones, and classes."""

from __future__ import annotations

import numpy as np
import pytest

from vaebench.patients import patient_draws, resolution


def told(groups: np.ndarray, labels: np.ndarray | None = None, draws: int = 200):
    return resolution(groups, list(patient_draws(groups, "chest", draws)), labels)


def test_equal_patients_widen_by_bessels_factor() -> None:
    """Draws with replacement from P patients have (P - 1) / P of the variance; these draws' own luck is in k too."""
    found = told(np.repeat(np.arange(12), 5), draws=4000)
    assert found.widening == pytest.approx(12 / 11, rel=0.02)
    assert (found.patients, found.classes, found.freedom) == (12, 1, 11)


def test_widening_makes_the_variance_over_draws_that_of_independent_patients() -> None:
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(20), rng.integers(1, 12, 20))
    draws = list(patient_draws(groups, "chest"))
    effects = rng.standard_normal((4000, 20))[:, groups]
    over_draws = np.stack([effects[:, draw].mean(1) for draw in draws]).var(0, ddof=1).mean()
    assert resolution(groups, draws).widening * over_draws == pytest.approx(effects.mean(1).var(), rel=0.06)


def test_one_large_patient_leaves_little_freedom() -> None:
    even, uneven = np.arange(40), np.concatenate([np.zeros(200, int), np.arange(40)])
    assert told(uneven).freedom < told(even).freedom / 4


def test_the_smaller_class_decides() -> None:
    groups, labels = np.arange(110), np.repeat([0, 1], [100, 10])
    both, alone = told(groups, labels), told(groups)
    assert (both.patients, both.classes, alone.patients) == (10, 2, 110)
    assert both.freedom < 15 < alone.freedom


def test_a_single_patient_tells_nothing_and_breaks_nothing() -> None:
    assert told(np.zeros(5, int)) == (1, 1, 1.0, 1.0)
