"""Images as rows of numbers, for metrics that use pixels directly."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn.functional import adaptive_avg_pool2d

SIDE = 64
"""Larger images are averaged down to this side: more pixels take much time and add little information."""


def flat(images: np.ndarray) -> np.ndarray:
    """Flatten images (N, C, H, W), uint8 or float in [0, 1], to float32 (N, features), at most 64 x 64 per channel."""
    if images.dtype == np.uint8:
        images = images.astype(np.float32) / 255
    if reduced(images):
        images = adaptive_avg_pool2d(torch.from_numpy(images), SIDE).numpy()
    return images.reshape(len(images), np.prod(images.shape[1:]))


def reduced(images: np.ndarray) -> bool:
    """Return whether the images are so large that `flat` averages them down."""
    return max(images.shape[-2:]) > SIDE
