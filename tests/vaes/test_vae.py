"""The VAE's terms against torch.distributions, their scale, and what beta and warm-up do."""

from collections.abc import Callable

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from vaebench.interfaces import At, Images, Loss
from vaebench.training.loop import step_once
from vaebench.training.stepper import Stepper
from vaebench_vaes.posterior import Posterior
from vaebench_vaes.vae import VAE

SHAPE = (1, 32, 32)


@pytest.fixture
def model(loss: Loss) -> VAE:
    torch.manual_seed(0)
    return VAE(SHAPE, loss, latent=5, width=8)


def terms(model: VAE, x: torch.Tensor, step: int = 9, steps: int = 10) -> dict[str, torch.Tensor]:
    torch.manual_seed(1)
    (objective,) = model.objectives(x, At("main", step, steps))
    return dict(objective["all"])


def test_kl_is_that_of_torch_distributions() -> None:
    mean, logvar = torch.randn(7, 5), torch.randn(7, 5)
    expected = kl_divergence(Normal(mean, (logvar / 2).exp()), Normal(0.0, 1.0)).sum(1)
    torch.testing.assert_close(Posterior(mean, logvar).kl(), expected)


def test_draws_have_the_posterior_s_mean_and_deviation() -> None:
    posterior = Posterior(torch.tensor([[1.0, -2.0]]).repeat(20_000, 1), torch.tensor([[0.0, -4.0]]).repeat(20_000, 1))
    drawn = posterior.draw(torch.Generator().manual_seed(0))
    torch.testing.assert_close(drawn.mean(0), torch.tensor([1.0, -2.0]), atol=0.03, rtol=0)
    torch.testing.assert_close(drawn.std(0), torch.tensor([1.0, 0.1353]), atol=0.03, rtol=0)


def test_a_wild_log_variance_stays_finite() -> None:
    posterior = Posterior.of(torch.full((2, 4), 1e6))
    assert posterior.logvar.max() == 20
    assert torch.isfinite(posterior.draw()).all()


def test_terms_are_one_number_per_image_summed_over_pixels_and_latents(model: VAE, images: Callable) -> None:
    x = images(6)[:]
    found = terms(model, x)
    posterior = model.posterior(x)
    torch.manual_seed(1)
    squares = (model.decode(posterior.draw()) - x).square().sum((1, 2, 3))
    torch.testing.assert_close(found["reconstruction"], squares)
    torch.testing.assert_close(found["kl"], posterior.kl())


def test_the_loss_does_not_depend_on_the_batch_size(model: VAE, images: Callable) -> None:
    x = images(4)[:]
    once, twice = terms(model, x)["kl"].mean(), terms(model, x.repeat(2, 1, 1, 1))["kl"].mean()
    torch.testing.assert_close(once, twice)


def test_beta_multiplies_the_gradient_of_the_kl(loss: Loss, images: Callable) -> None:
    x = images(4)[:]
    found = []
    for beta in (1.0, 3.0):
        torch.manual_seed(0)
        model = VAE(SHAPE, loss, latent=5, beta=beta, width=8)
        kl = terms(model, x)["kl"].mean()
        found.append(torch.autograd.grad(kl, list(model.to_latent.parameters())))
    for one, three in zip(*found, strict=True):
        torch.testing.assert_close(3 * one, three)


@pytest.mark.parametrize(("step", "expected"), [(0, 0.0), (1, 1.0), (2, 2.0), (9, 2.0)])
def test_the_kl_s_weight_rises_over_the_warm_up(loss: Loss, step: int, expected: float) -> None:
    model = VAE(SHAPE, loss, beta=2.0, warmup=0.2, width=4)
    assert model.weight(At("main", step, 10)) == pytest.approx(expected)


def test_every_part_moves_in_one_step(model: VAE, images: Callable, advance: Callable) -> None:
    before = {name: p.clone() for name, p in model.named_parameters() if p.requires_grad}
    advance(model, images(4)[:], step=5)
    assert [name for name, p in before.items() if torch.equal(p, model.get_parameter(name))] == []


def test_the_code_is_the_posterior_mean_and_the_score_its_kl(model: VAE, images: Callable) -> None:
    x = images(3)[:]
    posterior = model.posterior(x)
    assert torch.equal(model.encode(x), posterior.mean)
    assert torch.equal(model.scores(x)["kl"], posterior.kl())


def test_variations_and_samples_are_random_only_through_the_generator(model: VAE, images: Callable) -> None:
    x = images(3)[:]
    for draw in (lambda g: model.vary(x, g), lambda g: model.sample(3, g)):
        first, again, other = (draw(torch.Generator().manual_seed(seed)) for seed in (0, 0, 1))
        assert torch.equal(first, again)
        assert not torch.equal(first, other)


@pytest.mark.parametrize("wrong", [{"latent": 0}, {"beta": -1.0}, {"warmup": 1.5}, {"width": 0}])
def test_impossible_parameters_are_refused_by_name(loss: Loss, wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        VAE(SHAPE, loss, **wrong)


def test_learns_to_beat_the_mean_image(loss: Loss, images: Callable) -> None:
    torch.manual_seed(0)
    data: Images = images(256)
    model = VAE(SHAPE, loss, latent=8, beta=0.05, width=8)
    steppers = {name: Stepper(group) for name, group in model.groups().items()}
    for step in range(120):
        step_once(model, data[torch.randint(256, (32,))], At("main", step, 120), steppers)
    x = images(64, seed=1)[:]
    with torch.no_grad():
        error = (model.eval().reconstruct(x) - x).square().mean()
    assert error < 0.35 * (data[:].mean(0) - x).square().mean()
