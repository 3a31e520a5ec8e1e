"""RAE, WAE and InfoVAE: their terms on given numbers, and the limits in which one is another."""

import math
from collections.abc import Callable

import pytest
import torch

from vaebench.interfaces import At, Loss
from vaebench_vaes.vae import VAE
from vaebench_vaes.zoo.discrepancy import against_normal, discrepancy
from vaebench_vaes.zoo.info_vae import InfoVAE
from vaebench_vaes.zoo.rae import RAE
from vaebench_vaes.zoo.wae_mmd import WAEMMD

SHAPE = (1, 32, 32)


def step(model: torch.nn.Module, x: torch.Tensor) -> dict[str, torch.Tensor]:
    torch.manual_seed(1)
    (objectives,) = model.objectives(x, At("main", 9, 10))
    (terms,) = objectives.values()
    return dict(terms)


def test_the_discrepancy_of_two_pairs_worked_out_by_hand() -> None:
    """In one dimension, C = 2 s: k at distance 0 is 7, and at 1 the sum of 2s / (2s + 1)."""
    apart = sum(2 * s / (2 * s + 1) for s in (0.1, 0.2, 0.5, 1, 2, 5, 10))
    z, drawn = torch.tensor([[0.0], [1.0]]), torch.tensor([[0.0], [0.0]])
    expected = apart + 7 - 2 * (7 + apart) / 2
    assert discrepancy(z, drawn).mean().item() == pytest.approx(expected, abs=1e-5)


def test_the_discrepancy_is_zero_for_the_prior_and_large_for_another() -> None:
    torch.manual_seed(0)
    own = torch.stack([against_normal(torch.randn(64, 8)).mean() for _ in range(50)])
    assert own.mean().abs() < 3 * own.std() / math.sqrt(50)
    assert against_normal(3 + torch.randn(64, 8)).mean() > 20 * own.std()


def test_rae_penalises_codes_and_the_decoder_s_weights(loss: Loss, images: Callable) -> None:
    model, x = RAE(SHAPE, loss, width=4, beta=0.5, decay=1e-3), images(3)[:]
    terms = step(model, x)
    torch.testing.assert_close(terms["code"], 0.25 * model.encode(x).square().sum(1))
    weights = [*model.from_latent.parameters(), *model.decoder.parameters()]
    total = 1e-3 * torch.cat([p.flatten() for p in weights]).square().sum()
    torch.testing.assert_close(terms["decay"], total.expand(3))


def test_without_penalties_rae_and_wae_are_autoencoders(loss: Loss, images: Callable) -> None:
    x = images(3)[:]
    for kind, off in ((RAE, {"beta": 0.0, "decay": 0.0}), (WAEMMD, {"mmd": 0.0})):
        model = kind(SHAPE, loss, width=4, **off)
        terms = step(model, x)
        torch.testing.assert_close(terms.pop("reconstruction"), (model.reconstruct(x) - x).square().sum((1, 2, 3)))
        assert all(term.abs().max() == 0 for term in terms.values())


def test_info_vae_without_information_terms_is_the_vae(loss: Loss, images: Callable) -> None:
    x, found = images(3)[:], []
    for kind, off in ((VAE, {}), (InfoVAE, {"alpha": 0.0, "mmd": 0.0})):
        torch.manual_seed(0)
        found.append(step(kind(SHAPE, loss, width=4, **off), x))
    assert found[1].pop("mmd").abs().max() == 0
    torch.testing.assert_close(found[0], found[1])
