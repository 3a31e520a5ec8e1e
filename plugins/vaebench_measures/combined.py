"""Anomaly detection by the combined score (see `misses.py`), on test images and within the training split.

A further metric is a floor that needs no model: the distance from a Gaussian fitted to features of healthy images.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from sklearn.covariance import LedoitWolf

from vaebench.evidence import Evidence
from vaebench.interfaces import NotApplicable, Score, Split
from vaebench_measures.anomaly import LEAST, Detection, judged, watched
from vaebench_measures.classifiers.learning import apart
from vaebench_measures.classifiers.ranking import auroc
from vaebench_measures.features.compared import instance, ready, seen
from vaebench_measures.features.whitened import ROWS, Whitened
from vaebench_measures.misses import FEATURES, SMOOTH, Misses, combined, on_one_scale, smooth


class InFeatures(Detection, Whitened):
    """A ranking of images by a score that uses features of vaebench's own extractor; the metric's column shows the
    extractor's name and digest."""

    chance = 0.5

    def ranking(self, evidence: Evidence, split: str, rows: np.ndarray, scores: np.ndarray) -> Score:
        """Return the AUROC of these scores for diseased against healthy rows."""
        diseased = evidence.health(split).diseased[rows]
        score = evidence.resampled(lambda draw: auroc(scores[draw], diseased[draw]), rows, split, diseased)
        see = instance(self.extractor)
        return replace(score, variant=f"{see.name}@{see.digest[:8]}")


class Combined(InFeatures):
    """A ranking of images by the combined score; its parts are the rankings by the two scores that are combined."""

    def misses(self, evidence: Evidence, split: str) -> Misses:
        """Return the misses of all images of a split; they are computed once."""

        def compute() -> Misses:
            decoded, scale = evidence.reconstructions(split), self.scale(evidence)
            features = self.whole(evidence, split)
            if split == "test":
                lost = features - seen(evidence, self.extractor, "reconstructions")
            else:
                lost = features - ready(evidence, self.extractor)(decoded)
            return {SMOOTH: smooth(evidence.split(split).images, decoded), FEATURES: lost @ scale}

        return evidence.once(("misses", self.extractor, split), compute)

    def ranked_by(self, evidence: Evidence, split: str, rows: np.ndarray, scores: Mapping[str, np.ndarray]) -> Score:
        """Return the AUROC of the combination of these scores, with the AUROC of each score as a part."""
        parts = {kind: self.ranking(evidence, split, rows, own) for kind, own in scores.items()}
        return replace(self.ranking(evidence, split, rows, combined(scores)), parts=parts)


class AnomalyCombined(Combined):
    """Area under the ROC curve of the combined score on test images. The score is the mean of a smoothed pixel residual
    and a residual of whitened features, each standardised on healthy images kept out of training."""

    name = "anomaly-auroc-combined"
    title = "anomaly AUROC, combined score"

    def compute(self, evidence: Evidence) -> Score:
        rows, _ = judged(evidence)
        calibrate(len(evidence.splits.get("calibration", ())))
        scores = on_one_scale(self.misses(evidence, "test"), self.misses(evidence, "calibration"))
        found = self.ranked_by(evidence, "test", rows, taken(scores, rows))
        return watched(evidence, found, combined(scores))


class HeldOut(Combined):
    """Area under the ROC curve of the combined score within the training split. Of the healthy patients kept out of
    training, half calibrate the score, and the others are ranked against diseased images of the training split, on
    which the model was not trained."""

    name = "anomaly-auroc-held-out"
    title = "held-out anomaly AUROC, combined score"
    on_test_split = "anomaly-auroc-combined"

    def compute(self, evidence: Evidence) -> Score:
        calibrating, rows = halves(evidence)
        calibrate(len(calibrating))
        found = self.misses(evidence, "train")
        return self.ranked_by(evidence, "train", rows, on_one_scale(taken(found, rows), taken(found, calibrating)))


class AnomalyGaussian(InFeatures):
    """Area under the ROC curve of the distance from a Gaussian fitted to the whitened features of healthy training
    images (Mahalanobis, shrunk covariance): a floor that needs no model."""

    name = "anomaly-auroc-gaussian"
    title = "anomaly AUROC of a Gaussian on features"

    def compute(self, evidence: Evidence) -> Score:
        rows, _ = judged(evidence)
        scale, see = self.scale(evidence), ready(evidence, self.extractor)
        test = self.whole(evidence, "test")

        def distances(train: Split, _: Split) -> dict[str, np.ndarray]:
            if train.healthy is None or train.healthy.sum() < LEAST:
                raise NotApplicable(f"fitting a Gaussian needs at least {LEAST} healthy training images")
            known = np.sort(np.random.default_rng(0).permutation(np.flatnonzero(train.healthy))[:ROWS])
            return {"distances": LedoitWolf().fit(see(train.images[known]) @ scale).mahalanobis(test @ scale)}

        key = f"Gaussian of healthy images {self.space()}"
        found = evidence.of_dataset(key, distances, "train", "test", code=self.code())["distances"]
        return self.ranking(evidence, "test", rows, found[rows])


def calibrate(count: int) -> None:
    """Raise NotApplicable unless this many images are enough to calibrate a score."""
    if count < LEAST:
        raise NotApplicable(
            f"calibrating the score needs at least {LEAST} healthy images kept out of training (available: {count})"
        )


def halves(evidence: Evidence) -> tuple[np.ndarray, np.ndarray]:
    """Return the training images that calibrate the score and those that are ranked by it; no patient is in both."""
    train, (healthy, diseased) = evidence.split("train"), evidence.health("train")
    kept = np.flatnonzero(healthy & train.kept_out) if train.kept_out is not None else np.array([], int)
    if len(np.unique(train.groups[kept])) < 2:
        raise NotApplicable("fewer than two healthy patients were kept out of training")
    calibrating, ranked = (kept[half] for half in apart(train.groups[kept], share=0.5))
    foreign = np.flatnonzero(diseased & ~np.isin(train.groups, train.groups[calibrating]))
    return calibrating, np.sort(np.concatenate([ranked, foreign]))


def taken(misses: Misses, rows: np.ndarray) -> Misses:
    return {kind: found[rows] for kind, found in misses.items()}


METRICS = [AnomalyCombined, AnomalyGaussian, HeldOut]
