"""Diversity of samples compared with that of real images: MS-SSIM of pairs, after Odena et al., arXiv 1610.09585.

Every image is in only one pair, so that pairs are independent and the standard error of their mean is correct.
"""

from __future__ import annotations

import numpy as np

from vaebench.evidence import Evidence
from vaebench.interfaces import Metric, NotApplicable, Score, Split
from vaebench_measures.reconstruction import similarity
from vaebench_reconstruction.ms_ssim import scales


def pairs(images: np.ndarray, seed: int = 0) -> np.ndarray:
    """Return the MS-SSIM of each of n / 2 random pairs."""
    order = np.random.default_rng(seed).permutation(len(images))
    half = len(images) // 2
    if half < 2:
        raise NotApplicable(f"two pairs need at least 4 images, not {len(images)}")
    return similarity(images[order[:half]], images[order[half : 2 * half]])


def real_pairs(test: Split) -> dict[str, np.ndarray]:
    return {"similarity": pairs(test.images.astype(np.float32) / 255)}


def mean_error(values: np.ndarray) -> tuple[float, float]:
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))


class PairMsSsim(Metric):
    """Mean MS-SSIM of pairs of samples: near 1 if all samples are the same image. Noise scores near 0, so low values do
    not prove diversity."""

    name = "pair-ms-ssim"
    version = 1
    title = "pair MS-SSIM"
    verdict = "generation"
    better = "lower"
    range = (0, 1)

    def compute(self, evidence: Evidence) -> Score:
        samples = evidence.samples()
        value, error = mean_error(evidence.once("pairs of samples", lambda: pairs(samples)))
        return Score(value, error, n=len(samples), variant=f"L{scales(*samples.shape[-2:])}")


class PairMsSsimGap(Metric):
    """Absolute difference in pair MS-SSIM between samples and test images: 0 if both are equally diverse."""

    name = "pair-ms-ssim-gap"
    version = 1
    title = "pair MS-SSIM, distance from real"
    verdict = "generation"
    better = "lower"
    range = (0, 1)

    def compute(self, evidence: Evidence) -> Score:
        samples = evidence.samples()
        value, error = mean_error(evidence.once("pairs of samples", lambda: pairs(samples)))
        real, real_error = mean_error(
            evidence.of_dataset("pairs of test images", real_pairs, "test", code=(scales,))["similarity"]
        )
        variant = f"L{scales(*samples.shape[-2:])}"
        return Score(abs(value - real), float(np.hypot(error, real_error)), n=len(samples), variant=variant)
