"""Metrics of how well classifiers predict labels from codes, from real images and from reconstructions.

The suite `references` uses some of these metrics to repeat the experiment of its project R0 (see `cxr-vae`). Each
classifier is trained once, for up to four metrics: accuracy, balanced accuracy, macro-F1 and AUROC.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from vaebench.evidence import Evidence
from vaebench.interfaces import Metric, Score, Split
from vaebench_measures.classifiers.learning import apart, learn, majority, probe, stratified
from vaebench_measures.classifiers.predictions import Predictions, accuracy, balanced_accuracy, macro_auroc, macro_f1
from vaebench_measures.classifiers.svc import svc
from vaebench_measures.features.pixels import SIDE, flat, reduced

Judgement = tuple[np.ndarray, Predictions]
"""The rows on which the classifier is tested, and its predictions for them."""


def features(evidence: Evidence, of: Callable[[str], np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return features of the train and test splits; it is an error if all test images have the same label."""
    test, _ = of("test"), evidence.labels("test")
    return of("train"), test


def on_codes(evidence: Evidence) -> Judgement:
    """RBF SVC on codes, fitted on the train split and tested on the test split"""
    train, test = features(evidence, evidence.codes)
    return np.arange(len(test)), learn(svc, train, evidence.split("train").labels, test, scale=True)


def on_codes_by_group(evidence: Evidence) -> Judgement:
    """RBF SVC on codes, fitted on four fifths of the training patients and tested on the other fifth"""
    split, (codes, _) = evidence.split("train"), features(evidence, evidence.codes)
    taught, judged = apart(split.groups)
    return judged, learn(svc, codes[taught], split.labels[taught], codes[judged], scale=True)


def on_pixels(evidence: Evidence) -> Judgement:
    """RBF SVC on the real images, fitted on the train split and tested on the test split: a reference for codes"""
    rows = np.arange(len(evidence.labels("test")))
    found = evidence.of_dataset("svc on pixels", lambda *splits: vars(from_pixels(*splits)), "train", "test")
    return rows, Predictions(**found)


def on_pixels_by_group(evidence: Evidence) -> Judgement:
    """RBF SVC on the real images, fitted on four fifths of the training patients and tested on the other fifth"""

    def compute(train: Split) -> dict[str, np.ndarray]:
        return vars(from_pixels(*map(train.take, apart(train.groups))))

    evidence.labels("test")
    found = evidence.of_dataset("svc on pixels within train", compute, "train")
    return apart(evidence.split("train").groups)[1], Predictions(**found)


def on_decoded(evidence: Evidence) -> Judgement:
    """RBF SVC on reconstructions, fitted on the train split and tested on the test split: a test of the decoder"""
    train, test = map(flat, features(evidence, evidence.reconstructions))
    return np.arange(len(test)), learn(svc, train, evidence.split("train").labels, test)


def on_decoded_by_group(evidence: Evidence) -> Judgement:
    """RBF SVC on reconstructions, fitted on four fifths of the training patients and tested on the other fifth"""
    split, (images, _) = evidence.split("train"), features(evidence, evidence.reconstructions)
    decoded = flat(images)
    taught, judged = apart(split.groups)
    return judged, learn(svc, decoded[taught], split.labels[taught], decoded[judged])


def probed(evidence: Evidence) -> Judgement:
    """Logistic regression on codes, fitted on the train split and tested on the test split"""
    train, test = features(evidence, evidence.codes)
    return np.arange(len(test)), learn(probe, train, evidence.split("train").labels, test, scale=True)


def guessed(evidence: Evidence) -> Judgement:
    """Constant prediction of the most frequent training label: the floor for classifiers"""
    count = len(evidence.labels("test"))
    return np.arange(count), majority(evidence.split("train").labels, count)


def from_pixels(train: Split, test: Split) -> Predictions:
    """Return the predictions of the SVC on real pixels. This SVC is the same for every model and trained only once."""
    train = train.take(stratified(train.labels))
    return learn(svc, flat(train.images), train.labels, flat(test.images))


class ClassifierScore(Metric):
    """A statistic of a classifier's predictions."""

    version = 1
    verdict = "representation"
    range = (0, 1)
    judge: ClassVar[Callable[[Evidence], Judgement]]
    statistic: ClassVar[Callable[[np.ndarray, Predictions], float]]
    split: ClassVar[str] = "test"
    reads_pixels: ClassVar[bool] = False

    def compute(self, evidence: Evidence) -> Score:
        judge, statistic = type(self).judge, type(self).statistic
        rows, predicted = evidence.once(("predictions", judge), lambda: judge(evidence))
        split = evidence.split(self.split)
        truth = split.labels[rows]
        told_apart = None if statistic is accuracy else truth
        score = evidence.resampled(lambda draw: statistic(truth[draw], predicted[draw]), rows, self.split, told_apart)
        smaller = self.reads_pixels and reduced(split.images)
        return replace(score, variant=f"{SIDE} px" if smaller else "")


WITHIN_TRAIN = {"split": "train"}
PIXELS = {"reads_pixels": True}
ON_CODES = {"version": 2}
"""Version 1 divided each latent by its standard deviation."""
CLASSIFIERS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "svc": ("SVC", "", {"judge": on_codes, **ON_CODES}),
    "svc-grouped": ("held-out SVC", "", {"judge": on_codes_by_group, **WITHIN_TRAIN, **ON_CODES}),
    "svc-pixels": ("SVC", " from pixels", {"judge": on_pixels, **PIXELS}),
    "svc-pixels-grouped": ("held-out SVC", " from pixels", {"judge": on_pixels_by_group, **WITHIN_TRAIN, **PIXELS}),
    "svc-decoded": ("SVC", " from decoded images", {"judge": on_decoded, **PIXELS}),
    "svc-decoded-grouped": (
        "held-out SVC",
        " from decoded images",
        {"judge": on_decoded_by_group, **WITHIN_TRAIN, **PIXELS},
    ),
    "probe": ("linear probe", "", {"judge": probed, **ON_CODES}),
    "majority": ("majority", "", {"judge": guessed}),
}
STATISTICS: dict[str, tuple[str, Callable[[np.ndarray, Predictions], float]]] = {
    "accuracy": ("accuracy", accuracy),
    "balanced-accuracy": ("balanced accuracy", balanced_accuracy),
    "macro-f1": ("macro-F1", macro_f1),
    "auroc": ("AUROC", macro_auroc),
}


def score_of(classifier: str, statistic: str) -> type[ClassifierScore]:
    """Return the metric `classifier-statistic`."""
    (who, source, facts), (what, compute) = CLASSIFIERS[classifier], STATISTICS[statistic]
    name, about = f"{classifier}-{statistic}", f"{facts['judge'].__doc__}. {compute.__doc__}"
    given = {"name": name, "title": f"{who} {what}{source}", "statistic": compute, "__doc__": about}
    if classifier.endswith("-grouped"):
        given["on_test_split"] = f"{classifier.removesuffix('-grouped')}-{statistic}"
    if statistic == "auroc":
        given["chance"] = 0.5
    return type("ClassifierScore", (ClassifierScore,), {**given, **facts})


METRICS = [score_of(who, what) for who in CLASSIFIERS for what in STATISTICS if who != "majority" or what == "accuracy"]
