"""Behrens and Fisher's distribution: its limits, a simulation between them, and that both functions agree."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from vaebench.leaderboard.error_distribution import half_width, two_sided

ONE, NONE = np.ones(4), np.zeros(4)
FAR = np.array([0.3, 1.0, 3.0, 5.0])


@pytest.mark.parametrize("freedom", [1, 2, 3.5, 4, 9, 29, 149, 200])
def test_one_error_alone_is_students(freedom):
    for c, e in ((4 * ONE, NONE), (NONE, 4 * ONE)):
        f1, f2 = (freedom, 4) if c.any() else (100.0, freedom)
        assert two_sided(2 * FAR, c, e, f1, f2) == pytest.approx(2 * stats.t.sf(FAR, freedom), rel=1e-3)
        assert half_width(c, e, f1, f2, 0.95) == pytest.approx(2 * stats.t.ppf(0.975, freedom), rel=1e-4)


def test_without_seeds_the_patients_stand_alone():
    assert two_sided(2 * FAR, 4 * ONE, NONE, 60.0, 0) == pytest.approx(2 * stats.t.sf(FAR, 60), rel=1e-3)


def test_much_freedom_is_normal():
    assert two_sided(FAR, 0.5 * ONE, 0.5 * ONE, 1e6, np.inf) == pytest.approx(2 * stats.norm.sf(FAR), rel=1e-3)


def test_between_them_it_is_the_sum():
    rng = np.random.default_rng(0)
    drawn = np.abs(rng.standard_t(9, 1_000_000) + 2 * rng.standard_t(4, 1_000_000))
    share = [np.mean(drawn > far) for far in FAR]
    assert two_sided(FAR, ONE, 4 * ONE, 9, 4) == pytest.approx(share, abs=0.002)


@pytest.mark.parametrize("level", [0.95, 1 - 0.05 / 66])
@pytest.mark.parametrize("freedom", [2, 4, 9])
def test_the_interval_is_where_the_tail_is(freedom, level):
    certain, doubtful = np.array([1.0, 1.0, 1e-12, 1e6]), np.array([1e-6, 1.0, 1.0, 1.0])
    half = half_width(certain, doubtful, 19, freedom, level)
    assert two_sided(half, certain, doubtful, 19, freedom) == pytest.approx(1 - level, rel=2e-3)


def test_no_error_leaves_no_doubt():
    assert half_width(NONE, NONE, 200, 4, 0.95).tolist() == [0, 0, 0, 0]
    assert two_sided(FAR, NONE, NONE, 200, 4).tolist() == two_sided(FAR, NONE, NONE, 200, 0).tolist() == [0, 0, 0, 0]
