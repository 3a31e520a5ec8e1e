"""Metrics of detection by lesion size, and of how much worse lesions are reconstructed than the rest of an image.

The size is the share of an image's pixels in its mask, or in its boxes if there are no masks. Diseased test images are
divided into thirds by size, and each third is compared with all healthy images: a mean over all sizes would hide that
small lesions are missed.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from vaebench.evidence import Evidence
from vaebench.interfaces import Metric, NotApplicable, Score
from vaebench_measures.anomaly import FEW, against_healthy, threshold
from vaebench_measures.localisation import within
from vaebench_measures.reconstruction import ROUNDING


class BySize(Metric):
    """A result for the third of diseased test images with the smallest lesions; its parts are the results for all three
    thirds. The metric's column shows the size limit."""

    version = 1
    verdict = "anomaly"
    regime = "healthy"
    range = (0, 1)

    def of(self, evidence: Evidence, residuals: np.ndarray, kinds: dict[str, np.ndarray]) -> dict[str, Score]:
        raise NotImplementedError(f"{type(self).__name__} must implement of(), which returns the score of each third")

    def compute(self, evidence: Evidence) -> Score:
        parts = self.of(evidence, evidence.residuals("test"), thirds(evidence))
        smallest = next(iter(parts))
        return replace(parts[smallest], variant=smallest, parts=parts)


class SmallAuroc(BySize):
    """Area under the ROC curve of the mean squared residual, for the third of diseased test images with the smallest
    lesions against all healthy ones."""

    name = "anomaly-auroc-small"
    title = "anomaly AUROC by lesion size"
    chance = 0.5

    def of(self, evidence: Evidence, residuals: np.ndarray, kinds: dict[str, np.ndarray]) -> dict[str, Score]:
        return against_healthy(evidence, residuals, kinds)


class SmallSensitivity(BySize):
    """Share of images above the threshold of `anomaly-sensitivity`, among the third of diseased test images with the
    smallest lesions."""

    name = "anomaly-sensitivity-small"
    title = "sensitivity by lesion size"

    def of(self, evidence: Evidence, residuals: np.ndarray, kinds: dict[str, np.ndarray]) -> dict[str, Score]:
        called = (residuals > threshold(evidence)).astype(np.float64)
        return {name: evidence.per_image(called, np.flatnonzero(kind)) for name, kind in kinds.items()}


class LesionContrast(Metric):
    """Ratio of the mean squared residual inside the lesion to that outside, per diseased test image, in dB. The ratio
    equals the PSNR outside minus the PSNR inside; both are shown as parts. At 0 dB, the residual does not single out
    the lesion."""

    name = "lesion-contrast"
    version = 1
    title = "residual inside over outside lesions"
    verdict = "anomaly"
    unit = "dB"
    regime = "healthy"

    def compute(self, evidence: Evidence) -> Score:
        images, decoded = evidence.images("test"), evidence.reconstructions("test")
        diseased, masks = evidence.health("test").diseased, evidence.masks("test")
        share = masks.mean((1, 2))
        rows = np.flatnonzero(diseased & (share > 0) & (share < 1))
        psnr = np.zeros((2, len(images)))
        for row in rows:
            residual, mask = np.square(images[row] - decoded[row]).mean(axis=0, dtype=np.float64), masks[row]
            errors = np.array([residual[mask].mean(), residual[~mask].mean()])
            psnr[:, row] = -10 * np.log10(np.maximum(errors, ROUNDING))
        inside, outside = psnr
        parts = {"PSNR inside": inside, "PSNR outside": outside}
        found = {name: evidence.per_image(values, rows) for name, values in parts.items()}
        return replace(evidence.per_image(outside - inside, rows), parts=found)


def sizes(evidence: Evidence) -> np.ndarray:
    """Return the share of each test image's area that is covered by lesions."""
    test = evidence.split("test")
    if test.masks is not None:
        return test.masks.mean((1, 2))
    if test.boxes is not None:
        return np.array([within(boxes, *test.images.shape[2:]).mean() for boxes in test.boxes])
    raise NotApplicable("the dataset has neither anomaly masks nor finding boxes, so lesion sizes are unknown")


def thirds(evidence: Evidence) -> dict[str, np.ndarray]:
    """Return which test images have a small, a medium or a large lesion; the keys contain the size limits."""
    diseased, size = evidence.health("test").diseased, sizes(evidence)
    known = diseased & (size > 0)
    if known.sum() < 3 * FEW:
        raise NotApplicable(
            f"lesion sizes are known for {known.sum()} of the diseased test images; {3 * FEW} are needed"
        )
    low, high = np.quantile(size[known], [1 / 3, 2 / 3], method="lower")
    kinds = {
        f"small, up to {100 * low:.2g} %": known & (size <= low),
        f"medium, up to {100 * high:.2g} %": known & (size > low) & (size <= high),
        "large": known & (size > high),
    }
    if (fewest := min(kind.sum() for kind in kinds.values())) < FEW:  # if many lesions have the same size
        raise NotApplicable(
            f"if diseased test images are divided into thirds by lesion size, one third has only {fewest} of "
            f"the {FEW} images that it needs"
        )
    return kinds


METRICS = [SmallAuroc, SmallSensitivity, LesionContrast]
