"""A feature space that needs no network: the leading principal components of the training images' pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg

from vaebench_measures.features.pixels import flat

COUNT = 64
ROWS = 2000
"""The maximum number of training images for computing the components; further images hardly change them."""


@dataclass(frozen=True)
class Components:
    """Maps images to coordinates along the components, all divided by the same number, so that their average variance
    over training images is 1. The ratios of the components' variances are kept."""

    mean: np.ndarray
    axes: np.ndarray
    """(features, count)"""

    @classmethod
    def of(cls, train: np.ndarray, seed: int = 0) -> Components:
        """Compute the components of images (N, C, H, W), averaged down to at most 64 x 64 pixels per channel. The
        result is exact; it is computed from the smaller of the two matrices of inner products. There are fewer than
        `COUNT` components if there are fewer images or pixels."""
        rows = np.sort(np.random.default_rng(seed).permutation(len(train))[:ROWS])
        pixels = flat(train[rows]).astype(np.float64)
        mean = pixels.mean(0)
        centred = pixels - mean
        wide = len(centred) <= centred.shape[1]
        products = (centred @ centred.T if wide else centred.T @ centred) / max(1, len(centred) - 1)
        size = len(products)
        values, vectors = scipy.linalg.eigh(products, subset_by_index=(max(0, size - COUNT), size - 1))
        kept = values > values[-1] * size * np.finfo(np.float64).eps
        if not kept.any():
            return cls(mean, np.zeros((len(mean), 0)))
        axes = centred.T @ vectors[:, kept] if wide else vectors[:, kept]
        return cls(mean, axes / np.linalg.norm(axes, axis=0) / np.sqrt(values[kept].mean()))

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Return the coordinates of images along the components, float64 (N, count)."""
        return (flat(images) - self.mean) @ self.axes
