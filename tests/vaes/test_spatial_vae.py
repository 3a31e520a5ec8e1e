"""The matrix-variate normal against a dense Gaussian over all entries of a map."""

from collections.abc import Callable

import pytest
import torch
from torch.distributions import MultivariateNormal, kl_divergence

from vaebench.interfaces import Loss
from vaebench_vaes.posterior import Posterior
from vaebench_vaes.spatial_vae import SpatialVAE

SHAPE = (1, 32, 64)
"""A grid of 2 x 4, so that rows and columns cannot be confused."""


@pytest.fixture
def model(loss: Loss) -> SpatialVAE:
    torch.manual_seed(0)
    return SpatialVAE(SHAPE, loss, latent=16, width=8)


def dense(model: SpatialVAE, statistics: torch.Tensor) -> list[MultivariateNormal]:
    """Per map, vec(Z) ~ N(vec(mu nu^T), U x V), rows first."""
    rows, columns = model.rows, model.columns
    mean, log = statistics.view(2, model.maps, rows + columns)
    found = []
    for k in range(model.maps):
        mu, nu, u, v = mean[k, :rows], mean[k, rows:], log[k, :rows].exp().diag(), log[k, rows:].exp().diag()
        found.append(MultivariateNormal(torch.outer(mu, nu).flatten(), torch.kron(u, v)))
    return found


def test_low_rank_needs_two_numbers_per_row_and_column_of_each_map(model: SpatialVAE) -> None:
    assert (model.rows, model.columns, model.maps, model.latent) == (2, 4, 2, 16)
    assert model.to_latent[-1].out_features == 2 * model.maps * (2 + 4)


def test_kl_is_that_of_the_dense_gaussian(model: SpatialVAE) -> None:
    statistics = torch.randn(3, model.to_latent[-1].out_features)
    size = model.rows * model.columns
    prior = MultivariateNormal(torch.zeros(size), torch.eye(size))
    expected = [sum(kl_divergence(q, prior) for q in dense(model, row)) for row in statistics]
    torch.testing.assert_close(model.low_rank(statistics).kl(), torch.stack(expected), rtol=1e-4, atol=1e-4)


def test_draws_have_the_dense_gaussian_s_moments(model: SpatialVAE) -> None:
    statistics = 0.5 * torch.randn(1, model.to_latent[-1].out_features)
    posterior = model.low_rank(statistics.repeat(40_000, 1))
    drawn = posterior.draw(torch.Generator().manual_seed(0)).view(40_000, model.maps, -1)
    for k, q in enumerate(dense(model, statistics[0])):
        torch.testing.assert_close(drawn[:, k].mean(0), q.mean, atol=0.03, rtol=0.03)
        torch.testing.assert_close(drawn[:, k].T.cov(), q.covariance_matrix, atol=0.06, rtol=0.05)


def test_the_scales_of_rows_and_columns_may_trade_places(model: SpatialVAE) -> None:
    """omega c and psi / c, like c mu and nu / c, are one density."""
    statistics = torch.randn(3, model.to_latent[-1].out_features)
    moved = statistics.view(3, 2, model.maps, -1).clone()
    moved[:, 1, :, : model.rows] += 1.5
    moved[:, 1, :, model.rows :] -= 1.5
    moved[:, 0, :, : model.rows] *= 3
    moved[:, 0, :, model.rows :] /= 3
    one, two = model.low_rank(statistics), model.low_rank(moved.flatten(1))
    torch.testing.assert_close(one.mean, two.mean)
    torch.testing.assert_close(one.logvar, two.logvar)


def test_the_decoder_sees_maps_not_a_vector(model: SpatialVAE) -> None:
    """An entry of Z reaches only its neighbourhood in the decoder's first grid."""
    z = torch.zeros(1, model.latent)
    touched = z.clone()
    touched[0, 0] = 1.0  # map 0, row 0, column 0
    change = (model.from_latent(touched) - model.from_latent(z)).abs().sum((0, 1))
    assert (change[:, :2] > 0).all()
    assert (change[:, 2:] == 0).all()


def test_naive_gives_every_entry_its_own_mean_and_variance(loss: Loss, images: Callable) -> None:
    model = SpatialVAE((1, 32, 32), loss, latent=32, naive=True, width=8)
    statistics = torch.randn(2, model.to_latent[-1].out_features)
    assert statistics.shape[1] == 2 * model.latent
    assert torch.linalg.matrix_rank(model.posterior(images(1)[:]).mean.view(-1, 4, 4)).min() > 1
    torch.testing.assert_close(Posterior.of(statistics).mean, statistics[:, :32])


def test_the_low_rank_mean_has_rank_one(loss: Loss, images: Callable) -> None:
    model = SpatialVAE((1, 32, 32), loss, latent=32, width=8)
    assert torch.linalg.matrix_rank(model.encode(images(4)[:]).view(-1, 4, 4), rtol=1e-4).max() == 1


@pytest.mark.parametrize(("side", "latent", "expected"), [(32, 32, 32), (32, 3, 16), (28, 32, 49), (28, 100, 98)])
def test_code_size_is_the_nearest_whole_number_of_maps(loss: Loss, side: int, latent: int, expected: int) -> None:
    assert SpatialVAE((1, side, side), loss, latent=latent, width=4).latent == expected
