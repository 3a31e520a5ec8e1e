"""Misses: the differences between an image x and its reconstruction x', of two kinds, scored by how unusual they are.

    smooth residual    m = G (x - x') G',       G a Gaussian blur whose sigma is a sixteenth of the side
    features           m = (f(x) - f(x')) W,    f the pinned extractor, W the whitening by training images

Healthy images that were kept out of training serve for calibration. How unusual a miss is:

    smooth residual    a = ln mean_j (m_j^2 / u_j),     u_j = mean of m_j^2 over calibration images, shrunk towards the
                                                        mean over all j, which counts as 20 more images
    features           a = ln (m - c)' S^-1 (m - c),    c and S the mean and covariance of m (Ledoit and Wolf 2004)

The scores of both kinds are standardised, and the combined score is their mean:

    score of the kind = (a - median of a) / standard deviation of a,    both over calibration images

The blur removes noise and fine texture, which healthy images have as well. Dividing by u removes what no model
reconstructs, such as edges that are in the same place in most images. The labels of the images are not used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from scipy.ndimage import gaussian_filter1d
from sklearn.covariance import LedoitWolf

SHARE = 1 / 16
"""Sigma of the blur as a share of the side."""
POINTS = 32
"""Blurred residuals of images with more pixels per side than this are sampled at this number of points per side, or up
to twice as many; the points are at most half a sigma apart."""
WORTH = 20
"""The mean of u over all coordinates counts as much as this number of calibration images."""
TINY = 1e-12
BLOCK = 128
"""The number of images that are blurred at once."""

SMOOTH, FEATURES = "smooth residual", "features"
Misses = Mapping[str, np.ndarray]
"""The misses of each kind: (images, coordinates)."""


def smooth(images: np.ndarray, decoded: np.ndarray) -> np.ndarray:
    """Return the blurred residuals between uint8 images (N, C, H, W) and their reconstructions: (N, coordinates)."""
    rows, columns = (blurring(side) for side in images.shape[2:])
    blocks = [slice(start, start + BLOCK) for start in range(0, len(images), BLOCK)]
    found = [rows @ (images[block].astype(np.float32) / 255 - decoded[block]) @ columns.T for block in blocks]
    return np.concatenate(found).reshape(len(images), -1)


def blurring(side: int) -> np.ndarray:
    """Return the matrix (points, side) that blurs a row of pixels and samples the result; edges are mirrored."""
    blur: np.ndarray = gaussian_filter1d(np.eye(side, dtype=np.float32), side * SHARE, axis=0, mode="reflect")
    step = max(1, side // POINTS)
    return blur[step // 2 :: step]


def on_one_scale(asked: Misses, calm: Misses) -> dict[str, np.ndarray]:
    """Return the score of each kind of miss (N,), standardised by the misses of calibration images."""
    found = {}
    for kind, fit in UNUSUAL.items():
        size = fit(calm[kind])
        known = size(calm[kind])
        found[kind] = (size(asked[kind]) - np.median(known)) / max(known.std(), TINY)
    return found


def combined(scores: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the mean of the scores of all kinds of misses."""
    mean: np.ndarray = np.mean(list(scores.values()), axis=0)
    return mean


Size = Callable[[np.ndarray], np.ndarray]


def beyond_usual(calm: np.ndarray) -> Size:
    squares = np.square(calm, dtype=np.float64).mean(axis=0)
    usual = np.maximum((len(calm) * squares + WORTH * squares.mean()) / (len(calm) + WORTH), TINY**2)
    return lambda misses: logarithm(np.square(misses, dtype=np.float64) @ (1 / usual) / len(usual))


def beyond_gaussian(calm: np.ndarray) -> Size:
    gaussian = LedoitWolf().fit(calm)
    return lambda misses: logarithm(gaussian.mahalanobis(misses))


def logarithm(sizes: np.ndarray) -> np.ndarray:
    """Return the logarithm of sizes, which is finite even if a size is zero."""
    found: np.ndarray = np.log(np.maximum(sizes, TINY))
    return found


UNUSUAL: Mapping[str, Callable[[np.ndarray], Size]] = {SMOOTH: beyond_usual, FEATURES: beyond_gaussian}
