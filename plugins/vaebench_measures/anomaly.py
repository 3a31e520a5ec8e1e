"""Anomaly detection: whether a model trained only on healthy images separates healthy from diseased test images.

For every model, the score is the mean squared residual: the higher the score, the more anomalous the image. The sign of
the score is never flipped. A method's own anomaly scores have separate columns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import ClassVar

import numpy as np

from vaebench.evidence import Evidence
from vaebench.interfaces import Metric, NotApplicable, Score
from vaebench.traits import traits
from vaebench_measures.classifiers.ranking import auroc, average_precision, rank_correlation
from vaebench_measures.reconstruction import decibels

SPECIFICITY = 0.95
LEAST = 20
"""The minimum number of healthy images for a threshold at 95 % specificity: of 20 images, one is 5 %."""
FEW = 10
"""The minimum number of test images that a label, or a group of lesion sizes, must have for a separate result."""


class Detection(Metric):
    """A measure of how well a score ranks diseased test images above healthy ones."""

    version = 1
    verdict = "anomaly"
    regime = "healthy"
    range = (0, 1)
    statistic: ClassVar[Callable[[np.ndarray, np.ndarray], float]]

    def compute(self, evidence: Evidence) -> Score:
        return self.ranked(evidence, evidence.residuals("test"))

    def ranked(self, evidence: Evidence, scores: np.ndarray) -> Score:
        statistic = type(self).statistic
        rows, diseased = judged(evidence)
        return evidence.resampled(lambda draw: statistic(scores[rows][draw], diseased[draw]), rows, labels=diseased)


class AnomalyAuroc(Detection):
    """Area under the ROC curve of the mean squared residual: how well it separates diseased and healthy test images."""

    name = "anomaly-auroc"
    title = "anomaly AUROC"
    statistic = auroc
    chance = 0.5

    def compute(self, evidence: Evidence) -> Score:
        return watched(evidence, super().compute(evidence), evidence.residuals("test"))


class AnomalyAp(Detection):
    """Average precision of the mean squared residual in detecting diseased test images. The chance level
    is `anomaly-prevalence`."""

    name = "anomaly-ap"
    title = "anomaly AP"
    statistic = average_precision


class AnomalyPrevalence(Detection):
    """Share of diseased images among the healthy and diseased test images."""

    name = "anomaly-prevalence"
    title = "anomaly prevalence"

    def compute(self, evidence: Evidence) -> Score:
        rows, diseased = judged(evidence)
        return evidence.resampled(lambda draw: float(diseased[draw].mean()), rows)


class HardestLabel(Detection):
    """The lowest AUROC of the mean squared residual over the diseased labels, each against all healthy test images.
    The metric's parts are the AUROCs of the labels. Labels with fewer than 10 test images are skipped."""

    name = "anomaly-auroc-hardest-label"
    title = "anomaly AUROC, hardest label"

    def compute(self, evidence: Evidence) -> Score:
        scores, (healthy, diseased) = evidence.residuals("test"), evidence.health("test")
        label_of = evidence.split("test").labels
        labels, counts = np.unique(label_of[diseased], return_counts=True)
        if len(labels := labels[counts >= FEW]) < 2:
            raise NotApplicable(f"fewer than two diseased labels have at least {FEW} test images; use anomaly-auroc")
        kinds = {evidence.class_name(int(label)): diseased & (label_of == label) for label in labels}
        rows = np.flatnonzero(healthy | np.any(list(kinds.values()), axis=0))

        def least(draw: np.ndarray) -> float:
            drawn = rows[draw]
            each = (drawn[healthy[drawn] | kind[drawn]] for kind in kinds.values())
            return float(np.min([auroc(scores[asked], diseased[asked]) for asked in each]))

        return replace(
            evidence.resampled(least, rows, labels=diseased[rows]), parts=against_healthy(evidence, scores, kinds)
        )


class Own(Detection):
    """Detection by the method's own anomaly score. If a method has several scores, the metric's column shows the result
    and name of the first score, and the parts show the results of all scores. The best score is never selected."""

    version = 2

    def compute(self, evidence: Evidence) -> Score:
        # Called first: without healthy and diseased images, a missing score must not be the reason given.
        evidence.health("test")
        found = {name: self.ranked(evidence, scores) for name, scores in evidence.scores("test").items()}
        if not found:
            raise NotApplicable("the model does not define an anomaly score")
        first = next(iter(found))
        return replace(found[first], variant=first, parts=found if len(found) > 1 else {})


class OwnAuroc(Own):
    """Area under the ROC curve of the method's own anomaly score on the test images."""

    name = "anomaly-auroc-own"
    title = "anomaly AUROC by own score"
    statistic = auroc
    chance = 0.5


class OwnAp(Own):
    """Average precision of the method's own anomaly score in detecting diseased test images."""

    name = "anomaly-ap-own"
    title = "anomaly AP by own score"
    statistic = average_precision


class Sensitivity(Detection):
    """Share of diseased test images whose mean squared residual is above the threshold that 95 % of the healthy
    images kept out of training do not exceed."""

    name = "anomaly-sensitivity"
    title = "sensitivity at 95 % specificity"
    version = 2

    def compute(self, evidence: Evidence) -> Score:
        residuals, diseased = evidence.residuals("test"), evidence.health("test").diseased
        return evidence.per_image((residuals > threshold(evidence)).astype(np.float64), np.flatnonzero(diseased))


class Specificity(Detection):
    """Share of healthy test images whose mean squared residual does not exceed the threshold of `anomaly-sensitivity`:
    about 0.95 if these images resemble those from which the threshold was computed."""

    name = "anomaly-specificity"
    title = "specificity realised"
    version = 2

    def compute(self, evidence: Evidence) -> Score:
        residuals, healthy = evidence.residuals("test"), evidence.health("test").healthy
        return evidence.per_image((residuals <= threshold(evidence)).astype(np.float64), np.flatnonzero(healthy))


def watched(evidence: Evidence, found: Score, scores: np.ndarray) -> Score:
    """Add to a result the rank correlations between the scores of healthy test images and trivial traits of these
    images, and the mean PSNR of the model's reconstructions, which boards correlate with the result across models."""
    healthy = evidence.health("test").healthy
    known = traits(evidence.split("test").images[healthy])
    follows = {name: rank_correlation(scores[healthy], values) for name, values in known.items()}
    return replace(found, follows=follows, beside={"PSNR": float(decibels(evidence).mean())})


def threshold(evidence: Evidence) -> float:
    """Return the residual that 95 % of the healthy images kept out of training do not exceed."""
    count = len(evidence.splits.get("calibration", ()))
    if count < LEAST:
        raise NotApplicable(
            f"a threshold needs at least {LEAST} healthy images kept out of training (available: {count})"
        )
    return float(np.quantile(evidence.residuals("calibration"), SPECIFICITY, method="higher"))


def against_healthy(evidence: Evidence, scores: np.ndarray, kinds: Mapping[str, np.ndarray]) -> dict[str, Score]:
    """Return the AUROC of each kind of diseased test images against all healthy ones."""
    (healthy, diseased), found = evidence.health("test"), {}
    for name, kind in kinds.items():
        rows = np.flatnonzero(healthy | kind)
        own, positive = scores[rows], diseased[rows]
        found[name] = evidence.resampled(
            lambda draw, own=own, positive=positive: auroc(own[draw], positive[draw]), rows, labels=positive
        )
    return found


def judged(evidence: Evidence) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of all healthy and diseased test images, and which of these images are diseased."""
    healthy, diseased = evidence.health("test")
    rows = np.flatnonzero(healthy | diseased)
    return rows, diseased[rows]
