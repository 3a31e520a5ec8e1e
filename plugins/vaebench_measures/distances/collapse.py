"""Whether samples have lost all diversity, and are told from real images for it.

Both are asked of nearest neighbours, which need no training and find repeated images too. On real chest X-rays, sets of
up to a hundred repeated images and the mean image are found; blurred images, PCA samples and averages of four are not.
"""

from __future__ import annotations

import numpy as np
import torch

from vaebench_measures.classifiers.ranking import auroc

TOLD = 0.99
"""AUROC from which samples count as told from real images perfectly."""
SHARE = 0.01
"""Of a set: how many neighbours are asked about. So a set of more than a hundred distinct images is diverse."""
CLOSE = 0.1
"""Share of the usual distance to these neighbours below which samples hardly differ."""


def collapsed(samples: np.ndarray, real: np.ndarray) -> bool:
    """Most samples are much closer to a hundredth of the samples than real images are to a hundredth of those, and
    nearest neighbours tell the two sets apart."""
    if np.median(nearest(samples, samples, SHARE)) >= CLOSE * np.median(nearest(real, real, SHARE)):
        return False
    of_samples = _nearness(nearest(samples, samples), nearest(samples, real))
    scores = np.concatenate([of_samples, _nearness(nearest(real, samples), nearest(real, real))])
    return auroc(scores, np.arange(len(scores)) < len(samples)) >= TOLD


def nearest(x: np.ndarray, y: np.ndarray, share: float = 0.0) -> np.ndarray:
    """Distance of each row of x to the nearest of y, or to the last of that share of the nearest, two at least; of a
    set to itself, to other rows."""
    there, found = torch.from_numpy(y), []
    rank = max(2, int(share * len(y))) if share else 1
    for start in range(0, len(x), 512):
        far = torch.cdist(torch.from_numpy(x[start : start + 512]), there)
        if x is y:
            far[:, start:].fill_diagonal_(float("inf"))
        found.append(far.kthvalue(rank).values)
    return torch.cat(found).numpy()


def _nearness(to_samples: np.ndarray, to_real: np.ndarray) -> np.ndarray:
    """1 on a sample, 0 on a real image."""
    both = to_samples + to_real
    return np.divide(to_real, both, out=np.full(len(both), 0.5), where=both > 0)
