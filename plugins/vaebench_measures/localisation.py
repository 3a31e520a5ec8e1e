"""Metrics of how well residuals localise anomalies, given masks (pixel AUROC, average precision, Dice) or boxes.

A box shows where a finding is but not its outline, so boxes allow hits and shares to be measured, but not Dice. If
there are masks, all pixels of the healthy and diseased test images are ranked by the size of their residual, and the
value is computed from the exact order. The standard error is computed from two histograms of residuals per image, one
for the pixels inside anomalies and one for those outside. For a resample of patients, only histograms are added up.
The bin edges are quantiles of the residuals inside and outside anomalies. One number per pixel is kept in memory.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar

import numpy as np

from vaebench.evidence import Evidence
from vaebench.interfaces import Metric, NotApplicable, Score
from vaebench_measures.anomaly import judged
from vaebench_measures.classifiers.ranking import auroc_of, average_precision_of, best_dice_of

LEVELS = 512
"""The bin edges of the histograms are this many quantiles of the residuals inside anomalies and as many quantiles of
the residuals outside."""


class Localisation(Metric):
    """A measure of how well residuals rank the pixels of anomalies above all others."""

    version = 2
    verdict = "anomaly"
    regime = "healthy"
    range = (0, 1)
    statistic: ClassVar[Callable[[np.ndarray, np.ndarray], float]]

    def compute(self, evidence: Evidence) -> Score:
        statistic = type(self).statistic
        images, decoded = evidence.images("test"), evidence.reconstructions("test")
        (rows, _), masks = judged(evidence), evidence.masks("test")
        ordered, (hits, misses) = evidence.once(
            "ranked pixels", lambda: ranked(images[rows], decoded[rows], masks[rows])
        )

        def of_draw(draw: np.ndarray) -> float:
            times = np.bincount(draw, minlength=len(rows)).astype(np.float64)
            return statistic(times @ hits, times @ misses)

        return replace(evidence.resampled(of_draw, rows), value=statistic(*ordered))


class PixelAuroc(Localisation):
    """Area under the ROC curve of the residual at each pixel: how well it ranks anomalous pixels above all others."""

    name = "pixel-auroc"
    title = "pixel AUROC"
    statistic = auroc_of
    chance = 0.5


class PixelAp(Localisation):
    """Average precision of the residual at each pixel in detecting anomalous pixels. The chance level is the share of
    pixels that are anomalous."""

    name = "pixel-ap"
    title = "pixel AP"
    statistic = average_precision_of


class PixelDice(Localisation):
    """Dice overlap between anomaly masks and residuals above the best single threshold for these test images: an upper
    bound that only an oracle reaches."""

    name = "pixel-dice-oracle"
    title = "best Dice (oracle threshold)"
    statistic = best_dice_of


class InBoxes(Metric):
    """A value per diseased test image with boxes, from its squared residuals inside and outside the boxes."""

    version = 1
    verdict = "anomaly"
    regime = "healthy"

    def of_image(self, residual: np.ndarray, inside: np.ndarray) -> float:
        raise NotImplementedError(f"{type(self).__name__} must implement of_image(), which returns an image's value")

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
    """Share of diseased test images whose largest residual lies in the box of a finding. The chance level is the boxes'
    share of all pixels."""

    name = "box-hit"
    title = "largest residual in a box"
    range = (0, 1)

    def of_image(self, residual: np.ndarray, inside: np.ndarray) -> float:
        return float(inside.flat[residual.argmax()])


class BoxConcentration(InBoxes):
    """Share of the squared residual in the boxes of findings, divided by the boxes' share of pixels. At chance
    level, the value is 1."""

    name = "box-concentration"
    title = "residual in boxes over their area"
    range = (0, math.inf)

    def of_image(self, residual: np.ndarray, inside: np.ndarray) -> float:
        total = residual.sum(dtype=np.float64)
        return float(residual[inside].sum(dtype=np.float64) / total / inside.mean()) if total > 0 else 1.0


def within(boxes: np.ndarray, height: int, width: int) -> np.ndarray:
    """Return the pixels whose centre lies in a box or that contain the centre of a box, as bool (height, width)."""
    y, x = (np.arange(height) + 0.5) / height, (np.arange(width) + 0.5) / width
    inside = np.zeros((height, width), np.bool_)
    for x0, y0, x1, y1 in boxes[~np.isnan(boxes).all(1)]:
        inside |= ((y >= y0) & (y <= y1))[:, None] & ((x >= x0) & (x <= x1))[None]
        inside[min(int((y0 + y1) / 2 * height), height - 1), min(int((x0 + x1) / 2 * width), width - 1)] = True
    return inside


Counts = tuple[np.ndarray, np.ndarray]
"""The numbers of pixels inside and outside anomalies at each level of the residual, the greatest residual first."""


def ranked(images: np.ndarray, decoded: np.ndarray, masks: np.ndarray) -> tuple[Counts, Counts]:
    """Return the exact counts over all pixels, and two histograms per image, each of shape (images, levels)."""
    if not masks.any():
        raise NotApplicable("the masks of all test images are empty")
    sizes = np.empty(masks.shape, np.float32)
    for size, image, other in zip(sizes, images, decoded, strict=True):
        size[:] = np.sqrt(np.square(image - other).mean(axis=0))
    inside, outside = (np.sort(sizes[kind]) for kind in (masks, ~masks))
    edges = np.unique(np.concatenate([_quantiles(inside), _quantiles(outside)]))
    hits, misses = np.zeros((2, len(sizes), len(edges) + 1))
    for i, (size, mask) in enumerate(zip(sizes, masks, strict=True)):
        level = len(edges) - np.searchsorted(edges, size, side="right")
        hits[i] = np.bincount(level[mask], minlength=len(edges) + 1)
        misses[i] = np.bincount(level[~mask], minlength=len(edges) + 1)
    return in_order(inside, outside), (hits, misses)


def in_order(inside: np.ndarray, outside: np.ndarray) -> Counts:
    """Return the numbers of pixels inside and outside anomalies at each distinct residual found inside anomalies, and
    between two such residuals. The inputs
    must be sorted in ascending order."""
    values, times = np.unique(inside, return_counts=True)
    below = np.stack([np.searchsorted(outside, values, side=side) for side in ("left", "right")], 1).ravel()
    misses = np.diff(below, prepend=0, append=len(outside))
    hits = np.zeros(len(misses))
    hits[1::2] = times
    return hits[::-1], misses[::-1].astype(np.float64)


def _quantiles(values: np.ndarray) -> np.ndarray:
    """Return up to `LEVELS` of the sorted values, evenly spaced in rank."""
    return values[np.linspace(0, len(values) - 1, LEVELS).astype(int)] if len(values) else values
