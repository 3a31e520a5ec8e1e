"""VPGA: the losses of the paper, and that each reaches only the network it is for."""

from collections.abc import Callable

import pytest
import torch

from vaebench.interfaces import At, Loss
from vaebench_reconstruction.pixels import L1, Bce, Mse
from vaebench_vaes.vpga import VPGA

SHAPE = (1, 32, 32)
LATENT = 5
OFF = {"rec": 4.0, "normal": 0.0, "hidden": 0.0, "variation": 0.0, "kl": 0.0}


@pytest.fixture
def make(loss: Loss) -> Callable[..., VPGA]:
    def build(**weights: float) -> VPGA:
        torch.manual_seed(0)
        return VPGA(SHAPE, loss, latent=LATENT, width=8, **{**OFF, **weights})

    return build


def test_reconstruction_is_the_mean_squared_error_on_images_from_minus_one_to_one(images: Callable) -> None:
    model, x = VPGA(SHAPE, Mse(), latent=LATENT, width=8), images(4)[:]
    (objectives,) = model.objectives(x, At("main", 0, 1))
    y = model.decode(model.encode(x))
    expected = ((2 * x - 1) - (2 * y - 1)).square().mean((1, 2, 3))
    torch.testing.assert_close(objectives["encoder"]["reconstruction"], expected)


def test_absolute_errors_too_are_those_on_images_from_minus_one_to_one(images: Callable) -> None:
    model, x = VPGA(SHAPE, L1(), latent=LATENT, width=8), images(4)[:]
    (objectives,) = model.objectives(x, At("main", 0, 1))
    y = model.decode(model.encode(x))
    expected = ((2 * x - 1) - (2 * y - 1)).abs().mean((1, 2, 3))
    torch.testing.assert_close(objectives["encoder"]["reconstruction"], expected)


@pytest.mark.parametrize(("loss", "rec", "factor"), [(Bce(), None, 1), (Mse(), 3.0, 3), (L1(), 1.0, 1)])
def test_other_losses_count_as_they_are_and_a_given_weight_as_given(
    images: Callable, loss: Loss, rec: float | None, factor: float
) -> None:
    model, x = VPGA(SHAPE, loss, latent=LATENT, width=8, rec=rec), images(4)[:]
    (objectives,) = model.objectives(x, At("main", 0, 1))
    expected = factor / x[0].numel() * loss(model.raw(model.encode(x)), x)
    torch.testing.assert_close(objectives["encoder"]["reconstruction"], expected)


def test_the_decoder_is_moved_by_reconstruction_and_variation_alone(
    make: Callable, images: Callable, routed: Callable
) -> None:
    x = images(6)[:]
    (plain,) = routed(make(), x)
    (loaded,) = routed(make(normal=5.0, hidden=5.0, kl=5.0), x)
    (varied,) = routed(make(variation=5.0), x)
    torch.testing.assert_close(plain["decoder"], loaded["decoder"], rtol=0, atol=0)
    assert not torch.equal(plain["decoder"][0], varied["decoder"][0])


@pytest.mark.parametrize("term", ["normal", "hidden", "kl"])
def test_the_encoder_is_moved_by_each_of_its_own(make: Callable, images: Callable, routed: Callable, term: str) -> None:
    x = images(6)[:]
    (plain,), (loaded,) = routed(make(), x), routed(make(**{term: 5.0}), x)
    assert not torch.equal(plain["encoder"][0], loaded["encoder"][0])


def test_mapping_codes_back_treats_the_generated_image_as_given(
    make: Callable, images: Callable, routed: Callable, same_slopes: Callable
) -> None:
    """L_zN and L_zH against a second writing of them, with images that carry no gradient."""
    x, model = images(6)[:], make(normal=0.7, hidden=0.3)
    (found,) = routed(model, x)
    torch.manual_seed(0)
    known, z = model.encode(x), torch.randn(6, LATENT)
    reconstruction = 4 * (model.decode(known) - x).square().mean()
    normal = (z - model.encode(model.decode(z).detach())).square().mean()
    hidden = (known.detach() - model.encode(model.decode(known).detach())).square().mean()
    total = reconstruction + 0.7 * normal + 0.3 * hidden
    same_slopes(found["encoder"], total, [model.encoder, model.to_latent])


def test_variation_reaches_the_encoder_through_the_deviation_alone(
    make: Callable, images: Callable, routed: Callable
) -> None:
    """Neither through f' (its parameters are held) nor through the code (it is held): only to_latent's second half."""
    x = images(6)[:]
    (plain,), (varied,) = routed(make(), x), routed(make(variation=100.0), x)
    weight = -2  # to_latent's weight and bias close the encoder's list
    change = varied["encoder"][weight] - plain["encoder"][weight]
    assert change[:LATENT].abs().max() == 0
    assert change[LATENT:].abs().max() > 0


def test_variation_is_measured_in_units_of_the_code_s_own_size(
    make: Callable, images: Callable, routed: Callable, same_slopes: Callable
) -> None:
    x, model = images(6)[:], make(variation=3.0)
    (found,) = routed(model, x)
    torch.manual_seed(0)
    torch.randn(6, LATENT)  # z of L_zN
    posterior = model.posterior(x)
    known = posterior.mean.detach()
    noise = torch.randn(6, LATENT) * (posterior.logvar / 2).exp().detach()
    size = known.square().mean(0).sqrt()
    variation = ((model.encode(model.decode(known)) - model.encode(model.decode(known + noise))) / size).square().mean()
    total = 4 * (model.decode(known) - x).square().mean() + 3 * variation
    same_slopes(found["decoder"], total, [model.from_latent, model.decoder])


def test_a_dead_latent_does_not_blow_up(make: Callable, images: Callable, advance: Callable) -> None:
    model = make(variation=0.01)
    with torch.no_grad():
        model.to_latent[-1].weight[0] = 0
        model.to_latent[-1].bias[0] = 0
    assert all(torch.isfinite(term) for term in advance(model, images(6)[:]).values())


def test_the_posterior_starts_narrow(make: Callable, images: Callable) -> None:
    deviation = (make().posterior(images(6)[:]).logvar / 2).exp()
    assert 0.03 < deviation.median() < 0.3
