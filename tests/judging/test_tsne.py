"""t-SNE, against scikit-learn's and against the gradient of what it minimises."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.manifold import TSNE, trustworthiness

from vaebench.judging import tsne


def divergence(near: np.ndarray, points: np.ndarray) -> float:
    """KL(P || Q), in float64 and without tricks."""
    weights = 1 / (1 + np.square(points[:, None].astype(float) - points[None]).sum(-1))
    np.fill_diagonal(weights, 0)
    far, some = weights / weights.sum(), near > 0
    return float((near[some].astype(float) * np.log(near[some].astype(float) / far[some])).sum())


def test_it_is_as_good_as_scikit_learns() -> None:
    values = load_digits().data[:360].astype(np.float32)
    ours = tsne.embedded(values)
    theirs = TSNE(init="pca", random_state=0, n_jobs=1).fit_transform(values)
    near = tsne.affinities(values)
    assert divergence(near, ours) < 1.05 * divergence(near, theirs)
    assert trustworthiness(values, ours) > trustworthiness(values, theirs) - 0.01
    np.testing.assert_array_equal(ours, tsne.embedded(values))


@pytest.mark.parametrize("pull", [1.0, 12.0])
def test_its_steps_follow_the_gradient(pull: float) -> None:
    random = np.random.default_rng(0)
    near, points = tsne.affinities(random.normal(size=(40, 5))), random.normal(size=(40, 2)).astype(np.float32)
    slope = tsne.gradient(near, points, pull, np.empty((2, 40, 40), np.float32))
    weights = 1 / (1 + np.square(points[:, None] - points[None]).sum(-1))
    np.fill_diagonal(weights, 0)
    forces = (pull * near - weights / weights.sum()) * weights
    np.testing.assert_allclose(slope, 4 * (forces[..., None] * (points[:, None] - points[None])).sum(1), atol=1e-5)
    for row, column in ((3, 0), (17, 1)):  # and that is the slope of the divergence
        ahead, behind = points.astype(float), points.astype(float)
        ahead[row, column] += 1e-4
        behind[row, column] -= 1e-4
        numeric = (divergence(near, ahead) - divergence(near, behind)) / 2e-4
        plain = tsne.gradient(near, points, 1.0, np.empty((2, 40, 40), np.float32))
        assert plain[row, column] == pytest.approx(numeric, abs=1e-5)


def test_affinities_are_scikit_learns() -> None:
    from sklearn.manifold._t_sne import _joint_probabilities  # no public way
    from sklearn.metrics import pairwise_distances

    values = np.random.default_rng(1).normal(size=(200, 8))
    apart = pairwise_distances(values, metric="sqeuclidean")
    near = tsne.affinities(values)
    expected = np.zeros_like(apart)
    expected[np.triu_indices(200, 1)] = _joint_probabilities(apart, tsne.PERPLEXITY, 0)
    np.testing.assert_allclose(near, expected + expected.T, atol=2e-6)


@pytest.mark.parametrize("values", [np.arange(400.0)[:, None], np.repeat(np.eye(4), 100, axis=0)])
def test_odd_codes_have_a_map(values: np.ndarray) -> None:
    found = tsne.embedded(values.astype(np.float32))
    assert found.shape == (400, 2) and np.isfinite(found).all()
