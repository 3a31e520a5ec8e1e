"""Similarity of reconstructions and test images: `psnr`, `ms-ssim`, `l1-error`."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from vaebench.evidence import Evidence
from vaebench.interfaces import Metric, NotApplicable, Score
from vaebench_reconstruction.ms_ssim import ms_ssim, scales

ROUNDING = 1 / (12 * 255**2)
"""The mean squared error of rounding to 8 bits. Smaller errors are raised to this value, so no PSNR exceeds 58.9 dB."""


class Psnr(Metric):
    """Peak signal-to-noise ratio of reconstructions of test images, computed per image and then averaged."""

    name = "psnr"
    version = 1
    title = "PSNR"
    verdict = "reconstruction"
    unit = "dB"
    range = (0, 58.93)

    def compute(self, evidence: Evidence) -> Score:
        return evidence.per_image(decibels(evidence))


def decibels(evidence: Evidence) -> np.ndarray:
    """Return the PSNR of each test image."""
    found: np.ndarray = -10 * np.log10(np.maximum(evidence.residuals("test"), ROUNDING))
    return found


class L1Error(Metric):
    """Mean absolute difference per pixel between test images, with values in [0, 1], and their reconstructions."""

    name = "l1-error"
    version = 1
    title = "L1"
    verdict = "reconstruction"
    better = "lower"
    range = (0, 1)

    def compute(self, evidence: Evidence) -> Score:
        differences = np.abs(evidence.reconstructions("test") - evidence.images("test"))
        return evidence.per_image(differences.mean(axis=(1, 2, 3), dtype=np.float64))


class MsSsim(Metric):
    """Multi-scale structural similarity between test images and their reconstructions. The metric's column shows the
    number of scales."""

    name = "ms-ssim"
    version = 1
    title = "MS-SSIM"
    verdict = "reconstruction"
    range = (0, 1)

    def compute(self, evidence: Evidence) -> Score:
        images = evidence.images("test")
        values = similarity(images, evidence.reconstructions("test"))
        return replace(evidence.per_image(values), variant=f"L{scales(*images.shape[-2:])}")


def similarity(images: np.ndarray, others: np.ndarray, batch: int = 16) -> np.ndarray:
    """Return the MS-SSIM of each pair, float64 (N,)."""
    if min(images.shape[-2:]) < 11:
        raise NotApplicable(f"MS-SSIM needs images of at least 11 px, not {images.shape[-2]} x {images.shape[-1]}")
    pairs = zip(torch.from_numpy(images).split(batch), torch.from_numpy(others).split(batch), strict=True)
    with torch.inference_mode():
        return torch.cat([ms_ssim(x, y) for x, y in pairs]).double().numpy()
