"""untrained, thumbnail and three-numbers against their definitions."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.ndimage import convolve

from vaebench.interfaces import Images
from vaebench_vaes.three_numbers import ThreeNumbers
from vaebench_vaes.thumbnail import Thumbnail
from vaebench_vaes.untrained import Untrained

SHAPE = (1, 32, 32)


def untrained(seed: int) -> Untrained:
    torch.manual_seed(seed)
    return Untrained(SHAPE, width=8)


def test_untrained_is_its_seed_s_and_fitting_leaves_it_alone(images: Callable) -> None:
    seen = images(8)
    first, again, other = untrained(0), untrained(0), untrained(1)
    first.fit(seen)
    assert torch.equal(first.encode(seen[:]), again.encode(seen[:]))
    assert not torch.allclose(first.encode(seen[:]), other.encode(seen[:]))
    assert not any(p.requires_grad for p in first.parameters())


def test_a_thumbnail_is_the_means_of_tiles_and_repeats_nothing_finer() -> None:
    x = torch.rand(5, *SHAPE)
    model = Thumbnail(SHAPE)
    tiles = x.unflatten(2, (8, 4)).unflatten(4, (8, 4)).mean((3, 5))
    torch.testing.assert_close(model.encode(x), tiles.flatten(1))
    flat = torch.full_like(x, 0.3)
    torch.testing.assert_close(model.reconstruct(flat), flat)
    board = (torch.arange(32)[:, None] + torch.arange(32)).remainder(2).float().expand(1, *SHAPE)
    torch.testing.assert_close(model.reconstruct(board), torch.full((1, *SHAPE), 0.5))


@pytest.mark.parametrize("shape", [SHAPE, (3, 32, 32)])
def test_three_numbers_are_brightness_contrast_and_sharpness(shape: tuple[int, int, int]) -> None:
    pixels = torch.randint(60, 190, (40, *shape), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    seen, model = Images(pixels), ThreeNumbers(shape)
    model.fit(seen)
    grey = seen[:].double().mean(1).numpy()
    cross = np.array([[0, -1, 0], [-1, 4, -1], [0, -1, 0]])
    edges = np.stack([convolve(one, cross)[1:-1, 1:-1].var() for one in grey])
    known = np.stack([grey.mean((1, 2)), grey.std((1, 2)), np.log(edges + 1e-8)], 1)
    expected = (known - known.mean(0)) / known.std(0)
    np.testing.assert_allclose(model.encode(seen[:]), expected, atol=2e-2)
    decoded = model.reconstruct(seen[:]).mean(1).flatten(1)
    np.testing.assert_allclose(decoded.mean(1), known[:, 0], atol=2e-3)
    np.testing.assert_allclose(decoded.std(1, correction=0), known[:, 1], atol=2e-3)
