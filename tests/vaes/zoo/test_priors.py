"""Densities of codes against torch.distributions, and what they learn."""

from collections.abc import Callable

import pytest
import torch
from torch.distributions import Categorical, MixtureSameFamily, MultivariateNormal

from vaebench.interfaces import Loss
from vaebench.training.loop import train
from vaebench.trial import Settings
from vaebench_vaes.zoo.priors import Flow, LatentPrior, Mixture
from vaebench_vaes.zoo.two_stage import TwoStage


def test_the_mixture_s_density_is_that_of_torch_distributions() -> None:
    torch.manual_seed(0)
    prior = Mixture(3, components=4).requires_grad_(False)
    for p in prior.parameters():
        p.normal_(std=0.5)
    prior.mean.normal_()
    prior.variance.uniform_(0.5, 2)
    codes = torch.randn(6, 3)
    factors, deviation = prior.factors(), prior.deviation()
    known = MixtureSameFamily(
        Categorical(logits=prior.logits),
        MultivariateNormal(prior.means, precision_matrix=factors.transpose(1, 2) @ factors),
    )
    expected = known.log_prob((codes - prior.mean) / deviation) - deviation.log().sum()
    torch.testing.assert_close(prior.surprise(codes), -expected, rtol=1e-4, atol=1e-4)


def test_draws_of_the_mixture_have_its_mean_and_covariance() -> None:
    prior = Mixture(2, components=1).requires_grad_(False)
    prior.means[:] = torch.tensor([1.0, -2.0])
    prior.scales[:] = torch.tensor([0.5, -0.5])
    prior.below[0, 1, 0] = 0.7
    drawn = prior.sample(20_000, torch.Generator().manual_seed(0))
    (factor,) = prior.factors()
    torch.testing.assert_close(drawn.mean(0), prior.means[0], atol=0.05, rtol=0)
    torch.testing.assert_close(drawn.T.cov(), torch.linalg.inv(factor.T @ factor), atol=0.1, rtol=0.05)


def two_clouds(n: int) -> torch.Tensor:
    """Codes near (5, 5) and (-5, 5): in the first number two peaks, in the second one."""
    side = torch.randint(2, (n, 1)) * 10.0 - 5
    return torch.cat([side, torch.full_like(side, 5.0)], 1) + 0.5 * torch.randn(n, 2)


@pytest.mark.parametrize("prior", [Mixture(2), Flow(2, width=64)], ids=["mixture", "flow"])
def test_a_prior_learns_two_clouds_and_nothing_between(prior: LatentPrior) -> None:
    torch.manual_seed(0)
    group = prior.group()
    optimizer = torch.optim.Adam(prior.parameters(), lr=3 * group.options["lr"])
    for _ in range(400):
        codes = two_clouds(64)
        prior.observe(codes)
        optimizer.zero_grad()
        prior.objective(codes).mean().backward()
        optimizer.step()
    with torch.no_grad():
        drawn = prior.sample(500, torch.Generator().manual_seed(0))
    near = (drawn[:, 0].abs() - 5).abs() < 2.5
    assert near.float().mean() > 0.85
    assert 0.3 < (drawn[:, 0] > 0).float().mean() < 0.7
    assert drawn[:, 1].mean() == pytest.approx(5, abs=0.3)


def test_the_first_stage_is_the_autoencoder_s_and_the_second_leaves_it_alone(loss: Loss, images: Callable) -> None:
    from vaebench_vaes.ae import AE

    outcomes = []
    for kind in (AE, TwoStage):
        torch.manual_seed(0)
        model = kind((1, 32, 32), loss, latent=4, width=4)
        torch.manual_seed(1)
        train(model, images(16), Settings(32, 3, 8), torch.Generator().manual_seed(0), lambda *_: None)
        outcomes.append(model.eval().encode(images(4)[:]))
    assert torch.equal(*outcomes)
