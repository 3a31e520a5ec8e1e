"""PSNR against its definition, MS-SSIM against pytorch-msssim."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pytorch_msssim import ms_ssim

from vaebench.interfaces import NotApplicable, Split
from vaebench_measures.reconstruction import L1Error, MsSsim, Psnr


def grey(value: int, count: int = 4, side: int = 28) -> Split:
    return Split(np.full((count, 1, side, side), value, np.uint8), np.zeros(count, int), np.arange(count))


@pytest.mark.parametrize(("offset", "decibels"), [(0.1, 20.0), (0.01, 40.0), (0.5, 6.0206)])
def test_psnr_of_a_constant_offset(evidence, offset, decibels):
    score = Psnr().compute(evidence(grey(51), reconstruct=lambda x: x + offset))
    assert score.value == pytest.approx(decibels, abs=1e-4)
    assert score.n == 4


def test_psnr_is_the_mean_of_the_images_not_of_their_errors(evidence):
    test = Split(np.array([[[[0]]], [[[255]]]], np.uint8), np.zeros(2, int), np.arange(2))
    score = Psnr().compute(evidence(test, reconstruct=lambda x: x * 0.9 + (1 - x) * 0.01))
    assert score.value == pytest.approx((20 + 40) / 2, abs=1e-4)


def test_l1_is_the_mean_absolute_difference(evidence, split):
    build = evidence(split(6, channels=3), reconstruct=lambda x: 0.5 * x)
    score = L1Error().compute(build)
    assert score.value == pytest.approx(build.images("test").mean() / 2, rel=1e-5)
    assert 0 < score.error < 0.01


def test_a_perfect_reconstruction_has_the_psnr_of_rounding(evidence):
    assert Psnr().compute(evidence(grey(77))).value == pytest.approx(10 * np.log10(12 * 255**2))


@pytest.mark.parametrize("channels", [1, 3])
def test_ms_ssim_agrees_with_pytorch_msssim(evidence, split, channels):
    test = split(6, side=176, channels=channels)

    def reconstruct(x):
        return (0.7 * x + 0.1).clamp(0, 1)

    score = MsSsim().compute(evidence(test, reconstruct=reconstruct))
    x = torch.from_numpy(test.images).float() / 255
    assert score.value == pytest.approx(ms_ssim(x, reconstruct(x), data_range=1).item(), abs=1e-4)
    assert score.variant == "L5"


@pytest.mark.parametrize(
    ("side", "variant"), [(28, "L2"), (32, "L2"), (64, "L3"), (128, "L4"), (160, "L4"), (224, "L5")]
)
def test_ms_ssim_names_its_scales_and_is_one_for_equal_images(evidence, split, side, variant):
    score = MsSsim().compute(evidence(split(2, side=side)))
    assert score.variant == variant
    assert score.value == pytest.approx(1, abs=1e-6)


def test_ms_ssim_of_constant_images_sees_only_their_brightness(evidence):
    score = MsSsim().compute(evidence(grey(102), reconstruct=lambda x: x + 0.2))
    luminance = (2 * 0.4 * 0.6 + 1e-4) / (0.4**2 + 0.6**2 + 1e-4)
    assert score.value == pytest.approx(luminance ** (0.2856 / (0.0448 + 0.2856)), abs=1e-4)


def test_ms_ssim_of_noise_against_a_constant_is_near_zero_and_of_a_negative_zero(evidence, split):
    assert MsSsim().compute(evidence(split(4, side=64), reconstruct=lambda x: 0 * x + 0.5)).value < 0.1
    assert MsSsim().compute(evidence(split(4, side=64), reconstruct=lambda x: 1 - x)).value == 0


def test_images_below_the_window_have_no_ms_ssim(evidence):
    with pytest.raises(NotApplicable, match="at least 11 px"):
        MsSsim().compute(evidence(grey(1, side=10)))


@pytest.mark.parametrize("metric", [Psnr, MsSsim])
def test_nan_is_a_reason_and_no_number(evidence, metric):
    with pytest.raises(NotApplicable, match="NaN"):
        metric().compute(evidence(grey(1), reconstruct=lambda x: x * float("nan")))


@pytest.mark.parametrize("metric", [Psnr, MsSsim])
def test_no_images_are_a_reason_and_no_number(evidence, metric):
    with pytest.raises(NotApplicable):
        metric().compute(evidence(grey(1, count=0)))
