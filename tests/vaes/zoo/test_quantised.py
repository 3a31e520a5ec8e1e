"""Codes without a codebook, and codes of what rounding left over."""

from collections.abc import Callable
from itertools import pairwise

import pytest
import torch

from vaebench.interfaces import At, Loss
from vaebench_vaes.vq_vae import VQVAE
from vaebench_vaes.zoo.fsq_vae import FSQVAE
from vaebench_vaes.zoo.rq_vae import RQVAE

SHAPE = (1, 32, 32)


@pytest.fixture
def fsq(loss: Loss) -> FSQVAE:
    torch.manual_seed(0)
    return FSQVAE(SHAPE, loss, width=4)


def test_fsq_s_codes_are_the_points_of_a_grid(fsq: FSQVAE) -> None:
    """8 x 6 x 5 levels: 240 vectors, each found again from its number and from a vector that rounds to it."""
    every = torch.arange(240).view(1, -1)
    vectors = fsq.vectors(every)
    assert [len(vectors[0, :, d].unique()) for d in range(3)] == [8, 6, 5]
    assert len(vectors[0].unique(dim=0)) == 240
    assert vectors[0, :, 0].unique().tolist() == [-1, -0.75, -0.5, -0.25, 0, 0.25, 0.5, 0.75]
    assert vectors[0, :, 2].unique().tolist() == [-1, -0.5, 0, 0.5, 1]

    half, offset = torch.tensor([7, 5, 4]) * 1.001 / 2, torch.tensor([0.5, 0.5, 0])
    z = ((vectors * torch.tensor([4, 3, 2]) + offset) / half).atanh() - (offset / half).atanh()
    assert torch.equal(fsq.choose(z), every)


def test_fsq_reaches_all_levels_no_more_and_zero_from_zero(fsq: FSQVAE) -> None:
    z = torch.linspace(-20, 20, 4001)[None, :, None].expand(1, -1, 3)
    assert [len(fsq.bounded(z).round()[0, :, d].unique()) for d in range(3)] == [8, 6, 5]
    torch.testing.assert_close(fsq.bounded(torch.zeros(1, 1, 3)), torch.zeros(1, 1, 3), atol=1e-6, rtol=0)


def test_fsq_trains_on_the_very_pictures_that_it_shows(fsq: FSQVAE, images: Callable) -> None:
    x = images(3)[:]
    (objectives,) = fsq.objectives(x, At("main", 0, 10))
    squares = (fsq.reconstruct(x) - x).square().sum((1, 2, 3))
    torch.testing.assert_close(objectives["main"]["reconstruction"], squares)
    assert fsq.bits == pytest.approx(64 * 7.9069, abs=1e-3)


def test_the_second_codebook_says_what_the_first_left_over(loss: Loss) -> None:
    model = RQVAE(SHAPE, loss, codes=3, dim=1, depth=2, width=4)
    model.levels[0].codebook.copy_(torch.tensor([[0.0], [10.0], [20.0]]))
    model.levels[1].codebook.copy_(torch.tensor([[-2.0], [0.0], [2.0]]))
    z = torch.tensor([[[1.8], [8.4], [17.5], [21.0]]])
    chosen = model.choose(z)
    assert chosen.tolist() == [[0, 2, 1, 0, 2, 0, 2, 1]]
    assert model.vectors(chosen)[0, :, 0].tolist() == [2.0, 8.0, 18.0, 20.0]


def test_depth_one_is_vq_vae(loss: Loss, images: Callable) -> None:
    x, found = images(4)[:], []
    for kind, params in ((VQVAE, {}), (RQVAE, {"depth": 1})):
        torch.manual_seed(0)
        model = kind(SHAPE, loss, codes=16, dim=4, width=4, **params)
        torch.manual_seed(1)
        for _ in range(3):
            (objectives,) = model.objectives(x, At("main", 0, 10))
        found.append(dict(objectives["main"]))
    torch.testing.assert_close(found[0], found[1])


def test_each_depth_comes_nearer(loss: Loss, images: Callable) -> None:
    torch.manual_seed(0)
    model, x = RQVAE(SHAPE, loss, codes=8, dim=4, depth=3, width=4), images(16)[:]
    for _ in range(20):
        next(model.objectives(x, At("main", 0, 10)))
    with torch.no_grad():
        z = left = model.continuous(x)
        apart = [z.square().mean()]
        for level in model.levels:
            left = left - level.codebook[level.choose(left)]
            apart.append(left.square().mean())
    assert all(later < 0.7 * earlier for earlier, later in pairwise(apart))
