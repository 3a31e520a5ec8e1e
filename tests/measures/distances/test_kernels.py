"""The kernel distance against torch-fidelity and by hand; unbiased whatever patients bring, its errors right."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import torch

from vaebench.patients import patient_draws
from vaebench_measures.distances import kernels
from vaebench_measures.distances.cloud import Cloud
from vaebench_measures.distances.kernels import by_kernel, cubic, distance, gaussian, under_draws


def cloud(count: int, features: int, seed: int, shift: float = 0.0) -> Cloud:
    return Cloud(np.random.default_rng(seed).normal(size=(count, features)) + shift)


def of_patients(count: int, features: int, seed: int) -> Cloud:
    """From one to five images of every patient, alike by half of the variance."""
    random = np.random.default_rng(seed)
    groups = np.repeat(random.permutation(count), random.integers(1, 6, count))
    own = random.normal(size=(count, features))[groups]
    return Cloud((own + random.normal(size=own.shape)) / np.sqrt(2), groups)


def kernel(a: np.ndarray, b: np.ndarray) -> float:
    return float((a @ b / len(a) + 1) ** 3)


@pytest.mark.parametrize("features", [4, 64])
def test_it_agrees_with_torch_fidelity(fidelity, features):
    from torch_fidelity.metric_kid import KEY_METRIC_KID_MEAN, kid_features_to_metric

    x, y = cloud(150, features, 0), cloud(150, features, 1, shift=0.2)
    whole = {"kid_subsets": 1, "kid_subset_size": 150, "verbose": False}
    rows = (torch.from_numpy(one.rows) for one in (x, y))
    expected = kid_features_to_metric(*rows, **whole)[KEY_METRIC_KID_MEAN]
    assert by_kernel(x, y)[0] == pytest.approx(expected, rel=1e-9)


def test_two_images_of_one_patient_are_no_pair():
    x, y = of_patients(6, 3, 0), of_patients(5, 3, 1)
    means = []
    for one in (x, y):
        rows = list(zip(one.rows, one.groups, strict=True))
        means.append(np.mean([kernel(a, b) for a, p in rows for b, q in rows if p != q]))
    across = np.mean([kernel(a, b) for a in x.rows for b in y.rows])
    assert by_kernel(x, y)[0] == pytest.approx(sum(means) - 2 * across, rel=1e-9)


@pytest.mark.parametrize("alone", [True, False], ids=["images", "patients"])
def test_it_is_unbiased_at_unequal_counts(alone):
    make = cloud if alone else of_patients
    found = [by_kernel(cloud(40, 4, 2 * seed), make(20, 4, 2 * seed + 1))[0] for seed in range(200)]
    assert abs(np.mean(found)) < 3 * np.std(found) / np.sqrt(200)
    assert np.min(found) < 0 < np.max(found)


def test_its_errors_are_what_repetition_shows():
    """By halves, and under draws of patients and samples."""
    pairs = [(cloud(80, 4, 2 * seed, shift=0.7), of_patients(60, 4, 2 * seed + 1)) for seed in range(80)]
    found = [by_kernel(*pair) for pair in pairs]
    deviation = np.std([value for value, _ in found])
    assert np.mean([error for _, error in found]) == pytest.approx(deviation, rel=0.25)
    replicates = [under_draws(x, y, patient_draws(y.groups, str(n))) for n, (x, y) in enumerate(pairs[:30])]
    assert np.mean([values.std() for values in replicates]) == pytest.approx(deviation, rel=0.25)


def test_a_patients_influence_is_the_slope_of_the_distance():
    """By hand: how the distance changes as one patient counts a little more."""
    x, y = cloud(12, 3, 0, shift=0.5), of_patients(6, 3, 1)
    found = distance(x, y)

    def counted(times: np.ndarray) -> float:
        weight = times[y.groups]
        inner = [
            (weight[i] * weight[j], kernel(a, b))
            for i, a in enumerate(y.rows)
            for j, b in enumerate(y.rows)
            if y.groups[i] != y.groups[j]
        ]
        weights, values = np.array(inner).T
        across = np.average([[kernel(a, b) for b in y.rows] for a in x.rows], 1, weights=weight).mean()
        return float(np.average(values, weights=weights) - 2 * across)

    slopes = [(counted(1 + step) - counted(1 - step)) / 2e-4 for step in 1e-4 * np.eye(6)]
    assert found.influences[1] == pytest.approx(slopes, rel=1e-4, abs=1e-7)
    assert [influence.sum() for influence in found.influences] == pytest.approx([0, 0], abs=1e-9)


@pytest.mark.parametrize("kernel", [cubic, gaussian])
def test_near_zero_its_error_is_no_longer_that_of_random_halves(kernel):
    """Halves and redrawn patients show 1.7 times the deviation there."""
    pairs = [(cloud(60, 4, 2 * seed), of_patients(40, 4, 2 * seed + 1)) for seed in range(200)]
    found = np.array([by_kernel(*pair, kernel) for pair in pairs])
    claimed = np.sqrt(np.square(found[:, 1]).mean()) / found[:, 0].std()
    assert 0.9 < claimed < 1.4
    draws = [under_draws(x, y, patient_draws(y.groups, str(n)), kernel) for n, (x, y) in enumerate(pairs[:40])]
    spreads = np.array([values.std() for values in draws])
    assert np.sqrt(np.square(spreads).mean()) == pytest.approx(np.sqrt(np.square(found[:40, 1]).mean()), rel=0.15)


def test_the_gaussian_kernel_by_hand():
    x, y = cloud(9, 3, 0), cloud(7, 3, 1)
    by_hand = [
        np.mean([np.exp(-np.square(a - b).sum() / 6) for a in p for b in q if a is not b])
        for p, q in ((list(x.rows),) * 2, (list(y.rows),) * 2, (list(x.rows), list(y.rows)))
    ]
    assert by_kernel(x, y, gaussian)[0] == pytest.approx(by_hand[0] + by_hand[1] - 2 * by_hand[2], rel=1e-9)


@pytest.mark.parametrize("kernel", [cubic, gaussian])
@pytest.mark.parametrize("block", [1, 50, 333])
def test_blocks_change_nothing_but_rounding(monkeypatch, kernel, block):
    x, y = of_patients(12, 3, 0), of_patients(9, 3, 1)
    whole = distance(x, y, kernel)
    monkeypatch.setattr(kernels, "BLOCK", block)
    parts = distance(Cloud(x.rows, x.groups), Cloud(y.rows, y.groups), kernel)
    assert parts[:2] == pytest.approx(whole[:2], rel=1e-9)
    for one, other in zip(parts.influences, whole.influences, strict=True):
        assert one == pytest.approx(other, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("kernel", [cubic, gaussian])
def test_memory_does_not_grow_with_the_square_of_the_images(kernel):
    """At the sizes of the preset `full`, where all kernels of the test images alone would be 200 MB."""
    largest = 0

    def watched(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        nonlocal largest
        values = kernel(a, b)
        largest = max(largest, values.nbytes)
        return values

    x, y = cloud(2000, 2, 0), cloud(5000, 2, 1)
    tracemalloc.start()
    try:
        distance(x, y, watched)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert largest <= 8 * kernels.BLOCK
    assert peak < 64 * 2**20
