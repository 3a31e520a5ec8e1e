"""What a classifier can tell from codes, from real pixels and from decoded images: R0's experiment, in full.

A few questions, each answered once and giving four numbers: `svc-accuracy`, `svc-balanced-accuracy`, ... `probe-auroc`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from vaebench.evidence import Evidence
from vaebench.interfaces import Metric, Score, Split
from vaebench_measures.answers import Answers, accuracy, balanced_accuracy, macro_auroc, macro_f1
from vaebench_measures.learning import apart, learn, majority, probe, stratified
from vaebench_measures.pixels import SIDE, flat, reduced
from vaebench_measures.svc import svc

Judgement = tuple[np.ndarray, Answers]
"""The rows that were judged and what was said of them."""


def on_codes(evidence: Evidence) -> Judgement:
    """RBF SVC on codes, train split against test split"""
    train, test = evidence.codes("train"), evidence.codes("test")
    return np.arange(len(test)), learn(svc, train, evidence.split("train").labels, test, scale=True)


def on_codes_by_group(evidence: Evidence) -> Judgement:
    """RBF SVC on codes of four fifths of the training patients, against the rest: one population"""
    split, codes = evidence.split("train"), evidence.codes("train")
    taught, judged = apart(split.groups)
    return judged, learn(svc, codes[taught], split.labels[taught], codes[judged], scale=True)


def on_pixels(evidence: Evidence) -> Judgement:
    """RBF SVC on the real images, train split against test split: what there is to know"""
    said = evidence.of_dataset("svc on pixels", lambda *splits: vars(from_pixels(*splits)), "train", "test")
    return np.arange(len(evidence.split("test"))), Answers(**said)


def on_pixels_by_group(evidence: Evidence) -> Judgement:
    """RBF SVC on the real images of four fifths of the training patients, against the rest: one population"""

    def compute(train: Split) -> dict[str, np.ndarray]:
        return vars(from_pixels(*map(train.take, apart(train.groups))))

    said = evidence.of_dataset("svc on pixels within train", compute, "train")
    return apart(evidence.split("train").groups)[1], Answers(**said)


def on_decoded(evidence: Evidence) -> Judgement:
    """RBF SVC on reconstructions, train split against test split: what the decoder keeps"""
    train, test = (flat(evidence.reconstructions(name)) for name in ("train", "test"))
    return np.arange(len(test)), learn(svc, train, evidence.split("train").labels, test)


def on_decoded_by_group(evidence: Evidence) -> Judgement:
    """RBF SVC on reconstructions of four fifths of the training patients, against the rest: one population"""
    split, decoded = evidence.split("train"), flat(evidence.reconstructions("train"))
    taught, judged = apart(split.groups)
    return judged, learn(svc, decoded[taught], split.labels[taught], decoded[judged])


def probed(evidence: Evidence) -> Judgement:
    """Logistic regression on codes, train split against test split"""
    train, test = evidence.codes("train"), evidence.codes("test")
    return np.arange(len(test)), learn(probe, train, evidence.split("train").labels, test, scale=True)


def guessed(evidence: Evidence) -> Judgement:
    """The most frequent training label, always: the floor"""
    test = evidence.split("test")
    return np.arange(len(test)), majority(evidence.split("train").labels, len(test))


def from_pixels(train: Split, test: Split) -> Answers:
    """The SVC on real pixels: the same for every model, so it is trained once for all."""
    train = train.take(stratified(train.labels))
    return learn(svc, flat(train.images), train.labels, flat(test.images))


class Question(Metric):
    """One number about one classifier's answers."""

    version = 1
    verdict = "representation"
    ask: ClassVar[Callable[[Evidence], Judgement]]
    statistic: ClassVar[Callable[[np.ndarray, Answers], float]]
    split: ClassVar[str] = "test"
    reads_pixels: ClassVar[bool] = False

    def compute(self, evidence: Evidence) -> Score:
        ask, statistic = type(self).ask, type(self).statistic
        rows, said = evidence.once(("answers", ask), lambda: ask(evidence))
        split = evidence.split(self.split)
        truth = split.labels[rows]
        score = evidence.resampled(lambda draw: statistic(truth[draw], said[draw]), rows, self.split)
        smaller = self.reads_pixels and reduced(split.images)
        return replace(score, variant=f"{SIDE} px" if smaller else "")


CODES, PIXELS, DECODED = ("codes", "labels"), ("labels",), ("reconstructions", "labels")
ASKED: dict[str, tuple[str, dict[str, Any]]] = {
    "svc": ("SVC", {"ask": on_codes, "needs": CODES}),
    "svc-grouped": ("SVC within train", {"ask": on_codes_by_group, "needs": CODES, "split": "train"}),
    "svc-pixels": ("SVC on pixels", {"ask": on_pixels, "needs": PIXELS, "reads_pixels": True}),
    "svc-pixels-grouped": (
        "SVC on pixels within train",
        {"ask": on_pixels_by_group, "needs": PIXELS, "split": "train", "reads_pixels": True},
    ),
    "svc-decoded": ("SVC on decoded", {"ask": on_decoded, "needs": DECODED, "reads_pixels": True}),
    "svc-decoded-grouped": (
        "SVC on decoded within train",
        {"ask": on_decoded_by_group, "needs": DECODED, "split": "train", "reads_pixels": True},
    ),
    "probe": ("linear probe", {"ask": probed, "needs": CODES}),
    "majority": ("majority", {"ask": guessed, "needs": PIXELS}),
}
NUMBERS: dict[str, tuple[str, Callable[[np.ndarray, Answers], float]]] = {
    "accuracy": ("accuracy", accuracy),
    "balanced-accuracy": ("balanced accuracy", balanced_accuracy),
    "macro-f1": ("macro-F1", macro_f1),
    "auroc": ("AUROC", macro_auroc),
}


def question(who: str, what: str) -> type[Question]:
    """The metric `who-what`."""
    (subject, asked), (number, statistic) = ASKED[who], NUMBERS[what]
    about = f"{asked['ask'].__doc__}. {statistic.__doc__}"
    given = {"name": f"{who}-{what}", "title": f"{subject} {number}", "statistic": statistic, "__doc__": about, **asked}
    return type("Question", (Question,), {**given, "primary": given["name"] == "svc-balanced-accuracy"})


QUESTIONS = [question(who, what) for who in ASKED for what in NUMBERS if who != "majority" or what == "accuracy"]
