"""Whether a model trained on healthy images only tells healthy test images from diseased ones.

The score is the mean squared residual, the same for every model, higher = more anomalous, never flipped. What a method
offers of its own stands in columns of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import ClassVar

import numpy as np

from vaebench.evidence import Evidence
from vaebench.interfaces import Metric, NotApplicable, Score
from vaebench_measures.ranking import auroc, average_precision

SPECIFICITY = 0.95
LEAST = 20
"""Healthy images that a threshold for 95 % specificity needs at least: with fewer, no quantile lies there."""
FEW = 10
"""Images of one kind that it is asked about apart, at least."""


class Detection(Metric):
    """How well a score ranks diseased test images above healthy ones."""

    version = 1
    verdict = "anomaly"
    regime = "healthy"
    needs = ("reconstructions", "health")
    statistic: ClassVar[Callable[[np.ndarray, np.ndarray], float]]

    def scores(self, evidence: Evidence) -> tuple[np.ndarray, str]:
        """A score per test image, and what the column must say of it."""
        return evidence.residuals("test"), ""

    def compute(self, evidence: Evidence) -> Score:
        scores, variant = self.scores(evidence)
        return replace(self.ranked(evidence, scores), variant=variant)

    def ranked(self, evidence: Evidence, scores: np.ndarray) -> Score:
        statistic = type(self).statistic
        rows, diseased = judged(evidence)
        return evidence.resampled(lambda draw: statistic(scores[rows][draw], diseased[draw]), rows)


class AnomalyAuroc(Detection):
    """Area under the ROC curve of the mean squared residual."""

    name = "anomaly-auroc"
    title = "anomaly AUROC"
    primary = True
    statistic = auroc


class AnomalyAp(Detection):
    """Average precision of the mean squared residual. Chance gets `anomaly-prevalence`."""

    name = "anomaly-ap"
    title = "anomaly AP"
    statistic = average_precision


class AnomalyPrevalence(Detection):
    """Share of the judged test images that are diseased."""

    name = "anomaly-prevalence"
    title = "anomaly prevalence"
    needs = ("health",)

    def compute(self, evidence: Evidence) -> Score:
        rows, diseased = judged(evidence)
        return evidence.resampled(lambda draw: float(diseased[draw].mean()), rows)


class HardestLabel(Detection):
    """The least of the AUROCs of each diseased label against all that is healthy; those of all labels are its parts.
    Labels of fewer than 10 test images do not count."""

    name = "anomaly-auroc-hardest-label"
    title = "anomaly AUROC, hardest label"

    def compute(self, evidence: Evidence) -> Score:
        test, (scores, _) = evidence.split("test"), self.scores(evidence)
        labels, counts = np.unique(test.labels[test.diseased], return_counts=True)
        if len(labels := labels[counts >= FEW]) < 2:
            raise NotApplicable(f"fewer than two diseased labels have {FEW} test images: anomaly-auroc says it all")
        kinds = {evidence.class_name(int(label)): test.diseased & (test.labels == label) for label in labels}
        rows = np.flatnonzero(test.healthy | np.any(list(kinds.values()), axis=0))

        def least(draw: np.ndarray) -> float:
            drawn = rows[draw]
            each = (drawn[test.healthy[drawn] | kind[drawn]] for kind in kinds.values())
            return float(np.min([auroc(scores[asked], test.diseased[asked]) for asked in each]))

        return replace(evidence.resampled(least, rows), parts=against_healthy(evidence, scores, kinds))


class Own(Detection):
    """The same of the method's own score. Of several, the column is of the first that the method names, and says which;
    all are its parts. Which one is best is never asked."""

    version = 2
    needs = ("health",)

    def scores(self, evidence: Evidence) -> tuple[np.ndarray, str]:
        for name, values in evidence.scores("test").items():
            return values, name
        raise NotApplicable("the model has no anomaly score of its own")

    def compute(self, evidence: Evidence) -> Score:
        own = evidence.scores("test")
        parts = {name: self.ranked(evidence, values) for name, values in own.items()} if len(own) > 1 else {}
        return replace(super().compute(evidence), parts=parts)


class OwnAuroc(Own):
    """Area under the ROC curve of the method's own score."""

    name = "anomaly-auroc-own"
    title = "anomaly AUROC by own score"
    statistic = auroc


class OwnAp(Own):
    """Average precision of the method's own score."""

    name = "anomaly-ap-own"
    title = "anomaly AP by own score"
    statistic = average_precision


class Sensitivity(Detection):
    """Share of diseased test images above the threshold that 95 % of the healthy images kept out of training stay
    below."""

    name = "anomaly-sensitivity"
    title = "sensitivity at 95 % specificity"
    version = 2

    def compute(self, evidence: Evidence) -> Score:
        rows = np.flatnonzero(evidence.split("test").diseased)
        return evidence.per_image((evidence.residuals("test") > threshold(evidence)).astype(np.float64), rows)


class Specificity(Detection):
    """Share of healthy test images below that threshold: 0.95 if test is like training."""

    name = "anomaly-specificity"
    title = "specificity realised"
    version = 2

    def compute(self, evidence: Evidence) -> Score:
        rows = np.flatnonzero(evidence.split("test").healthy)
        return evidence.per_image((evidence.residuals("test") <= threshold(evidence)).astype(np.float64), rows)


def threshold(evidence: Evidence) -> float:
    """The residual that 95 % of the healthy training images that were kept out of training do not exceed."""
    count = len(evidence.splits.get("calibration", ()))
    if count < LEAST:
        raise NotApplicable(
            f"a threshold needs at least {LEAST} healthy images kept out of training; there are {count}"
        )
    return float(np.quantile(evidence.residuals("calibration"), SPECIFICITY, method="higher"))


def against_healthy(evidence: Evidence, scores: np.ndarray, kinds: Mapping[str, np.ndarray]) -> dict[str, Score]:
    """How well scores rank each kind of diseased test images above all healthy ones: areas under ROC curves."""
    test, found = evidence.split("test"), {}
    for name, kind in kinds.items():
        rows = np.flatnonzero(test.healthy | kind)
        own, diseased = scores[rows], test.diseased[rows]
        found[name] = evidence.resampled(
            lambda draw, own=own, diseased=diseased: auroc(own[draw], diseased[draw]), rows
        )
    return found


def judged(evidence: Evidence) -> tuple[np.ndarray, np.ndarray]:
    """The test rows that are healthy or diseased, and which of them are diseased."""
    evidence.require("health")
    test = evidence.split("test")
    rows = np.flatnonzero(test.healthy | test.diseased)
    return rows, test.diseased[rows]
