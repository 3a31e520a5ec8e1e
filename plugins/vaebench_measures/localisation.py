"""Whether residuals are where the anomaly is: against masks (pixel AUROC, average precision, best Dice), or boxes.

A box says where a finding is and not what its outline is, so boxes give hits and shares, never Dice. Against masks, all
pixels of the healthy and diseased test images are ranked by the size of their residual, told apart to 1/1024 of the
range of grey: a quarter of a level of 8 bits. So an image is two histograms, and a draw of patients a sum of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import ClassVar

import numpy as np

from vaebench.evidence import Evidence
from vaebench.interfaces import Metric, NotApplicable, Score
from vaebench_measures.anomaly import judged
from vaebench_measures.classifiers.ranking import auroc_of, average_precision_of, best_dice_of

LEVELS = 1024


class Localisation(Metric):
    """How well residuals rank the pixels of anomalies above all others."""

    version = 1
    verdict = "anomaly"
    regime = "healthy"
    range = (0, 1)
    statistic: ClassVar[Callable[[np.ndarray, np.ndarray], float]]

    def compute(self, evidence: Evidence) -> Score:
        statistic = type(self).statistic
        images, decoded = evidence.images("test"), evidence.reconstructions("test")
        (rows, _), masks = judged(evidence), evidence.masks("test")
        hits, misses = evidence.once(
            "residual histograms", lambda: histograms(images[rows], decoded[rows], masks[rows])
        )

        def of_draw(draw: np.ndarray) -> float:
            times = np.bincount(draw, minlength=len(rows)).astype(np.float64)
            return statistic(times @ hits, times @ misses)

        return evidence.resampled(of_draw, rows)


class PixelAuroc(Localisation):
    """Area under the ROC curve over pixels."""

    name = "pixel-auroc"
    title = "pixel AUROC"
    statistic = auroc_of


class PixelAp(Localisation):
    """Average precision over pixels; chance gets the share of pixels that are anomalous."""

    name = "pixel-ap"
    title = "pixel AP"
    statistic = average_precision_of


class PixelDice(Localisation):
    """Dice overlap at the one threshold that suits these test masks best: an oracle's, and a bound."""

    name = "pixel-dice-oracle"
    title = "best Dice (oracle threshold)"
    statistic = best_dice_of


class InBoxes(Metric):
    """A number of each diseased test image with boxes: its squared residuals against the pixels in a box."""

    version = 1
    verdict = "anomaly"
    regime = "healthy"

    def of_image(self, residual: np.ndarray, inside: np.ndarray) -> float:
        raise NotImplementedError(f"{type(self).__name__} does not say what it asks of an image: implement of_image()")

    def compute(self, evidence: Evidence) -> Score:
        images, decoded = evidence.images("test"), evidence.reconstructions("test")
        diseased, boxes = evidence.health("test").diseased, evidence.boxes("test")
        rows = np.flatnonzero(diseased & ~np.isnan(boxes).all((1, 2)))
        values = np.zeros(len(images))
        for row in rows:
            residual = np.square(images[row] - decoded[row]).mean(axis=0)
            values[row] = self.of_image(residual, within(boxes[row], *residual.shape))
        return evidence.per_image(values, rows)


class BoxHit(InBoxes):
    """Share of images whose largest residual lies in a box; chance gets the share of pixels in boxes."""

    name = "box-hit"
    title = "largest residual in a box"
    range = (0, 1)

    def of_image(self, residual: np.ndarray, inside: np.ndarray) -> float:
        return float(inside.flat[residual.argmax()])


class BoxConcentration(InBoxes):
    """Share of the squared residual that lies in boxes, over that of pixels in them; 1 is no better than anywhere."""

    name = "box-concentration"
    title = "residual in boxes over their area"
    range = (0, math.inf)

    def of_image(self, residual: np.ndarray, inside: np.ndarray) -> float:
        total = residual.sum(dtype=np.float64)
        return float(residual[inside].sum(dtype=np.float64) / total / inside.mean()) if total > 0 else 1.0


def within(boxes: np.ndarray, height: int, width: int) -> np.ndarray:
    """Pixels whose middle lies in a box; of a box between middles, the pixel that holds its own."""
    y, x = (np.arange(height) + 0.5) / height, (np.arange(width) + 0.5) / width
    inside = np.zeros((height, width), np.bool_)
    for x0, y0, x1, y1 in boxes[~np.isnan(boxes).all(1)]:
        inside |= ((y >= y0) & (y <= y1))[:, None] & ((x >= x0) & (x <= x1))[None]
        inside[min(int((y0 + y1) / 2 * height), height - 1), min(int((x0 + x1) / 2 * width), width - 1)] = True
    return inside


def histograms(images: np.ndarray, decoded: np.ndarray, masks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each image, how many pixels inside and outside its anomaly have a residual of each level, greatest first."""
    if not masks.any():
        raise NotApplicable("no mask of a test image marks a pixel")
    hits, misses = np.zeros((2, len(images), LEVELS))
    for i, (image, other, mask) in enumerate(zip(images, decoded, masks, strict=True)):
        size = np.sqrt(np.square(image - other).mean(axis=0))
        level = LEVELS - 1 - np.minimum((size * LEVELS).astype(np.int64), LEVELS - 1)
        hits[i] = np.bincount(level[mask], minlength=LEVELS)
        misses[i] = np.bincount(level[~mask], minlength=LEVELS)
    return hits, misses
