"""Shortcuts to the labels of a dataset, and signs that its splits have different distributions.

A shortcut is a trivial property of an image (its brightness, its sharpness, its original size) that separates healthy
from diseased images. An anomaly score that does not beat the best shortcut is no evidence that a model sees anatomy.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from vaebench.interfaces import Split, Splits
from vaebench.traits import traits
from vaebench.twins import thumbnails

NATIVE = {"native_height", "native_width"}
"""The names of the factors that contain an image's height and width before resizing."""


def features(split: Split) -> dict[str, np.ndarray]:
    """Return the shortcuts of every image: the traits of the prepared image, and the image's size and aspect ratio
    before resizing."""
    columns = traits(split.images)
    if split.factors.keys() >= NATIVE:
        columns |= _native(split)
    return columns


def shortcut_baselines(splits: Splits) -> tuple[dict[str, float], float | None]:
    """Return the AUROC of each shortcut, and that of a logistic regression on all of them, fitted on the training
    split."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    train, test = (_judged(split) for split in (splits.train, splits.test))
    if test is None:
        return {}, None
    columns, truth = features(test), test.diseased
    alone = {name: float(roc_auc_score(truth, values)) for name, values in columns.items()}
    alone = {name: max(value, 1 - value) for name, value in alone.items()}
    if train is None:
        return alone, None
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    model.fit(_matrix(features(train)), train.diseased)
    return alone, float(roc_auc_score(truth, model.decision_function(_matrix(columns))))


def split_gap(splits: Splits) -> dict[str, float]:
    """Return the AUROC of a classifier that separates train from test by shortcuts and thumbnails, for healthy and for
    diseased images. If a classifier can distinguish train from test within one class, the two splits have different
    distributions."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    gaps = {}
    for kind in ("healthy", "diseased"):
        rows = {name: getattr(split, kind) for name, split in splits.items() if name != "val"}
        if any(chosen is None or chosen.sum() < 20 for chosen in rows.values()):
            continue
        parts, sides, groups = [], [], []
        for side, (name, chosen) in enumerate(rows.items()):
            split = getattr(splits, name)
            picked = np.flatnonzero(chosen)[:: max(1, int(chosen.sum()) // 1000)]
            chosen_split = split.take(picked)
            parts.append(np.hstack([_matrix(features(chosen_split)), thumbnails(chosen_split.images)]))
            sides.append(np.full(len(picked), side))
            groups.append(split.groups[picked].astype(str))
        x, y, group = np.concatenate(parts), np.concatenate(sides), np.concatenate(groups)
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=300))
        folds = StratifiedGroupKFold(5, shuffle=True, random_state=0)
        guess = cross_val_predict(model, x, y, groups=group, cv=folds, method="decision_function")
        gaps[kind] = float(roc_auc_score(y, guess))
    return gaps


def _judged(split: Split) -> Split | None:
    """Return the images that are healthy or diseased; None unless both kinds exist."""
    if split.healthy is None or split.diseased is None or not split.healthy.any() or not split.diseased.any():
        return None
    return split.take(split.healthy | split.diseased)


def _matrix(columns: Mapping[str, np.ndarray]) -> np.ndarray:
    return np.stack(list(columns.values()), axis=1)


def shortcuts(splits: Splits) -> dict[str, float]:
    """Return how well each trivial feature of the test images separates healthy from diseased images."""
    alone, together = shortcut_baselines(splits)
    found = alone if together is None else alone | {"all together": together}
    return {name: round(value, 6) for name, value in found.items()}


def native_sizes(splits: Splits) -> dict[str, tuple[float, float]]:
    """Return the median height and width of each split's images before resizing, if the dataset provides them."""
    return {
        name: (float(np.median(split.factors["native_height"])), float(np.median(split.factors["native_width"])))
        for name, split in splits.items()
        if split.factors.keys() >= NATIVE
    }


def native_gap(splits: Splits) -> dict[str, float]:
    """Return how well native size and aspect ratio, each alone, separate train from test: max(AUROC, 1 - AUROC)."""
    from sklearn.metrics import roc_auc_score

    if not all(split.factors.keys() >= NATIVE for split in (splits.train, splits.test)):
        return {}
    side = np.repeat([0, 1], [len(splits.train), len(splits.test)])
    both = [_native(split) for split in (splits.train, splits.test)]
    alone = {name: roc_auc_score(side, np.concatenate([one[name] for one in both])) for name in both[0]}
    return {name: float(max(value, 1 - value)) for name, value in alone.items()}


def _native(split: Split) -> dict[str, np.ndarray]:
    height, width = (np.asarray(split.factors[f"native_{side}"], float) for side in ("height", "width"))
    return {"native size": np.log(height * width), "aspect ratio": np.log(height / width)}
