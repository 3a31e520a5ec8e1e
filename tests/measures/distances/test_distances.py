"""Distances and neighbourhoods against torch-fidelity and scipy, and on samples of known distributions."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
import torch

from vaebench_measures.distances.cloud import Cloud, halving_error
from vaebench_measures.distances.frechet import by_gaussians, frechet
from vaebench_measures.distances.neighbours import compare


def cloud(count: int, features: int, seed: int | list[int], shift: float = 0.0, scale: float = 1.0) -> np.ndarray:
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


def of_patients(count: int, seed: int, each: int = 4, shift: float = 0.0) -> Cloud:
    """So many images of every patient, alike by half of the variance."""
    own, rest = (cloud(n, 4, [seed, n]) for n in (count, count * each))
    groups = np.repeat(np.arange(count), each)
    return Cloud((own[groups] + rest) / np.sqrt(2) + shift, groups)


def test_halving_gives_the_error_that_repetition_shows():
    """Halves of images would give little more than half of it."""
    pairs = [(Cloud(cloud(200, 4, [9, seed])), of_patients(25, seed, each=8, shift=0.7)) for seed in range(100)]
    found = [frechet(x.rows, y.rows) for x, y in pairs]
    errors, blind = np.mean([(by_gaussians(x, y)[1], by_gaussians(x, Cloud(y.rows))[1]) for x, y in pairs[:30]], 0)
    assert errors == pytest.approx(np.std(found), rel=0.25)
    assert blind < 0.75 * np.std(found)


def test_reconstructions_are_halved_with_the_images_they_are_of():
    test = of_patients(30, 0)
    same = Cloud(test.rows + 0.3, test.groups)
    assert halving_error(frechet, same, test) < 1e-9 < 1e-2 < halving_error(frechet, Cloud(same.rows), test)


def test_frechet_of_one_distribution_is_its_bias_which_halves_as_samples_double():
    few, many = (np.mean([frechet(cloud(n, 8, 2 * s), cloud(n, 8, 2 * s + 1)) for s in range(20)]) for n in (200, 400))
    assert few / many == pytest.approx(2, rel=0.2)
    _, error = by_gaussians(Cloud(cloud(400, 8, 0)), Cloud(cloud(400, 8, 1)))
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
