"""Structure losses: equal to 1 - MS-SSIM where that has a slope, and alive where it has none."""

from __future__ import annotations

import pytest
import torch
from pytorch_msssim import ms_ssim as oracle
from torch import Tensor
from torch.nn.functional import avg_pool2d

from vaebench_reconstruction.ms_ssim import ms_ssim
from vaebench_reconstruction.pixels import L1
from vaebench_reconstruction.similarity import MsSsim, MsSsimL1

LOSSES = [MsSsim(), MsSsimL1()]


def smooth(side: int, channels: int = 1, count: int = 2) -> Tensor:
    torch.manual_seed(0)
    return (avg_pool2d(torch.rand(count, channels, side, side), 5, 1, 2) * 2 - 0.5).clamp(0.02, 0.98)


@pytest.mark.parametrize("channels", [1, 3])
def test_the_loss_is_pytorch_msssims_times_the_pixels(channels):
    x = smooth(176, channels)
    y = (0.7 * x + 0.1 + 0.02 * torch.randn_like(x)).clamp(0.01, 0.99)
    found = MsSsim()(y.logit(), x)
    expected = 1 - oracle(x, y, data_range=1, size_average=False)
    torch.testing.assert_close(found / x[0].numel(), expected, atol=1e-4, rtol=0)


def test_the_mixture_is_the_sum_of_its_shares():
    x, raw = smooth(28), smooth(28).flip(0).logit()
    structure, absolute = MsSsim()(raw, x), L1()(raw, x)
    torch.testing.assert_close(MsSsimL1(0.25)(raw, x), 0.25 * structure + 0.75 * absolute)
    torch.testing.assert_close(MsSsimL1(1.0)(raw, x), structure)
    with pytest.raises(ValueError, match="between 0 and 1"):
        MsSsimL1(1.5)


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
@pytest.mark.parametrize("side", [28, 64])
@pytest.mark.parametrize("start", ["negative", "constant", "black", "noise"])
def test_descent_reaches_the_image_from_every_bad_start(loss, side, start):
    x = smooth(side)
    raw = {
        "negative": (1 - x).logit(),
        "constant": torch.zeros_like(x),
        "black": torch.full_like(x, -5),
        "noise": 3 * torch.randn(x.shape, generator=torch.Generator().manual_seed(1)),
    }[start].requires_grad_()
    if start == "negative":
        assert (ms_ssim(x, raw.sigmoid()) == 0).all()
    optimiser = torch.optim.Adam([raw], lr=0.1)
    for step in range(160):
        optimiser.zero_grad()
        loss(raw, x).mean().backward()
        assert raw.grad.isfinite().all()
        assert step > 50 or (raw.grad.abs().amax((1, 2, 3)) > 1e-3).all()
        optimiser.step()
    assert (ms_ssim(x, raw.sigmoid()) > 0.95).all()


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_constant_targets_pull_the_output_to_their_brightness(loss, value):
    raw = torch.full((1, 3, 28, 28), 0.3, requires_grad=True)
    loss(raw, torch.full((1, 3, 28, 28), value)).sum().backward()
    assert raw.grad.isfinite().all()
    assert torch.sign(raw.grad.sum()) == torch.sign(torch.tensor(0.3).sigmoid() - value)
    noisy = torch.randn(1, 3, 28, 28, requires_grad=True)
    loss(noisy, torch.full((1, 3, 28, 28), value)).sum().backward()
    assert noisy.grad.isfinite().all() and noisy.grad.abs().max() > 0


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
def test_equal_images_cost_nothing_and_each_image_stands_alone(loss):
    x = smooth(28, 3, count=4)
    assert loss(x.logit(), x).abs().max() / x[0].numel() < 1e-5
    raw = x.flip(0).logit()
    torch.testing.assert_close(loss(raw[1:2], x[1:2]), loss(raw, x)[1:2])


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
def test_autocast_does_not_touch_it(loss):
    x, raw = smooth(28), smooth(28).flip(0).logit()
    plain = loss(raw, x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(loss(raw, x), plain)
