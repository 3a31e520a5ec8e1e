"""Intervals and tests against scipy where they reduce to a textbook's, and by simulation where they do not."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from vaebench.leaderboard.statistics import Sample, compare, estimate, estimates, holm, pairwise, rank_spread, ranks


def sample(values, replicates=None, errors=None) -> Sample:
    values = np.asarray(values, float)
    return Sample(tuple(range(len(values))), values, replicates, errors)


def constant(values, draws: int = 200) -> np.ndarray:
    """Replicates of images that carry no uncertainty."""
    return np.repeat(np.asarray(values, float)[:, None], draws, 1)


VALUES = [0.71, 0.74, 0.69, 0.78, 0.73]
OTHERS = [0.70, 0.75, 0.66, 0.73, 0.70]


@pytest.mark.parametrize("replicates", [None, constant(VALUES)], ids=["no replicates", "certain images"])
def test_seeds_alone_give_the_t_interval(replicates):
    found = estimate(sample(VALUES, replicates))
    expected = stats.t.interval(0.95, 4, np.mean(VALUES), stats.sem(VALUES))
    assert (found.low, found.high) == pytest.approx(expected)
    assert (found.mean, found.error) == pytest.approx((np.mean(VALUES), stats.sem(VALUES)))


@pytest.mark.parametrize("certain", [False, True], ids=["no replicates", "certain images"])
def test_seeds_alone_give_the_paired_t_test(certain):
    a, b = (sample(v, constant(v) if certain else None) for v in (VALUES, OTHERS))
    found = compare(a, b)
    assert found.p == pytest.approx(stats.ttest_rel(VALUES, OTHERS).pvalue)
    assert found.difference == pytest.approx(np.mean(VALUES) - np.mean(OTHERS))
    assert compare(b, a).p == pytest.approx(found.p) and compare(b, a).difference == -found.difference


def test_one_seed_speaks_of_the_images_alone():
    draws = np.random.default_rng(0).normal(0.8, 0.02, (1, 200))
    found = estimate(sample([0.8], draws))
    assert found.error == pytest.approx(draws.std(ddof=1))
    assert found.high - found.low == pytest.approx(2 * stats.norm.ppf(0.975) * draws.std(ddof=1))
    assert found.provisional and found.seeds == 1
    by_error = estimate(sample([0.8], errors=np.array([0.02])))
    assert by_error.high - by_error.mean == pytest.approx(1.96 * 0.02, rel=1e-3)
    a, b = sample([0.8], errors=np.array([0.03])), sample([0.7], errors=np.array([0.04]))
    assert compare(a, b).p == pytest.approx(2 * stats.norm.sf(0.1 / 0.05), rel=1e-3)


def test_what_cannot_be_known_is_not_claimed():
    found = estimate(sample([0.8]))
    assert (found.error, found.low, found.high) == (None, None, None)
    found = compare(sample([0.8]), sample([0.1]))
    assert found.p == 1 and found.error is None
    assert compare(sample(VALUES), sample(VALUES)).p == 1
    with pytest.raises(ValueError, match="same seeds"):
        pairwise([sample(VALUES), sample(VALUES[:3])])


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


@pytest.mark.parametrize("kind", WORLDS)
def test_equal_models_are_seldom_told_apart(kind):
    rng = np.random.default_rng(11)
    found = [ranks(world(rng, 5, 60, models=4, **WORLDS[kind]), "higher") for _ in range(RUNS)]
    assert np.mean([max(one) > 1 for one in found]) <= 0.05 + SLACK


@pytest.mark.parametrize("seeds", [2, 3])
def test_of_many_equal_models_with_few_seeds_none_stands_out(seeds):
    """Among 66 pairs some have seeds that agree by chance; Satterthwaite's t takes half of them for certain."""
    rng = np.random.default_rng(16)
    found = [ranks(world(rng, seeds, 60, models=12, **WORLDS["seeds"]), "higher") for _ in range(200)]
    assert np.mean([max(one) > 1 for one in found]) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 200)


def test_seeds_that_agree_to_the_digit_prove_little():
    """Two seeds of a classifier, equal on average by chance, though they judge patients differently."""
    rng = np.random.default_rng(17)
    right = rng.integers(0, 2, (2, 2, 100)).astype(float)
    right[:, 1, :] = rng.permuted(right[:, 0, :], axis=1)
    index = rng.integers(100, size=(100, 100))
    a, b = (sample(own.mean(1), own[:, index].mean(2)) for own in right)
    assert a.values[0] == a.values[1] and b.values[0] == b.values[1]
    assert compare(a, b).p > 0.01 and estimate(a).high - estimate(a).low > 4 * estimate(a).error


@pytest.mark.parametrize(("better", "expected"), [("higher", [1, 2, 2]), ("lower", [3, 1, 1])])
def test_a_planted_gap_is_found(better, expected):
    rng = np.random.default_rng(12)
    found = [ranks(world(rng, 5, 200, models=3, shift=0.5, **WORLDS["patients"]), better) for _ in range(50)]
    assert np.mean([one == expected for one in found]) >= 0.85


def test_pairing_finds_what_patients_would_hide():
    """Patients differ far more than models, but all models see the same ones."""
    rng = np.random.default_rng(13)
    a, b = world(rng, 5, 100, seed=0.02, patient=5.0, both=0.2, models=2, shift=0.4)
    alone = estimate(a)
    assert compare(a, b).p < 0.001 and compare(a, b).error < alone.error / 5


def test_all_pairs_are_the_estimates_of_the_differences():
    samples = world(np.random.default_rng(14), 5, 80, models=4, **WORLDS["interaction"])
    difference, error, p = pairwise(samples)
    for i, a in enumerate(samples):
        for j, b in enumerate(samples):
            if i != j:
                direct = estimate(sample(a.values - b.values, a.replicates - b.replicates))
                assert (difference[i, j], error[i, j]) == pytest.approx((direct.mean, direct.error))
                assert (p[i, j] < 0.05) == (not direct.low <= 0 <= direct.high)


def test_holm():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]).tolist() == [1, 1] and holm([]).tolist() == []


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


def test_ranks_of_few():
    assert ranks([], "higher") == [] and ranks([sample(VALUES)], "higher") == [1]
