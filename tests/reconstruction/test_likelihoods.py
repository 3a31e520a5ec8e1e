"""Likelihoods against torch.distributions; a learned spread finds the true one."""

from __future__ import annotations

import pytest
import torch
from torch import distributions

from vaebench_reconstruction.likelihoods import Gaussian, Laplace
from vaebench_reconstruction.pixels import L1, Mse


def outputs() -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    return torch.randn(3, 3, 28, 28), torch.rand(3, 3, 28, 28)


@pytest.mark.parametrize("learned", [True, False])
def test_each_is_the_negative_log_density(learned):
    raw, target = outputs()
    normal = distributions.Normal(raw.sigmoid(), 0.3)
    laplace = distributions.Laplace(raw.sigmoid(), 0.3)
    torch.testing.assert_close(Gaussian(0.09, learned)(raw, target), -normal.log_prob(target).sum((1, 2, 3)))
    torch.testing.assert_close(Laplace(0.3, learned)(raw, target), -laplace.log_prob(target).sum((1, 2, 3)))


def test_at_unit_spread_they_differ_from_mse_and_l1_by_a_constant():
    raw, target = outputs()
    for likelihood, plain in ((Gaussian(0.5, False), Mse()), (Laplace(1.0, False), L1())):
        torch.testing.assert_close(
            (likelihood(raw, target) - plain(raw, target)).diff(), torch.zeros(2), atol=2e-3, rtol=0
        )


@pytest.mark.parametrize(
    ("loss", "truth"), [(Gaussian(), lambda e: (e**2).mean()), (Laplace(), lambda e: e.abs().mean())]
)
def test_a_learned_spread_becomes_that_of_the_errors(loss, truth):
    raw, target = outputs()
    optimiser = torch.optim.Adam(loss.parameters(), lr=0.003)
    for _ in range(300):
        optimiser.zero_grad()
        loss(raw, target).mean().backward()
        optimiser.step()
    spread = next(m for m in loss.children())()
    assert spread.item() == pytest.approx(truth(raw.sigmoid() - target).item(), rel=1e-2)


@pytest.mark.parametrize("loss", [Gaussian, Laplace])
def test_a_perfect_output_drives_the_spread_no_lower_than_rounding(loss):
    loss = loss()
    optimiser = torch.optim.Adam(loss.parameters(), lr=0.03)
    for _ in range(200):
        optimiser.zero_grad()
        value = loss(torch.zeros(1, 1, 4, 4), torch.full((1, 1, 4, 4), 0.5))
        value.sum().backward()
        optimiser.step()
    (spread,) = loss.children()
    assert value.isfinite().all()
    assert spread.floor <= spread().item() < 1.01 * spread.floor


@pytest.mark.parametrize(("loss", "truth"), [(Gaussian(), 0.005), (Laplace(), 0.005**0.5)])
def test_a_learned_spread_gets_to_a_small_error_in_the_steps_of_a_short_training(loss, truth):
    """By Adam at a network's learning rate, under which a plain logarithm would have gone down by a fifth."""
    raw = torch.zeros(8, 1, 28, 28)
    optimiser = torch.optim.Adam(loss.parameters(), lr=1e-3)
    for _ in range(200):
        optimiser.zero_grad()
        loss(raw, 0.5 + 0.005**0.5 * torch.randn(8, 1, 28, 28).sign()).mean().backward()
        optimiser.step()
    (spread,) = loss.children()
    assert spread().item() == pytest.approx(truth, rel=0.05)


@pytest.mark.parametrize("loss", [Gaussian(0.02), Laplace(0.3)])
def test_facts_give_the_spread_and_what_a_unit_of_error_costs(loss):
    facts = loss.facts()
    one, two = (loss(torch.zeros(1, 1, 1, 1), torch.full((1, 1, 1, 1), 0.5 + d)).item() for d in (0.1, 0.2))
    error = 0.04 - 0.01 if isinstance(loss, Gaussian) else 0.1
    assert (two - one) / error == pytest.approx(facts["error_weight"], rel=1e-3)
    assert (facts.get("pixel_variance"), facts.get("pixel_scale")) in [
        (pytest.approx(0.02, rel=1e-4), None), (None, pytest.approx(0.3, rel=1e-4))
    ]  # fmt: skip


def test_a_spread_s_gradient_does_not_dominate_the_norm_that_is_clipped():
    raw = torch.zeros(4, 1, 64, 64, requires_grad=True)
    loss = Gaussian(0.2)
    loss(raw, torch.rand(4, 1, 64, 64)).mean().backward()
    (parameter,) = loss.parameters()
    assert 0 < parameter.grad.abs() < 10


def test_fixed_means_nothing_to_train():
    assert [p for p in Gaussian(learned=False).parameters() if p.requires_grad] == []
    assert len(list(Gaussian().parameters())) == 1


@pytest.mark.parametrize("wrong", [0.0, -1.0, 1e-9, float("nan")])
def test_an_impossible_spread_is_refused(wrong):
    with pytest.raises(ValueError, match="give a larger one"):
        Gaussian(wrong)
    with pytest.raises(ValueError, match="give a larger one"):
        Laplace(wrong)
