"""Priors over codes are distributions, the autoregressive one looks only back, and both learn what they can."""

from collections.abc import Callable
from itertools import product

import pytest
import torch

from vaebench.interfaces import At
from vaebench.training.stepper import Stepper
from vaebench_vaes.code_prior import Autoregressive, PerPosition, Prior

KINDS = [Autoregressive, PerPosition]


def build(kind: Callable[..., Prior], codes: int = 3, places: int = 4) -> Prior:
    torch.manual_seed(0)
    prior = kind(codes, places, 16)
    for parameter in prior.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return prior


def learn(prior: Prior, codes: torch.Tensor, steps: int = 200) -> None:
    stepper = Stepper(prior.group())
    for step in range(steps):
        total = prior.surprise(codes[torch.randint(len(codes), (64,))]).mean()
        stepper.schedule_rate(At("prior", step, steps))
        stepper.step(stepper.gradients(total, keep_graph=False))


@pytest.mark.parametrize("kind", KINDS)
def test_the_chances_of_all_grids_sum_to_one(kind: Callable) -> None:
    everything = torch.tensor(list(product(range(3), repeat=4)))
    assert float((-build(kind).surprise(everything)).exp().sum().detach()) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("place", range(4))
def test_autoregressive_logits_see_only_earlier_codes(place: int) -> None:
    prior = build(Autoregressive)
    one = torch.tensor([[0, 1, 2, 0]])
    two = one.clone()
    two[0, place] = (one[0, place] + 1) % 3
    change = (prior(one) - prior(two)).abs().amax((0, 2))
    assert change[: place + 1].max() < 1e-6
    assert (change[place + 1 :] > 1e-6).all()


@pytest.mark.parametrize("kind", KINDS)
def test_one_place_after_the_other_gives_the_logits_of_all_at_once(kind: Callable) -> None:
    prior, codes, memory = build(kind), torch.randint(3, (5, 4)), {}
    one_by_one = [prior.next(codes, place, memory) for place in range(4)]
    torch.testing.assert_close(torch.stack(one_by_one, 1), prior(codes))


@pytest.mark.parametrize("kind", KINDS)
def test_samples_come_with_the_chances_of_the_prior(kind: Callable) -> None:
    prior = build(kind, codes=2, places=3)
    everything = torch.tensor(list(product(range(2), repeat=3)))
    with torch.no_grad():
        drawn = prior.sample(20_000, torch.Generator().manual_seed(0))
        expected = (-prior.surprise(everything)).exp()
    found = torch.bincount((drawn * torch.tensor([4, 2, 1])).sum(1), minlength=8) / 20_000
    torch.testing.assert_close(found, expected, atol=0.012, rtol=0)


def test_per_position_learns_the_histogram_of_each_place() -> None:
    torch.manual_seed(0)
    codes = torch.stack([torch.multinomial(torch.tensor(p), 2000, True) for p in ([0.7, 0.2, 0.1], [0.1, 0.3, 0.6])], 1)
    prior = PerPosition(3, 2, 16)
    learn(prior, codes)
    expected = torch.stack([torch.bincount(place, minlength=3) / 2000 for place in codes.T])
    torch.testing.assert_close(prior.logits.detach().softmax(-1), expected, atol=0.03, rtol=0)


def test_only_the_autoregressive_prior_learns_that_codes_repeat() -> None:
    """Two equal fair coins: ln 2 for who sees the first, 2 ln 2 for who does not."""
    torch.manual_seed(0)
    codes = torch.randint(2, (2000, 1)).repeat(1, 2)
    found = []
    for kind in KINDS:
        prior = kind(2, 2, 16)
        learn(prior, codes)
        found.append(float(prior.surprise(codes).mean().detach()))
    assert found == pytest.approx([0.693, 1.386], abs=0.03)
