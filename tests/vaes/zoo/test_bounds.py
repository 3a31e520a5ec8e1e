"""IWAE and VampPrior: their bounds against the VAE's, and the prior that follows the encoder."""

from collections.abc import Callable

import torch
from torch.distributions import Normal

from vaebench.interfaces import At, Loss
from vaebench_vaes.zoo.iwae import IWAE
from vaebench_vaes.zoo.vamp_vae import VampVAE

SHAPE = (1, 32, 32)


def test_one_draw_is_the_evidence_bound(loss: Loss, images: Callable) -> None:
    model, x = IWAE(SHAPE, loss, latent=3, width=4, draws=1), images(4)[:]
    torch.manual_seed(1)
    (objectives,) = model.objectives(x, At("main", 0, 10))
    torch.manual_seed(1)
    posterior = model.posterior(x)
    z = posterior.draw()
    ratio = Normal(posterior.mean, (posterior.logvar / 2).exp()).log_prob(z) - Normal(0.0, 1.0).log_prob(z)
    expected = (model.decode(z) - x).square().sum((1, 2, 3)) + ratio.sum(1)
    torch.testing.assert_close(objectives["all"]["bound"], expected, rtol=1e-4, atol=1e-3)


def test_more_draws_bound_more(loss: Loss, images: Callable) -> None:
    x, found = images(8)[:], []
    for draws in (1, 16):
        torch.manual_seed(0)
        model = IWAE(SHAPE, loss, latent=3, width=4, draws=draws).requires_grad_(False)
        torch.manual_seed(1)
        steps = [next(model.objectives(x, At("main", 0, 10)))["all"]["bound"].mean() for _ in range(12)]
        found.append(torch.stack(steps).mean())
    assert found[1] < found[0]


def test_the_prior_is_the_mixture_of_the_pseudo_inputs_posteriors(loss: Loss, images: Callable) -> None:
    model = VampVAE(SHAPE, loss, pseudo=3, latent=2, width=4).requires_grad_(False)
    model.fit(images(10))
    assert torch.equal(model.pseudo[0], images(10)[:1][0]) and torch.equal(model.pseudo[2], images(10)[9:10][0])
    z, q = torch.randn(5, 2), model.code_of(model.pseudo)
    each = Normal(q.mean, (q.logvar / 2).exp()).log_prob(z[:, None]).sum(2)
    torch.testing.assert_close(model.surprise(z), -each.exp().mean(1).log(), rtol=1e-4, atol=1e-4)


def test_with_one_pseudo_input_that_is_the_image_the_divergence_vanishes(loss: Loss, images: Callable) -> None:
    model, x = VampVAE(SHAPE, loss, pseudo=1, latent=2, width=4).requires_grad_(False), images(1)[:]
    model.pseudo.copy_(x)
    (objectives,) = model.objectives(x, At("main", 9, 10))
    torch.testing.assert_close(objectives["all"]["divergence"], torch.zeros(1), atol=1e-4, rtol=0)
    assert not torch.equal(*(model.sample(2, torch.Generator().manual_seed(seed)) for seed in (0, 1)))
