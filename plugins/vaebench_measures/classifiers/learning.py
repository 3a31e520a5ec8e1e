"""Fitting of classifiers to at most `CAP` rows, chosen at random with a fixed seed and stratified by class."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from sklearn.linear_model import LogisticRegression

from vaebench.interfaces import NotApplicable
from vaebench_measures.classifiers.predictions import Predictions, decided

CAP = 5000
"""The maximum number of training rows; the time for a support vector machine grows with the square of this number."""

Fit = Callable[[np.ndarray, np.ndarray, np.ndarray], Predictions]
"""(train, labels, test) -> predictions for `test`"""


def learn(fit: Fit, train: np.ndarray, labels: np.ndarray, test: np.ndarray, scale: bool = False) -> Predictions:
    """Return predictions for `test` by a classifier fitted on `train`; with `scale`, both sets are first scaled.

    If the features are constant, the prediction is the most frequent label."""
    if len(np.unique(labels)) < 2:
        raise NotApplicable("the training images belong to fewer than two classes")
    rows = stratified(labels)
    train, labels = train[rows], labels[rows]
    if np.ptp(train, axis=0).max(initial=0) == 0:
        return majority(labels, len(test))
    if scale:
        train, test = scaled(train, test)
    return fit(train, labels, test)


def scaled(train: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return both sets, centred and divided by one number: the root of the mean variance of the training columns.

    A rotation of the code then does not change the distances between images. If each column were divided by its own
    deviation, a rotation would change them, and an unused latent would have the same weight as any other."""
    train, test = (x.astype(np.float64) for x in (train, test))
    centre, size = train.mean(axis=0), np.sqrt(train.var(axis=0).mean())
    return (train - centre) / size, (test - centre) / size


def majority(labels: np.ndarray, count: int) -> Predictions:
    """Return predictions of the most frequent label for `count` rows."""
    classes, counts = np.unique(labels, return_counts=True)
    return Predictions(np.full(count, classes[counts.argmax()]), np.zeros((count, len(classes))), classes)


def probe(train: np.ndarray, labels: np.ndarray, test: np.ndarray) -> Predictions:
    """Return the predictions of a logistic regression with C = 1 and `class_weight="balanced"`."""
    machine = LogisticRegression(class_weight="balanced", max_iter=2000).fit(train, labels)
    return Predictions(machine.predict(test), decided(machine.decision_function(test)), machine.classes_)


def stratified(labels: np.ndarray, cap: int = CAP, seed: int = 0) -> np.ndarray:
    """Return at most `cap` rows, sorted, that preserve the share of each class. No class is left out if `cap` is
    large enough."""
    order = np.random.default_rng(seed).permutation(len(labels))
    place = np.empty(len(labels))
    for label in np.unique(labels):
        members = order[labels[order] == label]
        place[members] = np.arange(len(members)) / len(members)
    return np.sort(order[np.argsort(place[order], kind="stable")][:cap])


def apart(groups: np.ndarray, share: float = 0.2, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows to fit on and the rows to test on. The test rows belong to about `share` of the groups; no group
    is in both sets."""
    names = np.unique(groups)
    held = np.random.default_rng(seed).permutation(names)[: max(1, round(share * len(names)))]
    judged = np.isin(groups, held)
    return np.flatnonzero(~judged), np.flatnonzero(judged)
