"""mean-image against its definition, and pca against scikit-learn."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA as Reference
from torch.distributions import Normal

from vaebench.interfaces import Images
from vaebench_vaes.mean_image import MeanImage
from vaebench_vaes.pca import PCA

SHAPE = (1, 12, 12)
PIXELS = 144


@pytest.fixture
def data() -> Images:
    """Noise of unequal strength along five directions, so that eigenvalues differ."""
    generator = np.random.default_rng(0)
    values = 128 + generator.normal(size=(400, 5)) * (60, 50, 40, 30, 25) @ generator.normal(size=(5, PIXELS)) / 3
    values += generator.normal(size=values.shape) * 6
    return Images(torch.from_numpy(values.clip(0, 255).astype(np.uint8)).unflatten(1, SHAPE))


def fitted(images: Images, latent: int = 5) -> PCA:
    model = PCA(SHAPE, latent=latent)
    model.fit(images)
    return model


def reference(x: np.ndarray, latent: int = 5) -> Reference:
    """scikit-learn divides by n - 1 where maximum likelihood divides by n."""
    oracle = Reference(latent, svd_solver="full").fit(x)
    shrink = (len(x) - 1) / len(x)
    oracle.explained_variance_ = oracle.explained_variance_ * shrink
    oracle.noise_variance_ = oracle.noise_variance_ * shrink
    return oracle


def test_pca_is_scikit_learn_s(data: Images) -> None:
    x = data[:].flatten(1).double().numpy()
    model, oracle = fitted(data), reference(x)
    np.testing.assert_allclose(model.variances, oracle.explained_variance_, rtol=1e-5)
    np.testing.assert_allclose(model.noise, oracle.noise_variance_, rtol=1e-5)
    np.testing.assert_allclose(np.abs(model.directions.T.numpy() @ oracle.components_.T), np.eye(5), atol=1e-5)
    np.testing.assert_allclose(-model.scores(data[:])["nll"], oracle.score_samples(x), rtol=1e-4)


def test_the_covariance_and_the_gram_matrix_give_one_answer(data: Images) -> None:
    few = Images(data.pixels[:100])
    model, oracle = fitted(few), Reference(5, svd_solver="full").fit(few[:].flatten(1).double().numpy())
    assert len(few) < PIXELS <= len(data)
    np.testing.assert_allclose(model.variances, oracle.explained_variance_ * 99 / 100, rtol=1e-5)
    np.testing.assert_allclose(np.abs(model.directions.T.numpy() @ oracle.components_.T), np.eye(5), atol=1e-5)


def test_the_code_is_the_posterior_mean_of_the_factor_model(data: Images) -> None:
    model, x = fitted(data), data[:8]
    w = model.directions * model.stretch()
    m = w.T @ w + model.noise * torch.eye(5)
    expected = torch.linalg.solve(m, w.T @ (x.flatten(1) - model.mean).T).T
    torch.testing.assert_close(model.encode(x), expected, atol=1e-4, rtol=1e-4)
    pixels = (expected @ w.T + model.mean).clamp(0, 1)
    torch.testing.assert_close(model.reconstruct(x).flatten(1), pixels, atol=1e-5, rtol=1e-4)


def test_samples_and_variations_have_the_model_s_spread(data: Images) -> None:
    model = fitted(data)
    drawn = model.sample(4000, torch.Generator().manual_seed(0))
    expected = (model.directions * model.stretch()).square().sum(1).sqrt()
    torch.testing.assert_close(drawn.flatten(1).std(0), expected, atol=0.01, rtol=0.06)
    varied = model.vary(data[:1].repeat(4000, 1, 1, 1), torch.Generator().manual_seed(0))
    spread = model.encode(varied).std(0) / (model.noise / model.variances).sqrt()
    shrunk = model.stretch().square() / model.variances
    torch.testing.assert_close(spread, shrunk, atol=0.06, rtol=0)


def test_more_latents_than_images_leave_the_rest_to_noise(data: Images) -> None:
    few = Images(data.pixels[:4])
    model = fitted(few, latent=10)
    assert torch.isfinite(model.scores(data[:])["nll"]).all()
    torch.testing.assert_close(model.reconstruct(few[:]), few[:], atol=2e-3, rtol=0)
    assert model.encode(data[:])[:, 3:].abs().max() == 0


@pytest.mark.parametrize("latent", [0, PIXELS])
def test_pca_refuses_impossible_sizes(latent: int) -> None:
    with pytest.raises(ValueError, match="latent"):
        PCA(SHAPE, latent=latent)


@pytest.mark.parametrize("kind", [MeanImage, PCA])
def test_a_stored_fit_loads_into_a_fresh_model(kind: Callable, data: Images) -> None:
    model, fresh = kind(SHAPE), kind(SHAPE)
    model.fit(data)
    fresh.load_state_dict(model.state_dict(), strict=True)
    assert torch.equal(fresh.scores(data[:9])["nll"], model.scores(data[:9])["nll"])


def test_mean_image_shows_the_mean_and_scores_by_the_pixel_s_gaussian(data: Images) -> None:
    model = MeanImage(SHAPE)
    model.fit(data)
    x = data[:]
    torch.testing.assert_close(model.reconstruct(x[:3]), x.mean(0).expand(3, *SHAPE))
    torch.testing.assert_close(model.sample(2, torch.Generator()), x.mean(0).expand(2, *SHAPE))
    assert not model.encode(x).any()
    expected = -Normal(x.mean(0), x.std(0, correction=0)).log_prob(x).sum((1, 2, 3))
    torch.testing.assert_close(model.scores(x)["nll"], expected, rtol=1e-4, atol=1e-2)


def test_mean_image_scores_a_pixel_that_never_changed_by_the_rounding() -> None:
    model = MeanImage(SHAPE)
    model.fit(Images(torch.full((3, *SHAPE), 7, dtype=torch.uint8)))
    assert torch.isfinite(model.scores(torch.ones(1, *SHAPE))["nll"]).all()
