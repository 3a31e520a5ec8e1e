"""MS-SSIM against pytorch-msssim where that is defined, and against its own definition below."""

from __future__ import annotations

import pytest
import torch
from pytorch_msssim import ms_ssim as oracle
from pytorch_msssim import ssim
from torch import Tensor
from torch.nn.functional import avg_pool2d

from vaebench_reconstruction.ms_ssim import WEIGHTS, ms_ssim, scales


def pair(side: int, channels: int = 1, count: int = 3) -> tuple[Tensor, Tensor]:
    """Smooth images and disturbed ones."""
    torch.manual_seed(side)
    x = avg_pool2d(torch.rand(count, channels, side, side), 5, 1, 2)
    return x, (0.8 * x + 0.1 * torch.randn_like(x)).clamp(0, 1)


@pytest.mark.parametrize(("side", "channels"), [(176, 1), (181, 1), (192, 3), (256, 1)])
def test_equal_to_pytorch_msssim_from_176_px(side, channels):
    x, y = pair(side, channels)
    torch.testing.assert_close(ms_ssim(x, y), oracle(x, y, data_range=1, size_average=False), atol=1e-4, rtol=0)


@pytest.mark.parametrize("side", [161, 170, 175])
def test_from_161_to_175_px_it_is_another_number(side):
    """pytorch-msssim uses a fifth scale there, into which the window fits only because odd sides are padded."""
    x, y = pair(side)
    assert scales(side, side) == 4
    assert (ms_ssim(x, y) - oracle(x, y, data_range=1, size_average=False)).abs().min() > 0.005


@pytest.mark.parametrize("side", [11, 28, 43, 64, 87, 128, 161, 170, 175])
def test_fewer_scales_are_the_same_product_with_renormalised_weights(side):
    x, y = pair(side)
    count = scales(side, side)
    total = sum(WEIGHTS[:count])
    expected = torch.ones(len(x))
    a, b = x.double(), y.double()
    for j in range(count):
        value, structure = ssim(a, b, data_range=1, size_average=False, nonnegative_ssim=True), contrast(a, b)
        expected = expected * (value if j == count - 1 else structure) ** (WEIGHTS[j] / total)
        a, b = (avg_pool2d(one, 2, padding=one.shape[-1] % 2) for one in (a, b))
    torch.testing.assert_close(ms_ssim(x, y).double(), expected, atol=2e-5, rtol=0)


def contrast(x: Tensor, y: Tensor) -> Tensor:
    from pytorch_msssim.ssim import _fspecial_gauss_1d, _ssim

    window = _fspecial_gauss_1d(11, 1.5).repeat(x.shape[1], 1, 1, 1).double()
    return _ssim(x, y, data_range=1, win=window)[1].relu()[:, 0]


EDGES = [(11, 1), (21, 1), (22, 2), (43, 2), (44, 3), (87, 3), (88, 4), (175, 4), (176, 5), (512, 5)]


@pytest.mark.parametrize(("side", "count"), EDGES)
def test_scales_by_size(side, count):
    assert scales(side, side) == scales(side, 512) == scales(512, side) == count


def test_too_small_is_said():
    with pytest.raises(ValueError, match="at least 11 px, not 10 x 28"):
        ms_ssim(torch.zeros(1, 1, 10, 28), torch.zeros(1, 1, 10, 28))


def test_autocast_does_not_touch_it():
    x, y = pair(64)
    plain = ms_ssim(x, y)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(ms_ssim(x, y), plain)


def test_what_evaluation_computed_first_training_can_use():
    from vaebench_reconstruction.ms_ssim import blur, exponents

    blur.cache_clear()
    exponents.cache_clear()
    x, y = pair(28)
    with torch.inference_mode():
        ms_ssim(x, y)
    ms_ssim(x, y.requires_grad_()).sum().backward()
    assert y.grad.abs().sum() > 0
