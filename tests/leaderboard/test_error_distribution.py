"""Behrens and Fisher's distribution: its two limits, a simulation between them, and that both functions agree."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from vaebench.leaderboard.error_distribution import half_width, two_sided

ONE, NONE = np.ones(4), np.zeros(4)
FAR = np.array([0.3, 1.0, 3.0, 5.0])


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 9, 29])
def test_without_a_certain_part_it_is_students(freedom):
    assert two_sided(2 * FAR, NONE, 4 * ONE, freedom) == pytest.approx(2 * stats.t.sf(FAR, freedom), rel=1e-5)
    assert half_width(NONE, 4 * ONE, freedom, 0.95) == pytest.approx(2 * stats.t.ppf(0.975, freedom))


@pytest.mark.parametrize("freedom", [0, 1, 4])
def test_without_a_doubtful_part_it_is_normal(freedom):
    assert two_sided(2 * FAR, 4 * ONE, NONE, freedom) == pytest.approx(2 * stats.norm.sf(FAR))
    assert half_width(4 * ONE, NONE, freedom, 0.95) == pytest.approx(2 * stats.norm.ppf(0.975))


def test_between_them_it_is_the_sum():
    rng = np.random.default_rng(0)
    drawn = np.abs(rng.standard_normal(1_000_000) + 2 * rng.standard_t(4, 1_000_000))
    share = [np.mean(drawn > far) for far in FAR]
    assert two_sided(FAR, ONE, 4 * ONE, 4) == pytest.approx(share, abs=0.002)


@pytest.mark.parametrize("freedom", [1, 2, 4, 9])
def test_the_interval_is_where_the_tail_is(freedom):
    certain, doubtful = np.array([1.0, 1.0, 1e-12, 1e6]), np.array([1e-6, 1.0, 1.0, 1.0])
    half = half_width(certain, doubtful, freedom, 0.95)
    assert two_sided(half, certain, doubtful, freedom) == pytest.approx(0.05, rel=1e-4)


def test_no_error_leaves_no_doubt():
    assert half_width(NONE, NONE, 4, 0.95).tolist() == [0, 0, 0, 0]
    assert two_sided(FAR, NONE, NONE, 4).tolist() == two_sided(FAR, NONE, NONE, 0).tolist() == [0, 0, 0, 0]
