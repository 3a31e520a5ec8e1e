"""What a dataset gives away before any model is trained: shared patients, duplicates, and shortcuts to its labels.

A shortcut is something trivial about an image (how bright, how sharp, how large it was) that tells healthy from
diseased. An anomaly score that does not beat the best shortcut has not shown that it sees anatomy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from vaebench.interfaces import Split, Splits

NEAR = 0.995
"""Correlation of 32 x 32 thumbnails from which two images count as near duplicates."""
THUMB = 32


@dataclass(frozen=True)
class Audit:
    """What was found."""

    classes: Mapping[str, Mapping[int, int]]
    """split -> label -> number of images"""
    groups: Mapping[str, int]
    """split -> number of groups"""
    shared: Mapping[str, int]
    """`train and test` -> number of groups that stand in both"""
    exact: Mapping[str, int]
    """`train and test` -> images of the second that stand in the first, pixel for pixel"""
    near: Mapping[str, int]
    """the same, nearly"""
    shortcuts: Mapping[str, float] = field(default_factory=dict)
    """feature -> how well it alone separates healthy from diseased test images: max(AUROC, 1 - AUROC)"""
    together: float | None = None
    """AUROC on test of a logistic model of all shortcuts, fitted on train"""
    split_gap: Mapping[str, float] = field(default_factory=dict)
    """healthy, diseased -> cross-validated AUROC of telling train from test by shortcuts and coarse pixels"""

    @property
    def best_shortcut(self) -> tuple[str, float] | None:
        return max(self.shortcuts.items(), key=lambda item: item[1]) if self.shortcuts else None


def audit(splits: Splits) -> Audit:
    named = dict(splits.items())
    names = list(named)
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    thumbs = {name: thumbnails(split.images) for name, split in named.items()}
    shortcuts, together = shortcut_baselines(splits)
    exact = {f"{a} and {b}": _exact(named[a].images, named[b].images) for a, b in pairs}
    return Audit(
        classes={name: dict(zip(*_counts(split.labels), strict=True)) for name, split in named.items()},
        groups={name: len(np.unique(split.groups)) for name, split in named.items()},
        shared={f"{a} and {b}": len(np.intersect1d(named[a].groups, named[b].groups)) for a, b in pairs},
        exact=exact,
        near={f"{a} and {b}": _near(thumbs[a], thumbs[b]) - exact[f"{a} and {b}"] for a, b in pairs},
        shortcuts=shortcuts,
        together=together,
        split_gap=_split_gap(splits, thumbs),
    )


def features(split: Split) -> dict[str, np.ndarray]:
    """The shortcuts of every image: brightness, contrast, sharpness here; size and aspect as published."""
    found: dict[str, list[np.ndarray]] = {"mean intensity": [], "contrast": [], "sharpness": []}
    for start in range(0, len(split), 512):
        grey = split.images[start : start + 512].astype(np.float32).mean(axis=1) / 255
        laplace = (
            4 * grey[:, 1:-1, 1:-1] - grey[:, :-2, 1:-1] - grey[:, 2:, 1:-1] - grey[:, 1:-1, :-2] - grey[:, 1:-1, 2:]
        )
        found["mean intensity"].append(grey.mean(axis=(1, 2)))
        found["contrast"].append(grey.std(axis=(1, 2)))
        found["sharpness"].append(np.log(laplace.var(axis=(1, 2)) + 1e-8))
    columns = {name: np.concatenate(parts) for name, parts in found.items()}
    if {"native_height", "native_width"} <= split.factors.keys():
        height, width = (np.asarray(split.factors[f"native_{side}"], float) for side in ("height", "width"))
        columns |= {"native size": np.log(height * width), "aspect ratio": np.log(height / width)}
    return columns


def thumbnails(images: np.ndarray) -> np.ndarray:
    """Grey thumbnails as unit vectors: their dot product is a correlation."""
    side = min(THUMB, images.shape[-1])
    step = images.shape[-1] / side
    edges = (np.arange(side) * step).astype(int)
    flat = np.empty((len(images), side * side), np.float32)
    for start in range(0, len(images), 512):
        grey = images[start : start + 512].astype(np.float32).mean(axis=1)
        small = np.add.reduceat(np.add.reduceat(grey, edges, axis=1), edges, axis=2)
        small = small.reshape(len(small), -1)
        small -= small.mean(axis=1, keepdims=True)
        flat[start : start + 512] = small / np.maximum(np.linalg.norm(small, axis=1, keepdims=True), 1e-6)
    return flat


def shortcut_baselines(splits: Splits) -> tuple[dict[str, float], float | None]:
    """Each shortcut alone, and the AUROC of a logistic model of all, which is fitted on train."""
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


def _counts(labels: np.ndarray) -> tuple[list[int], list[int]]:
    values, counts = np.unique(labels, return_counts=True)
    return values.tolist(), counts.tolist()


def _exact(a: np.ndarray, b: np.ndarray) -> int:
    seen = {image.tobytes() for image in a}
    return sum(image.tobytes() in seen for image in b)


def _near(a: np.ndarray, b: np.ndarray) -> int:
    """How many rows of b have one in a at a correlation of NEAR or more."""
    return sum(int((b[start : start + 512] @ a.T).max(axis=1).__ge__(NEAR).sum()) for start in range(0, len(b), 512))


def _split_gap(splits: Splits, thumbs: Mapping[str, np.ndarray]) -> dict[str, float]:
    """A model that can tell train from test within one class says that the two were not drawn alike."""
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
            parts.append(np.hstack([_matrix(features(split.take(picked))), thumbs[name][picked]]))
            sides.append(np.full(len(picked), side))
            groups.append(split.groups[picked].astype(str))
        x, y, group = np.concatenate(parts), np.concatenate(sides), np.concatenate(groups)
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=300))
        folds = StratifiedGroupKFold(5, shuffle=True, random_state=0)
        guess = cross_val_predict(model, x, y, groups=group, cv=folds, method="decision_function")
        gaps[kind] = float(roc_auc_score(y, guess))
    return gaps


def _judged(split: Split) -> Split | None:
    """The images that are healthy or diseased; None where both kinds are not there."""
    if split.healthy is None or split.diseased is None or not split.healthy.any() or not split.diseased.any():
        return None
    return split.take(split.healthy | split.diseased)


def _matrix(columns: Mapping[str, np.ndarray]) -> np.ndarray:
    return np.stack(list(columns.values()), axis=1)


def shortcuts(splits: Splits) -> dict[str, float]:
    """How well trivial features of the test images separate healthy from diseased."""
    alone, together = shortcut_baselines(splits)
    found = alone if together is None else alone | {"all together": together}
    return {name: round(value, 6) for name, value in found.items()}
