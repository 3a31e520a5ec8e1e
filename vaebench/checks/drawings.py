"""Small images drawn for the checks: a soft body with, if diseased, a bright spot in it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from vaebench.interfaces import Split, Splits


def draw(n: int, shape: tuple[int, int, int], seed: int = 0) -> Split:
    """Draw `n` images, three per patient. Images with label 0 are healthy; those with label 1 have a spot on the left,
    those with label 2 on the right."""
    channels, height, width = shape
    chance = np.random.default_rng(seed)
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    labels = np.arange(n) % 3
    size, tilt, light = (chance.uniform(low, high, (n, 1, 1)) for low, high in ((0.25, 0.4), (-0.4, 0.4), (0.5, 0.8)))
    body = light * np.exp(-((((x - 0.5) ** 2 + (y - 0.5) ** 2) / size**2) ** 2)) * (1 + tilt * (x - 0.5))
    at_x = np.where(labels == 1, 0.35, 0.65)[:, None, None] + chance.uniform(-0.05, 0.05, (n, 1, 1))
    at_y = chance.uniform(0.35, 0.65, (n, 1, 1))
    distance = (x - at_x) ** 2 + (y - at_y) ** 2
    sick, spread = (labels > 0)[:, None, None], chance.uniform(0.7, 1.3, (n, 1, 1))
    picture = np.clip(body + 0.5 * sick * np.exp(-distance / (0.005 * spread)), 0, 1)
    tint = np.linspace(1, 0.7, channels)[:, None, None]
    return Split(
        images=np.rint(255 * picture[:, None] * tint).astype(np.uint8),
        labels=labels,
        groups=seed * 100_000 + np.arange(n) // 3,
        healthy=labels == 0,
        masks=sick & (distance < 0.01 * spread),
        factors={"size": size.ravel(), "light": light.ravel()},
    )


def draw_splits(shape: tuple[int, int, int], train: int = 60, test: int = 66) -> Splits:
    """Draw splits. All training images are marked as kept out, since the stand-in for a trained model was not trained
    on any of them."""
    known, other = draw(train, shape, 1), draw(train, shape, 2)
    return Splits(train=replace(known, kept_out=np.ones(train, bool)), val=other, test=draw(test, shape, 3))
