"""The ladder: its divergences against torch.distributions, and its ways down."""

from collections.abc import Callable

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from vaebench.interfaces import At, Loss
from vaebench_vaes.posterior import Posterior
from vaebench_vaes.zoo.ladder_vae import LadderVAE, density, divergence

SHAPE = (1, 32, 32)


@pytest.fixture
def model(loss: Loss) -> LadderVAE:
    torch.manual_seed(0)
    return LadderVAE(SHAPE, loss, levels=3, maps=2, width=4).requires_grad_(False)


def test_divergence_and_density_are_those_of_torch_distributions() -> None:
    q, p = (Posterior(torch.randn(3, 2, 4, 4), torch.randn(3, 2, 4, 4)) for _ in range(2))
    normal = [Normal(one.mean, (one.logvar / 2).exp()) for one in (q, p)]
    torch.testing.assert_close(divergence(q, p), kl_divergence(*normal).flatten(1).sum(1))
    z = torch.randn(3, 2, 4, 4)
    torch.testing.assert_close(density(p, z), normal[1].log_prob(z).flatten(1).sum(1))


def test_levels_grow_and_the_code_holds_all_of_them(model: LadderVAE, images: Callable) -> None:
    assert [grid[1:] for grid in model.grids] == [(4, 4), (8, 8), (16, 16)]
    assert model.encode(images(2)[:]).shape == (2, 2 * (16 + 64 + 256))


def test_decoding_the_code_is_the_way_down_through_the_means(model: LadderVAE, images: Callable) -> None:
    x = images(2)[:]
    raw, _ = model.descend(2, x, lambda _, step: step[1].mean)
    torch.testing.assert_close(model.reconstruct(x), model.criterion.image(raw))


def test_with_one_level_s_posterior_equal_to_its_prior_that_level_costs_nothing(
    model: LadderVAE, images: Callable
) -> None:
    for part in (model.levels[1].to_prior[-1], model.levels[1].to_posterior[-1]):
        part.weight.zero_()
        part.bias.zero_()
    (objectives,) = model.objectives(images(2)[:], At("main", 9, 10))
    assert objectives["all"]["kl_2"].abs().max() == 0 < objectives["all"]["kl_1"].min()


def test_there_are_no_more_levels_than_grids(loss: Loss) -> None:
    assert len(LadderVAE((1, 28, 28), loss, levels=4, width=4).levels) == 2
