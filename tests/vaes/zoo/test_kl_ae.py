"""The KL autoencoder: who learns from what, and the scale of its terms."""

from collections.abc import Callable

import pytest
import torch

from vaebench.interfaces import At, Loss
from vaebench_vaes.zoo.kl_ae import KLAE, distance

SHAPE = (1, 32, 32)


@pytest.fixture
def model(loss: Loss) -> KLAE:
    torch.manual_seed(0)
    return KLAE(SHAPE, loss, latent=130, width=4, kl=0.5)


def test_its_code_is_whole_maps(model: KLAE, images: Callable) -> None:
    assert model.latent == 128 and model.encode(images(2)[:]).shape == (2, 128)


def test_the_kl_counts_as_little_as_it_is_told(model: KLAE, images: Callable) -> None:
    x = images(3)[:]
    (objectives,) = model.objectives(x, At("main", 9, 10))
    torch.testing.assert_close(objectives["main"]["kl"], 0.5 * model.code_of(x).kl())


def test_distances_of_features_do_not_depend_on_their_scale() -> None:
    real, fake = torch.tensor([[[[1.0, 3.0]]]]), torch.tensor([[[[2.0, 3.0]]]])
    assert distance(real, fake).item() == pytest.approx(0.25, abs=1e-5)
    torch.testing.assert_close(distance(7 * real, 7 * fake), distance(real, fake))


def test_the_critic_learns_from_its_game_alone_and_the_decoder_from_the_critic(
    model: KLAE, images: Callable, routed: Callable
) -> None:
    x = images(3)[:]
    (found,) = routed(model, x)
    assert all(any(slope.abs().max() > 0 for slope in own) for own in found.values())
    quiet, loud = (next(model.objectives(x, At("main", step, 10)))["main"]["game"] for step in (0, 9))
    assert quiet.abs().max() == 0 and loud.abs().min() > 0
