"""Rendering of paintings to uint8: pictures, the same pictures without the lesion, and masks of where they differ."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from vaebench_medical.phantoms.chance import Chance

VISIBLE = 6
"""A pixel is part of the anomaly if a channel differs by at least this many of 255 levels from the same picture without
the lesion."""
BLOCK = 1 << 15
"""The number of pixels that are painted at once; they fit into the processor's cache."""


@dataclass(frozen=True)
class Drawing:
    """N pictures and their ground truth."""

    images: np.ndarray
    """uint8 (N, C, H, W)"""
    clean: np.ndarray
    """uint8 (N, C, H, W): the same pictures without the lesion"""
    masks: np.ndarray
    """bool (N, H, W): where `images` and `clean` differ by `VISIBLE` levels or more"""
    factors: dict[str, np.ndarray]
    """float32 (N,) for each generative factor"""


@dataclass(frozen=True)
class Painting:
    """N pictures with and without the lesion, float32 in [0, 1], (N, C, H, W), and their factors, (N, 1, 1)."""

    image: np.ndarray
    clean: np.ndarray
    factors: dict[str, np.ndarray]


Painter = Callable[[Chance, Chance, np.ndarray, int], Painting]
"""(random numbers of the patients, those of the pictures, labels (N, 1, 1), size) -> Painting"""


def blocks(n: int, size: int) -> Iterator[slice]:
    step = max(1, BLOCK // size**2)
    return (slice(start, start + step) for start in range(0, n, step))


def render(
    paint: Painter, name: str, seed: int, index: np.ndarray, label: np.ndarray, size: int, patient: np.ndarray | None
) -> Drawing:
    """Paint every image, in blocks that fit into the cache. Without `patient`, every image has a different patient."""
    index, label = np.asarray(index), np.asarray(label)
    patient = index if patient is None else np.asarray(patient)
    if not len(index) == len(label) == len(patient) > 0:
        raise ValueError(
            f"{name}: index, label and patient must have one entry per image, and there must be at least one image; "
            f"their lengths are {len(index)}, {len(label)} and {len(patient)}"
        )
    done = [
        _develop(
            paint(
                Chance(f"{name} patient", seed, patient[part]),
                Chance(f"{name} picture", seed, index[part]),
                label[part].reshape(-1, 1, 1),
                size,
            )
        )
        for part in blocks(len(index), size)
    ]
    columns = {key: np.concatenate([d.factors[key] for d in done]) for key in done[0].factors}
    return Drawing(*(np.concatenate([getattr(d, k) for d in done]) for k in ("images", "clean", "masks")), columns)


def _develop(painting: Painting) -> Drawing:
    image, clean = (_levels(painting.image), _levels(painting.clean))
    masks = (np.maximum(image, clean) - np.minimum(image, clean) >= VISIBLE).any(axis=1)
    n = len(image)
    factors = {k: np.broadcast_to(v, (n, 1, 1)).reshape(n).astype(np.float32) for k, v in painting.factors.items()}
    return Drawing(image, clean, masks, factors)


def _levels(image: np.ndarray) -> np.ndarray:
    return (np.clip(image, 0, 1) * np.float32(255) + np.float32(0.5)).astype(np.uint8)
