"""The reference projects' networks: their known sizes, and that variants work on them."""

from collections.abc import Callable

import pytest
import torch

from vaebench.interfaces import At, Loss, Model, Network
from vaebench_vaes.intro_vae import IntroVAE
from vaebench_vaes.ms_ssim_vae import MSSSIMVAE
from vaebench_vaes.networks import R1, R3, R4, R4Quantised
from vaebench_vaes.references.gray_vae import GrayVAE
from vaebench_vaes.references.mammo_vae import MammoVAE
from vaebench_vaes.spatial_vae import SpatialVAE
from vaebench_vaes.vae import VAE
from vaebench_vaes.vae_gan import VAEGAN
from vaebench_vaes.vpga import VPGA
from vaebench_vaes.vq_vae import VQVAE


@pytest.mark.parametrize(
    ("net", "shape", "smallest"),
    [(R1, (3, 64, 64), (512, 2, 2)), (R3, (1, 128, 128), (256, 8, 8)), (R4, (1, 256, 256), (256, 4, 4))],
)
def test_networks_have_the_published_grid_and_return_to_the_image(
    net: type[Network], shape: tuple, smallest: tuple
) -> None:
    with torch.device("meta"):
        encoder, decoder = net.encoder(shape, 1, 7), net.decoder(shape, 1, 7)
        features = encoder(torch.rand(2, *shape))
        assert features.shape[1:] == encoder.out == decoder.entry == smallest
        assert decoder(features).shape == (2, *shape)


def test_the_thesis_quantised_on_a_grid_of_32() -> None:
    with torch.device("meta"):
        assert R4Quantised.encoder((1, 256, 256), 8, 7).out == (256, 32, 32)


def test_mammo_vae_is_as_large_as_its_published_weights(loss: Loss) -> None:
    """A file of 204.5 MB holds 51.1 million numbers."""
    with torch.device("meta"):
        model = MammoVAE((1, 128, 128), loss)
    assert sum(p.numel() for name, p in model.named_parameters() if "criterion" not in name) * 4 == pytest.approx(
        204.5e6, rel=2e-3
    )


def test_gray_vae_weighs_a_mean_against_a_sum(loss: Loss, images: Callable) -> None:
    model, x = GrayVAE((1, 32, 32), loss, rec=100.0, kl=0.5, width=4), images(3)[:]
    torch.manual_seed(0)
    (objectives,) = model.objectives(x, At("main", 0, 1))
    torch.manual_seed(0)
    posterior = model.posterior(x)
    torch.testing.assert_close(objectives["all"]["kl"], 0.5 * posterior.kl())
    mean = (model.decode(posterior.draw()) - x).square().mean((1, 2, 3))
    torch.testing.assert_close(objectives["all"]["reconstruction"], 100 * mean)
    with pytest.raises(TypeError, match="rec"):
        GrayVAE((1, 32, 32), loss, width=4)


@pytest.mark.parametrize(
    ("kind", "net"),
    [(VAE, R1), (VAE, R4), (MSSSIMVAE, R1), (VAEGAN, R1), (SpatialVAE, R4), (VPGA, R4), (IntroVAE, R4)],
)
def test_variants_train_on_them(
    kind: type[Model], net: type[Network], loss: Loss, images: Callable, advance: Callable
) -> None:
    side = 64 if net is R1 else 128
    model = kind((1, side, side), loss if kind.default_loss else None, latent=4, net=net, width=4)
    x = images(4, side)[:]
    assert all(torch.isfinite(term) for term in advance(model, x, step=9).values())
    assert model.eval().sample(2, torch.Generator().manual_seed(0)).shape == (2, 1, side, side)


def test_vq_vae_trains_on_the_thesis_network(loss: Loss, images: Callable, advance: Callable) -> None:
    model, x = VQVAE((1, 32, 32), loss, codes=8, dim=4, net=R4Quantised, width=4), images(4)[:]
    advance(model, x)
    assert model.eval().encode(x).shape == (4, 4 * 4 * 4)


def test_held_parameters_leave_running_statistics_alone(loss: Loss, images: Callable) -> None:
    model = VPGA((1, 128, 128), loss, latent=4, net=R4).train()
    before = {name: value.clone() for name, value in model.encoder.named_buffers()}
    assert before
    model.frozen(images(4, 128)[:])
    assert all(torch.equal(value, before[name]) for name, value in model.encoder.named_buffers())


def test_other_sizes_are_refused(loss: Loss) -> None:
    with pytest.raises(ValueError, match="multiple of 32"):
        VAE((1, 28, 28), loss, net=R1)
