"""Intervals and tests against scipy where they reduce to a textbook's, and by simulation where they do not."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from vaebench.leaderboard.statistics import Sample, estimate, estimates, mean_ranks, rank_spread


def sample(values, replicates=None, errors=None) -> Sample:
    values = np.asarray(values, float)
    return Sample(tuple(range(len(values))), values, replicates, errors)


def constant(values, draws: int = 200) -> np.ndarray:
    """Replicates of images that carry no uncertainty."""
    return np.repeat(np.asarray(values, float)[:, None], draws, 1)


VALUES = [0.71, 0.74, 0.69, 0.78, 0.73]


@pytest.mark.parametrize("replicates", [None, constant(VALUES)], ids=["no replicates", "certain images"])
def test_seeds_alone_give_the_t_interval(replicates):
    found = estimate(sample(VALUES, replicates))
    expected = stats.t.interval(0.95, 4, np.mean(VALUES), stats.sem(VALUES))
    assert (found.low, found.high) == pytest.approx(expected)
    assert (found.mean, found.error) == pytest.approx((np.mean(VALUES), stats.sem(VALUES)))


def test_one_seed_speaks_of_the_images_alone():
    draws = np.random.default_rng(0).normal(0.8, 0.02, (1, 200))
    found = estimate(sample([0.8], draws))
    assert found.error == pytest.approx(draws.std(ddof=1))
    assert found.high - found.low == pytest.approx(2 * stats.t.ppf(0.975, 200) * draws.std(ddof=1), rel=1e-4)
    assert found.provisional and found.seeds == 1
    by_error = estimate(sample([0.8], errors=np.array([0.02])))
    assert by_error.high - by_error.mean == pytest.approx(stats.t.ppf(0.975, 200) * 0.02, rel=1e-3)


def test_what_cannot_be_known_is_not_claimed():
    found = estimate(sample([0.8]))
    assert (found.error, found.low, found.high) == (None, None, None)


@pytest.mark.parametrize(("seeds", "provisional"), [(1, True), (4, True), (5, False)])
def test_fewer_than_five_seeds_are_provisional(seeds, provisional):
    assert estimate(sample(VALUES[:seeds])).provisional is provisional


def test_interaction_is_counted_once():
    """All variance between seeds is a matter of patients, and stands in the draws already: twice would give 2."""
    rng = np.random.default_rng(1)
    made = [world(rng, 5, 100, seed=0, patient=0, both=1)[0] for _ in range(60)]
    assert 0.9 < np.mean([estimate(one).error ** 2 for one in made]) / (1 / 500) < 1.5


def test_shared_patients_do_not_average_out_over_seeds():
    draws = np.tile(np.random.default_rng(2).normal(0.8, 0.05, 200), (5, 1))
    assert estimate(sample([0.8] * 5, draws)).error == pytest.approx(draws[0].std(ddof=1))


def test_draws_without_an_answer_are_left_out():
    draws = np.random.default_rng(3).normal(0.8, 0.05, (5, 100))
    holes = np.concatenate([draws, np.full((5, 7), np.nan)], 1)
    holes[0, -3:] = 0.8
    assert estimate(sample(VALUES, holes)) == estimate(sample(VALUES, draws))


def world(rng, seeds, patients, *, seed, patient, both, draws=100, models=1, shift=0.0, own=0.3):
    """Models of equal worth (the first better by `shift`): shared patients, with own taste, seeds and interaction."""
    shared = patient * rng.standard_normal(patients)
    index = rng.integers(patients, size=(draws, patients))
    found = []
    for model in range(models):
        taste = own * rng.standard_normal(patients) if models > 1 else 0
        y = shared + taste + seed * rng.standard_normal((seeds, 1)) + both * rng.standard_normal((seeds, patients))
        y += shift * (model == 0)
        found.append(sample(y.mean(1), y[:, index].mean(2)))
    return found


WORLDS = {
    "patients": {"seed": 0.1, "patient": 1.0, "both": 0.5},
    "interaction": {"seed": 0.1, "patient": 0.1, "both": 1.0},
    "seeds": {"seed": 1.0, "patient": 1.0, "both": 0.5},
}
RUNS = 600
SLACK = 3 * np.sqrt(0.05 * 0.95 / RUNS)


@pytest.mark.parametrize("kind", WORLDS)
def test_five_seeds_cover(kind):
    rng = np.random.default_rng(10)
    found = [estimate(world(rng, 5, 60, **WORLDS[kind])[0]) for _ in range(RUNS)]
    covered = np.mean([one.low <= 0 <= one.high for one in found])
    assert 0.95 - SLACK <= covered <= 0.95 + SLACK


def test_seeds_that_agree_to_the_digit_prove_little():
    """Two seeds of a classifier, equal on average by chance, though they judge patients differently."""
    rng = np.random.default_rng(17)
    right = rng.integers(0, 2, (2, 2, 100)).astype(float)
    right[:, 1, :] = rng.permuted(right[:, 0, :], axis=1)
    index = rng.integers(100, size=(100, 100))
    a = sample(right[0].mean(1), right[0][:, index].mean(2))
    assert a.values[0] == a.values[1] and estimate(a).high - estimate(a).low > 4 * estimate(a).error


def test_many_samples_are_estimated_as_each_alone(monkeypatch):
    monkeypatch.setattr("vaebench.leaderboard.statistics.AT_ONCE", 3)
    rng = np.random.default_rng(15)
    mixed = [world(rng, seeds, 30, **WORLDS["interaction"])[0] for seeds in (1, 5, 5, 3, 5, 5, 5, 5)]
    mixed += [sample(VALUES), sample(VALUES, errors=np.full(5, 0.02))]
    mixed += [sample([0.8]), sample([0.7], errors=np.array([0.1]))]
    holes = world(rng, 5, 30, **WORLDS["interaction"])[0]
    holes.replicates[1, :4] = np.nan
    mixed.insert(2, holes)
    for one, among in zip(mixed, estimates(mixed), strict=True):
        assert among == pytest.approx(estimate(one))


def test_the_spread_of_mean_ranks_is_pooled_over_models():
    places = np.array([[1, 2, 4], [1, 3, 3], [1, 2, 2], [1, 1, 3]])
    variance = (0 + 2 / 3 + 2 / 3) / 3
    assert rank_spread(places) == pytest.approx(stats.t.ppf(0.975, 3) * np.sqrt(variance / 4))
    assert rank_spread(np.array([[1, 2], [1, 2]])) == 0


def test_mean_ranks_stay_within_the_ranks_there_are():
    found = mean_ranks(np.array([[1, 2, 3], [1, 3, 2], [2, 1, 3]]))
    assert [one.mean for one in found] == pytest.approx([4 / 3, 2, 8 / 3])
    assert all(1 <= one.low <= one.mean <= one.high <= 3 for one in found)
    assert mean_ranks(np.array([[2, 1]])) == [(2, None, None), (1, None, None)]


def few(patients: int, classes: int = 1, widening: float = 1.0, freedom: float = 200.0):
    draws = np.random.default_rng(4).normal(0.93, 0.03, (5, 200)).clip(0, 1)
    return estimate(Sample((0, 1, 2, 3, 4), draws.mean(1), draws, None, patients, classes, widening, freedom))


@pytest.mark.parametrize(("patients", "classes", "flagged"), [(49, 1, 1), (50, 1, 0), (24, 2, 1), (25, 2, 0)])
def test_few_patients_are_flagged(patients, classes, flagged):
    assert few(patients, classes).few == flagged


@pytest.mark.parametrize(("least", "classes"), [(8, 1), (10, 2)])
def test_of_fewer_patients_there_is_a_number_and_no_interval(least, classes):
    assert few(least - 1, classes)[1:4] == (None, None, None) and few(least, classes).low is not None


def test_few_patients_widen_the_interval():
    usual, small = few(60), few(60, widening=1.2, freedom=9.0)
    assert small.error > usual.error
    assert (small.high - small.low) / small.error > (usual.high - usual.low) / usual.error


def test_where_classes_are_told_apart_no_interval_leaves_0_to_1():
    one = few(25, 2, widening=9.0, freedom=5.0)
    assert 0 <= one.low < one.mean < one.high <= 1 and one.mean - one.low > one.high - one.mean
    assert few(25, 1, widening=9.0, freedom=5.0).high > one.high
