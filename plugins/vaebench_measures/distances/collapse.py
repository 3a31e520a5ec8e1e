"""Detection of samples that have lost all diversity and are therefore easily distinguished from real images.

Both properties are tested by nearest neighbours, which need no training and also find repeated images. On real chest
X-rays, the test detects copies of the mean image and sets that repeat at most a hundred distinct images, but not
blurred images, PCA samples or averages of four images.
"""

from __future__ import annotations

import numpy as np
import torch

from vaebench_measures.classifiers.ranking import auroc

TOLD = 0.99
"""Samples count as perfectly distinguishable from real images if nearest neighbours reach at least this AUROC."""
SHARE = 0.01
"""The share of a set that counts as an image's neighbours. Samples that repeat more than a hundred distinct images
therefore count as diverse."""
CLOSE = 0.1
"""Samples count as nearly identical if their distance to their neighbours is below this share of the same distance
among real images."""


def collapsed(samples: np.ndarray, real: np.ndarray) -> bool:
    """Return whether samples have collapsed. They have if most samples are much closer to the nearest hundredth of all
    samples than real images are to the nearest hundredth of all real images, and if nearest neighbours distinguish
    samples from real images."""
    if np.median(nearest(samples, samples, SHARE)) >= CLOSE * np.median(nearest(real, real, SHARE)):
        return False
    of_samples = _nearness(nearest(samples, samples), nearest(samples, real))
    scores = np.concatenate([of_samples, _nearness(nearest(real, samples), nearest(real, real))])
    return auroc(scores, np.arange(len(scores)) < len(samples)) >= TOLD


def nearest(x: np.ndarray, y: np.ndarray, share: float = 0.0) -> np.ndarray:
    """Return the distance of each row of x to its nearest row of y. With `share`, return the distance to the k-th
    nearest row of y instead, where k is this share of y's rows, at least 2. If x is y, no row is its own neighbour."""
    there, found = torch.from_numpy(y), []
    rank = max(2, int(share * len(y))) if share else 1
    for start in range(0, len(x), 512):
        far = torch.cdist(torch.from_numpy(x[start : start + 512]), there)
        if x is y:
            far[:, start:].fill_diagonal_(float("inf"))
        found.append(far.kthvalue(rank).values)
    return torch.cat(found).numpy()


def _nearness(to_samples: np.ndarray, to_real: np.ndarray) -> np.ndarray:
    """Return 1 for rows equal to a sample, 0 for rows equal to a real image, and values in between otherwise."""
    both = to_samples + to_real
    return np.divide(to_real, both, out=np.full(len(both), 0.5), where=both > 0)
