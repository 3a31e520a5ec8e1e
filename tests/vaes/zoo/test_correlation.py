"""beta-TC-VAE and FactorVAE: total correlation where it is known."""

import math
from collections.abc import Callable

import pytest
import torch

from vaebench.interfaces import At, Loss
from vaebench_vaes.posterior import Posterior
from vaebench_vaes.vae import VAE
from vaebench_vaes.zoo.factor_vae import FactorVAE, shuffled
from vaebench_vaes.zoo.tc_vae import TCVAE, total_correlation

SHAPE = (1, 32, 32)


def test_independent_dimensions_have_no_total_correlation_and_copies_have() -> None:
    """Of q(z) = N(0, 1) twice over with correlation r, it is -1/2 ln(1 - r^2)."""
    torch.manual_seed(0)
    count, narrow = 3000, math.log(0.04)
    one, two = torch.randn(2, count)
    for other, expected in ((two, 0.0), (0.8 * one + 0.6 * two, None)):
        means = torch.stack([one, other], 1)
        posterior = Posterior(means, torch.full_like(means, narrow))
        if expected is None:
            covariance = 0.8 / 1.04  # what the posteriors' own variance leaves of it
            expected = -0.5 * math.log(1 - covariance**2)
        assert total_correlation(posterior.draw(), posterior).mean().item() == pytest.approx(expected, abs=0.06)


def test_densities_are_those_of_torch_distributions() -> None:
    torch.manual_seed(0)
    posterior, z = Posterior(torch.randn(4, 3), torch.randn(4, 3)), torch.randn(5, 3)
    normal = torch.distributions.Normal(posterior.mean, (posterior.logvar / 2).exp())
    torch.testing.assert_close(posterior.densities(z), normal.log_prob(z[:, None]))
    noise = torch.randn(4, 3)
    torch.testing.assert_close(posterior.density_at(noise), normal.log_prob(posterior.at(noise)).sum(1))


def test_beta_one_is_the_vae(loss: Loss, images: Callable) -> None:
    x, found = images(4)[:], []
    for kind, params in ((VAE, {}), (TCVAE, {"tc": 1.0}), (TCVAE, {"tc": 3.0})):
        torch.manual_seed(0)
        model = kind(SHAPE, loss, width=4, **params)
        torch.manual_seed(1)
        (objectives,) = model.objectives(x, At("main", 9, 10))
        found.append(dict(objectives["all"]))
    assert found[1].pop("total_correlation").abs().max() == 0
    torch.testing.assert_close(found[0], found[1])
    assert found[2]["total_correlation"].abs().max() > 0


def test_shuffling_keeps_every_dimension_s_values_and_breaks_the_rows() -> None:
    torch.manual_seed(0)
    z = torch.arange(40.0)[:, None] + torch.tensor([0.0, 100.0])
    mixed = shuffled(z)
    assert torch.equal(mixed.sort(0).values, z)
    assert (mixed[:, 1] - mixed[:, 0] != 100).any()


def test_factor_vae_routes_its_objectives(loss: Loss, images: Callable, routed: Callable) -> None:
    """The discriminator learns from its own question alone, and its verdict reaches the encoder."""
    model, x = FactorVAE(SHAPE, loss, width=4, gamma=2.0), images(6)[:]
    (found,) = routed(model, x)
    assert all(any(slope.abs().max() > 0 for slope in own) for own in found.values())
    torch.manual_seed(0)
    z = model.posterior(x).draw()
    (objectives,) = model.objectives(x, At("main", 9, 10))
    torch.manual_seed(0)
    (objectives,) = model.objectives(x, At("main", 9, 10))
    torch.testing.assert_close(objectives["vae"]["total_correlation"], 2 * model.discriminator(z))
