"""Distances and neighbourhoods against torch-fidelity and scipy, and on samples of known distributions."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
import torch

from vaebench_measures.distances import frechet, halving_error, kernel_distance
from vaebench_measures.neighbours import compare


def cloud(count: int, features: int, seed: int, shift: float = 0.0, scale: float = 1.0) -> np.ndarray:
    """Correlated normal features."""
    mixing = np.random.default_rng(99).normal(size=(features, features)) / np.sqrt(features)
    return scale * np.random.default_rng(seed).normal(size=(count, features)) @ mixing + shift


def fidelitys_frechet(x: np.ndarray, y: np.ndarray) -> float:
    from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric

    statistics = [fid_features_to_statistics(torch.from_numpy(z)) for z in (x, y)]
    return fid_statistics_to_metric(*statistics, verbose=False)["frechet_inception_distance"]


@pytest.mark.parametrize("features", [1, 16, 128])
def test_frechet_agrees_with_torch_fidelity(fidelity, features):
    x, y = cloud(400, features, 0), cloud(300, features, 1, shift=0.1, scale=1.3)
    expected = fidelitys_frechet(x, y) if features > 1 else None
    if features == 1:
        expected = (x.mean() - y.mean()) ** 2 + (x.std(ddof=1) - y.std(ddof=1)) ** 2
    assert frechet(x, y) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(("n", "m"), [(20, 30), (20, 200), (200, 20), (40, 41)])
def test_frechet_is_exact_below_the_number_of_features(n, m):
    x, y = cloud(n, 40, 0), cloud(m, 40, 1, shift=0.2)
    first, second = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    root = scipy.linalg.sqrtm(first.astype(np.complex128) @ second).real.trace()
    # The nuclear norm of the crossed, centred rows is the same trace without a root of a singular matrix.
    crossed = (x - x.mean(0)) @ (y - y.mean(0)).T / np.sqrt((n - 1) * (m - 1))
    exact = np.linalg.norm(crossed, "nuc")
    rest = np.square(x.mean(0) - y.mean(0)).sum() + first.trace() + second.trace()
    assert frechet(x, y) == pytest.approx(rest - 2 * exact, rel=1e-6)
    assert root == pytest.approx(exact, rel=1e-3)


def test_frechet_with_features_that_never_vary():
    x, y = (np.pad(cloud(90, 8, seed), ((0, 0), (0, 4)), constant_values=3.0) for seed in (0, 1))
    assert frechet(x, y) == pytest.approx(frechet(x[:, :8], y[:, :8]), rel=1e-9)
    still = np.full((50, 12), 3.0)
    away = np.square(x.mean(0) - 3).sum() + np.cov(x, rowvar=False).trace()
    assert frechet(still, x) == pytest.approx(away, rel=1e-9)
    assert frechet(x, still) == pytest.approx(away, rel=1e-9)
    assert frechet(still, still) == 0


def test_frechet_is_zero_between_equals_and_symmetric():
    x, y = cloud(100, 20, 0), cloud(70, 20, 1)
    assert abs(frechet(x, x)) < 1e-9
    assert frechet(x, y) == pytest.approx(frechet(y, x), rel=1e-9)
    assert frechet(x, x + 0.5) == pytest.approx(20 * 0.25)


@pytest.mark.parametrize("features", [4, 64])
def test_kernel_distance_agrees_with_torch_fidelity(fidelity, features):
    from torch_fidelity.metric_kid import KEY_METRIC_KID_MEAN, kid_features_to_metric

    x, y = cloud(150, features, 0), cloud(150, features, 1, shift=0.2)
    whole = {"kid_subsets": 1, "kid_subset_size": 150, "verbose": False}
    expected = kid_features_to_metric(torch.from_numpy(x), torch.from_numpy(y), **whole)[KEY_METRIC_KID_MEAN]
    assert kernel_distance(x, y) == pytest.approx(expected, rel=1e-9)


def test_kernel_distance_is_unbiased_at_unequal_counts():
    found = [kernel_distance(cloud(30, 8, 2 * seed), cloud(50, 8, 2 * seed + 1)) for seed in range(100)]
    assert abs(np.mean(found)) < 3 * np.std(found) / 10
    assert np.min(found) < 0 < np.max(found)


def shifted_pair(seed: int) -> tuple[np.ndarray, np.ndarray]:
    return cloud(60, 4, 2 * seed), cloud(60, 4, 2 * seed + 1, shift=0.7)


def test_halving_gives_the_error_that_repetition_shows():
    found = [kernel_distance(*shifted_pair(seed)) for seed in range(60)]
    errors = [halving_error(kernel_distance, *shifted_pair(seed)) for seed in range(20)]
    assert np.mean(errors) == pytest.approx(np.std(found), rel=0.25)


def test_frechet_of_one_distribution_is_its_bias_which_halves_as_samples_double():
    few, many = (np.mean([frechet(cloud(n, 8, 2 * s), cloud(n, 8, 2 * s + 1)) for s in range(20)]) for n in (200, 400))
    assert few / many == pytest.approx(2, rel=0.2)
    error = halving_error(frechet, cloud(400, 8, 0), cloud(400, 8, 1))
    assert frechet(cloud(400, 8, 0), cloud(400, 8, 1, scale=1.5)) > many + 5 * error


def test_precision_and_recall_agree_with_torch_fidelity(fidelity):
    from torch_fidelity.metric_prc import calculate_precision_recall_full

    x, y = cloud(120, 3, 0, scale=0.8), cloud(90, 3, 1)
    found = compare(x, y, k=3)
    precision, recall = calculate_precision_recall_full(torch.from_numpy(x), torch.from_numpy(y), 3)
    assert found.precision == pytest.approx(precision, abs=1e-6)
    assert found.recall == pytest.approx(recall, abs=1e-6)
    assert 0.3 < recall < precision < 1


def test_density_and_coverage_by_their_definition():
    real = np.array([[0.0], [1.0], [2.0], [10.0]])  # balls at k = 1: radius 1, 1, 1, 8
    samples = np.array([[0.5], [0.6], [3.5], [40.0]])  # inside {0,1}, {0,1}, {10}, none
    found = compare(samples, real, k=1)
    assert found.density == (2 + 2 + 1 + 0) / 4
    assert found.coverage == 3 / 4
    assert found.precision == 3 / 4
    # Balls of samples: radius 0.1, 0.1, 2.9, 36.5; the last two hold 1, 2 and 10.
    assert found.recall == 3 / 4


def test_a_mode_that_is_dropped_shows_in_recall_and_coverage_only():
    real = np.concatenate([cloud(200, 4, 0), cloud(200, 4, 1, shift=20)])
    found = compare(cloud(300, 4, 2), real)
    assert found.precision > 0.9 and found.density > 0.8
    assert found.recall < 0.55 and 0.4 < found.coverage < 0.55
    same = compare(real, real)
    assert same.precision == same.recall == same.coverage == 1
