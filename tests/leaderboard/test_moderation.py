"""Moderated variances: limma's inverse of the trigamma function, the two limits of the prior, and its ceiling."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import polygamma

from vaebench.leaderboard.moderation import inverse_trigamma, moderate


@pytest.mark.parametrize("y", [1e-3, 0.1, 1.0, 4.5, 100.0, 1e4])
def test_the_inverse_of_trigamma(y: float) -> None:
    assert inverse_trigamma(float(polygamma(1, y))) == pytest.approx(y, rel=1e-6)


def test_a_prior_that_is_known_is_found_again() -> None:
    rng = np.random.default_rng(0)
    d0, s0, d = 6.0, 0.02**2, 4
    sigma = np.sqrt(d0 * s0 / rng.chisquare(d0, 20_000))
    found = moderate(sigma[:, None] * rng.standard_normal((20_000, d + 1)))
    assert found.freedom - d == pytest.approx(d0, rel=0.1)


def test_equal_variances_are_pooled_up_to_what_the_seeds_tell() -> None:
    values = np.random.default_rng(1).standard_normal((1, 5)) + np.arange(8)[:, None]
    found = moderate(values)
    assert found.freedom == 7 * 4 + 4 and found.variances == pytest.approx([values[0].var(ddof=1)] * 8, rel=0.3)


def test_models_without_variance_and_too_few_models_are_left_as_they_are() -> None:
    values = np.random.default_rng(2).standard_normal((6, 3))
    values[0] = 0.5
    assert moderate(values).variances[0] == 0
    few = moderate(values[:4])
    assert few.freedom == 2 and few.variances == pytest.approx(values[:4].var(1, ddof=1))
