"""Whether a model trained on healthy images only tells healthy test images from diseased ones.

The score is the mean squared residual, the same for every model, higher = more anomalous, never flipped. What a method
offers of its own stands in columns of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar

import numpy as np

from vaebench.evidence import Evidence
from vaebench.interfaces import Metric, NotApplicable, Score
from vaebench_measures.ranking import auroc, average_precision

SPECIFICITY = 0.95
LEAST = 20
"""Healthy images that a threshold for 95 % specificity needs at least: with fewer, no quantile lies there."""


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
        statistic = type(self).statistic
        rows, diseased = judged(evidence)
        scores, variant = self.scores(evidence)
        found = evidence.resampled(lambda draw: statistic(scores[rows][draw], diseased[draw]), rows)
        return replace(found, variant=variant)


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


class Own(Detection):
    """The same of the method's own score, the first it names; the column says which."""

    needs = ("health",)

    def scores(self, evidence: Evidence) -> tuple[np.ndarray, str]:
        for name, values in evidence.scores("test").items():
            return values, name
        raise NotApplicable("the model has no anomaly score of its own")


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
    """Share of diseased test images above the threshold that 95 % of the healthy validation images stay below."""

    name = "anomaly-sensitivity"
    title = "sensitivity at 95 % specificity"

    def compute(self, evidence: Evidence) -> Score:
        rows = np.flatnonzero(evidence.split("test").diseased)
        return evidence.per_image((evidence.residuals("test") > threshold(evidence)).astype(np.float64), rows)


class Specificity(Detection):
    """Share of healthy test images below that threshold: 0.95 if test is like validation."""

    name = "anomaly-specificity"
    title = "specificity realised"

    def compute(self, evidence: Evidence) -> Score:
        rows = np.flatnonzero(evidence.split("test").healthy)
        return evidence.per_image((evidence.residuals("test") <= threshold(evidence)).astype(np.float64), rows)


def threshold(evidence: Evidence) -> float:
    """The residual that 95 % of the healthy validation images, which no model trained on, do not exceed."""
    healthy = evidence.split("val").healthy
    if healthy is None or healthy.sum() < LEAST:
        raise NotApplicable(f"a threshold needs at least {LEAST} healthy validation images")
    return float(np.quantile(evidence.residuals("val")[healthy], SPECIFICITY, method="higher"))


def judged(evidence: Evidence) -> tuple[np.ndarray, np.ndarray]:
    """The test rows that are healthy or diseased, and which of them are diseased."""
    evidence.require("health")
    test = evidence.split("test")
    rows = np.flatnonzero(test.healthy | test.diseased)
    return rows, test.diseased[rows]
