"""The denoising autoencoder's noise, and what its parts see."""

from collections.abc import Callable

import pytest
import torch

from vaebench.interfaces import At, Loss, NotApplicable
from vaebench_vaes.zoo.coarse_dae import CoarseDAE


def test_noise_is_coarse_as_strong_as_asked_and_never_in_one_place(loss: Loss) -> None:
    torch.manual_seed(0)
    model = CoarseDAE((1, 32, 32), loss, noise=0.2, cell=8, width=4)
    noise = model.drawn(torch.zeros(400, 1, 32, 32))
    assert noise.mean().abs() < 0.01
    assert 0.6 * 0.2 < noise.std() < 0.2  # interpolation between points takes some of it
    step = (noise[..., 1:] - noise[..., :-1]).std() / noise.std()
    assert step < 0.25, "neighbouring pixels are alike"
    far = torch.corrcoef(torch.stack([noise[:, 0, 5, 5], noise[:, 0, 5, 27]]))[0, 1]
    assert far.abs() < 0.2, "pixels more than two cells apart have nothing to do with each other"
    bends = (noise[..., 2:] - 2 * noise[..., 1:-1] + noise[..., :-2]).abs().mean((0, 1, 2))
    assert bends.max() < 2.5 * bends.min(), "with the grid at one place, bends would stand in every eighth column"


def test_it_learns_to_give_back_the_clean_image(loss: Loss, images: Callable) -> None:
    model, x = CoarseDAE((1, 32, 32), loss, width=4), images(4)[:]
    torch.manual_seed(1)
    (objectives,) = model.objectives(x, At("main", 0, 10))
    torch.manual_seed(1)
    shown = model.reconstruct(x + model.drawn(x))
    torch.testing.assert_close(objectives["all"]["reconstruction"], (shown - x).square().sum((1, 2, 3)))


def test_it_says_why_a_code_is_no_picture(loss: Loss, images: Callable) -> None:
    model = CoarseDAE((3, 28, 28), loss, width=4)
    with pytest.raises(NotApplicable, match="also needs the input image"):
        model.decode(model.encode(images(2, 28, 3)[:]))
