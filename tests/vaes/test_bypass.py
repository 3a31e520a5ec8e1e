"""A linear bypass: fitted, a variant starts as PCA, and it learns from there."""

from collections.abc import Callable

import pytest
import torch

from vaebench.interfaces import Images, Loss, Model, Network
from vaebench.training.loop import train
from vaebench.trial import Settings
from vaebench_vaes.ae import AE
from vaebench_vaes.networks import R1, R3, Trunk
from vaebench_vaes.pca import PCA
from vaebench_vaes.spatial_vae import SpatialVAE
from vaebench_vaes.vae import VAE
from vaebench_vaes.vae_gan import VAEGAN
from vaebench_vaes.vpga import VPGA

SHAPE = (1, 32, 32)


def fitted(kind: type[Model], loss: Loss, images: Images, **params: int | type[Network]) -> Model:
    torch.manual_seed(0)
    model = kind(SHAPE, loss if kind.default_loss else None, latent=6, width=4, bypass=True, **params)
    model.fit(images)
    return model


@pytest.mark.parametrize(("kind", "net"), [(VAE, Trunk), (AE, R1), (AE, R3), (VPGA, Trunk), (VAEGAN, Trunk)])
def test_a_variant_starts_as_pca(kind: type[Model], net: type[Network], loss: Loss, images: Callable) -> None:
    data, x = images(200), images(20, seed=1)[:]
    pca = PCA(SHAPE, latent=6)
    pca.fit(data)
    with torch.no_grad():
        model = fitted(kind, loss, data, net=net)
        torch.testing.assert_close(model.encode(x), pca.encode(x))
        shown = pca.reconstruct(x).clamp(0.01, 0.99)
        torch.testing.assert_close(model.reconstruct(x), shown, atol=1e-4, rtol=1e-4)


def test_a_vae_starts_with_pca_s_posterior(loss: Loss, images: Callable) -> None:
    data, x = images(200), images(20, seed=1)[:]
    pca = PCA(SHAPE, latent=6)
    pca.fit(data)
    torch.testing.assert_close(fitted(VAE, loss, data).posterior(x).logvar.detach(), pca.posterior(x).logvar)


def test_every_part_but_pca_learns_and_beats_it(loss: Loss, images: Callable) -> None:
    data, x = images(200), images(60, seed=1)[:]
    model = fitted(AE, loss, data)
    with torch.no_grad():
        before = (model.eval().reconstruct(x) - x).square().mean()
    start = {name: value.clone() for name, value in model.state_dict().items()}
    train(model, data, Settings(32, 30, 32), torch.Generator().manual_seed(0), lambda *_: None)
    moved = {name for name, value in model.named_parameters() if not torch.equal(value, start[name])}
    assert moved == {name for name, value in model.named_parameters() if value.requires_grad}
    held = {name for name, _ in model.named_buffers() if ".pca." in name}
    assert held and all(torch.equal(start[name], model.state_dict()[name]) for name in held)
    with torch.no_grad():
        assert (model.eval().reconstruct(x) - x).square().mean() < before


def test_maps_have_no_bypass(loss: Loss) -> None:
    with pytest.raises(ValueError, match="bypass"):
        SpatialVAE(SHAPE, loss, bypass=True)
