"""Pixel losses against torch.nn.functional, and on the raw outputs that break careless ones."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from vaebench_reconstruction.pixels import L1, Bce, Mse

ORACLES = {
    Bce: F.binary_cross_entropy_with_logits,
    Mse: lambda raw, x, reduction: F.mse_loss(raw.sigmoid(), x, reduction=reduction),
    L1: lambda raw, x, reduction: F.l1_loss(raw.sigmoid(), x, reduction=reduction),
}


@pytest.mark.parametrize("loss", ORACLES)
def test_a_loss_is_the_sum_over_each_images_pixels(loss):
    torch.manual_seed(0)
    raw, target = 3 * torch.randn(4, 3, 28, 28), torch.rand(4, 3, 28, 28)
    expected = ORACLES[loss](raw, target, reduction="none").sum((1, 2, 3))
    found = loss()(raw, target)
    assert found.shape == (4,)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(loss()(raw[:1], target[:1]), found[:1])


def test_known_values():
    raw, target = torch.zeros(1, 1, 2, 2), torch.ones(1, 1, 2, 2)
    assert Bce()(raw, target).item() == pytest.approx(4 * 0.693147, abs=1e-5)
    assert Mse()(raw, target).item() == 4 * 0.25
    assert L1()(raw, target).item() == 4 * 0.5


@pytest.mark.parametrize("loss", ORACLES)
def test_extreme_raw_outputs_stay_finite_also_in_half_precision(loss):
    raw = torch.tensor([-1e4, 1e4, 0, 50.0]).view(1, 1, 2, 2).requires_grad_()
    value = loss()(raw, torch.tensor([1.0, 0, 0.5, 1]).view(1, 1, 2, 2))
    value.sum().backward()
    assert value.isfinite().all() and raw.grad.isfinite().all()
    half = loss()(torch.full((1, 3, 64, 64), 2.0, dtype=torch.bfloat16), torch.ones(1, 3, 64, 64))
    full = loss()(torch.full((1, 3, 64, 64), 2.0), torch.ones(1, 3, 64, 64))
    assert half.dtype == torch.float32
    torch.testing.assert_close(half, full)


def test_bce_still_pulls_where_the_output_is_saturated():
    raw = torch.full((1, 1, 1, 1), -60.0, requires_grad=True)
    Bce()(raw, torch.ones(1, 1, 1, 1)).sum().backward()
    assert raw.grad.item() == -1
