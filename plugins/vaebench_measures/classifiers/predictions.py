"""A classifier's predictions for held-out rows, and their accuracy, balanced accuracy, macro-F1 and AUROC."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vaebench_measures.classifiers.ranking import auroc


@dataclass(frozen=True)
class Predictions:
    """The predictions of a classifier, one per row."""

    labels: np.ndarray
    """(N,), the predicted labels"""
    decisions: np.ndarray
    """(N, classes), higher for likelier classes"""
    classes: np.ndarray
    """the sorted labels of the training rows"""

    def __getitem__(self, rows: np.ndarray) -> Predictions:
        return Predictions(self.labels[rows], self.decisions[rows], self.classes)


def decided(decisions: np.ndarray) -> np.ndarray:
    """Return scikit-learn's decision function with one column per class, even for two classes."""
    return np.stack([-decisions, decisions], 1) if decisions.ndim == 1 else decisions


def accuracy(truth: np.ndarray, predicted: Predictions) -> float:
    """Share of images classified correctly; compare it with `majority-accuracy`."""
    return float(np.mean(truth == predicted.labels))


def balanced_accuracy(truth: np.ndarray, predicted: Predictions) -> float:
    """Mean over classes of the share of images classified correctly: 1 / number of classes if the prediction is
    constant."""
    _, member, counts = np.unique(truth, return_inverse=True, return_counts=True)
    return float((np.bincount(member, truth == predicted.labels) / counts).mean())


def macro_f1(truth: np.ndarray, predicted: Predictions) -> float:
    """Mean over classes (those that occur or were predicted) of the harmonic mean of precision and recall."""
    classes = np.union1d(truth, predicted.labels)
    true, told = (np.searchsorted(classes, x) for x in (truth, predicted.labels))
    right = np.bincount(true[true == told], minlength=len(classes))
    named = sum(np.bincount(x, minlength=len(classes)) for x in (true, told))
    return float((2 * right / named).mean())


def macro_auroc(truth: np.ndarray, predicted: Predictions) -> float:
    """Mean over classes of the area under the ROC curve of one class against the rest (equal for two classes).

    Classes that do not occur are left out."""
    columns = list(enumerate(predicted.classes))
    if len(columns) == 2 and np.isin(truth, predicted.classes).all():  # both areas are the same
        columns = columns[1:]
    areas = [auroc(predicted.decisions[:, k], truth == label) for k, label in columns]
    known = [area for area in areas if np.isfinite(area)]
    return float(np.mean(known)) if known else float("nan")
