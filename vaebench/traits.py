"""Trivial traits of an image: its brightness, contrast and sharpness, which do not depend on anatomy."""

from __future__ import annotations

import numpy as np

BLOCK = 512


def traits(images: np.ndarray) -> dict[str, np.ndarray]:
    """Return the mean, the standard deviation and the logarithm of the Laplacian's variance of uint8 images (N, C, H,
    W) whose channels are averaged, as float arrays (N,) by name."""
    found: dict[str, list[np.ndarray]] = {"mean intensity": [], "contrast": [], "sharpness": []}
    for start in range(0, len(images), BLOCK):
        grey = images[start : start + BLOCK].astype(np.float32).mean(axis=1) / 255
        laplace = (
            4 * grey[:, 1:-1, 1:-1] - grey[:, :-2, 1:-1] - grey[:, 2:, 1:-1] - grey[:, 1:-1, :-2] - grey[:, 1:-1, 2:]
        )
        found["mean intensity"].append(grey.mean(axis=(1, 2)))
        found["contrast"].append(grey.std(axis=(1, 2)))
        found["sharpness"].append(np.log(laplace.var(axis=(1, 2)) + 1e-8))
    return {name: np.concatenate(parts) for name, parts in found.items()}
