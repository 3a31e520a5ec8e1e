"""The kernel distance against torch-fidelity and by hand; unbiased whatever patients bring, its errors right."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vaebench.patients import patient_draws
from vaebench_measures.distances.cloud import Cloud
from vaebench_measures.distances.kernels import by_kernel, under_draws


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


def test_under_a_draw_of_patients():
    """Two samples, each drawn once or one of them twice, which leaves no pair."""
    x, y = Cloud(np.eye(2, 3)), of_patients(6, 3, 1)
    draw = np.concatenate([np.flatnonzero(y.groups == patient) for patient in (4, 4, 2, 0)])
    rows = list(zip(y.rows[draw], y.groups[draw], strict=True))
    within = np.mean([kernel(a, b) for a, p in rows for b, q in rows if p != q])
    across = np.mean([kernel(a, b) for a in x.rows for b, _ in rows])
    found = under_draws(x, y, [draw] * 50)
    assert 10 < np.isfinite(found).sum() < 40
    assert found[np.isfinite(found)] == pytest.approx(kernel(*x.rows) + within - 2 * across, rel=1e-9)
    assert np.isnan(under_draws(x, y, [np.flatnonzero(y.groups == 4)] * 5)).all(), "one patient makes no pair"
