"""The data of plots, reduced to a few numbers: ROC curves, histograms of scores, t-SNE maps and nearest training
images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from vaebench.evidence import Evidence
from vaebench.interfaces import NotApplicable, Split
from vaebench.judging.tsne import embedded

BINS = 24
CURVE = 101
"""The largest number of points of a ROC curve."""
MAPPED = (350, 1000)
"""The smallest and the largest number of test images of a t-SNE map. With fewer images, no map is made: it would show
little and slow down the quick preset. With more images, an evenly spaced subset is used."""
SCALE = 1000
"""Coordinates of a map are integers from 0 to this number."""
COMPONENTS = 50
"""The number of principal components that t-SNE starts from, as is usual."""


def scores(evidence: Evidence) -> dict[str, Any]:
    """Return, for each anomaly score, the ROC curve and its area, and histograms of healthy and diseased test
    images."""
    healthy, diseased = evidence.health("test")
    found = {}
    for name, values in {"residual": evidence.residuals("test"), **evidence.scores("test")}.items():
        sides = {"healthy": values[healthy], "diseased": values[diseased]}
        low, high = float(values.min()), float(np.quantile(values, 0.995))
        if low < high:
            edges = np.linspace(low, high, BINS + 1)
            found[name] = {
                "roc": _roc(sides["healthy"], sides["diseased"]),
                "auroc": _auroc(sides["healthy"], sides["diseased"]),
                "edges": [float(f"{low:.4g}"), float(f"{high:.4g}")],
                **{side: _shares(own.clip(low, high), edges) for side, own in sides.items()},
            }
    if not found:
        raise NotApplicable("every image has the same score")
    return found


def _shares(values: np.ndarray, edges: np.ndarray) -> list[float]:
    """Return the share of the values in each bin; the caller has clipped the largest values into the last bin."""
    shares: list[float] = (np.histogram(values, edges)[0] / len(values)).round(4).tolist()
    return shares


def _roc(healthy: np.ndarray, diseased: np.ndarray) -> list[list[float]]:
    """Return the false and true positive rates, from (0, 0) to (1, 1)."""
    cuts = np.unique(np.concatenate([healthy, diseased]))[::-1]
    rates = [1 - np.searchsorted(np.sort(own), cuts, side="left") / len(own) for own in (healthy, diseased)]
    kept = np.unique(np.linspace(0, len(cuts) - 1, CURVE - 1).round().astype(int))
    return [[0.0, *rate[kept].round(4).tolist()] for rate in rates]


def _auroc(healthy: np.ndarray, diseased: np.ndarray) -> float:
    """Return the AUROC: the probability that a diseased image scores higher than a healthy one; ties count half."""
    ordered = np.sort(healthy)
    below = np.searchsorted(ordered, diseased, "left") + np.searchsorted(ordered, diseased, "right")
    return round(float(below.mean() / (2 * len(ordered))), 4)


def maps(evidence: Evidence) -> dict[str, Any]:
    """Return the t-SNE of pixels and of codes, with labels, for the same test images."""
    test = evidence.split("test")
    if len(test) < MAPPED[0]:
        raise NotApplicable(f"fewer than {MAPPED[0]} test images")
    rows = mapped(len(test))
    pixels = evidence.of_dataset(f"t-sne of pixels, {MAPPED[1]}", of_pixels, "test")["points"]
    return {
        "labels": [evidence.class_name(int(label)) for label in test.labels[rows]],
        "pixels": pixels.tolist(),
        "codes": tsne(evidence.codes("test")[rows]).tolist(),
    }


def mapped(count: int) -> np.ndarray:
    return np.unique(np.linspace(0, count - 1, min(count, MAPPED[1])).astype(int))


def of_pixels(test: Split) -> Mapping[str, np.ndarray]:
    images = test.images[mapped(len(test))]
    return {"points": tsne(images.reshape(len(images), -1).astype(np.float32) / 255)}


def tsne(values: np.ndarray) -> np.ndarray:
    """Return the t-SNE of values (N, D) as integers (N, 2)."""
    if not values.std(axis=0).any():
        raise NotApplicable("all images have the same code")
    values = principal(values) if values.shape[1] > COMPONENTS else values
    found = embedded(values)
    low, high = found.min(axis=0), found.max(axis=0)
    return ((found - low) / np.maximum(high - low, 1e-9) * SCALE).round().astype(int)


def principal(values: np.ndarray) -> np.ndarray:
    """Return the first principal components, computed from dot products of images, since there are fewer images than
    pixels."""
    centred = values - values.mean(axis=0)
    found, vectors = np.linalg.eigh(centred @ centred.T)
    return (vectors * np.sqrt(found.clip(0)))[:, : -COMPONENTS - 1 : -1].astype(np.float32)


def nearest(evidence: Evidence, samples: np.ndarray) -> tuple[np.ndarray, list[float]]:
    """Return, for each sample, the training image with the smallest root mean squared difference of pixels, and this
    difference."""
    train = evidence.split("train").images
    wanted = samples.reshape(len(samples), -1)
    best, which = np.full(len(samples), np.inf), np.zeros(len(samples), int)
    for start in range(0, len(train), 1024):
        some = train[start : start + 1024].reshape(-1, wanted.shape[1]).astype(np.float32) / 255
        apart = np.square(some).sum(1) - 2 * wanted @ some.T + np.square(wanted).sum(1)[:, None]
        closest = apart.argmin(axis=1)
        better = apart[np.arange(len(wanted)), closest] < best
        which[better] = start + closest[better]
        best[better] = apart[np.arange(len(wanted)), closest][better]
    distances = np.sqrt(best.clip(0) / wanted.shape[1])
    return train[which].astype(np.float32) / 255, [float(f"{d:.3g}") for d in distances]
