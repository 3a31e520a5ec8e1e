"""Images of one size laid side by side in one file, found again by name: what the page cuts its pictures out of."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

COLUMNS = 9
MOST = 128
"""Pixels of a tile's side; larger images are halved until they fit."""
GAIN = 4
"""A residual of 1 / GAIN is white, whatever the model: maps may be compared."""
QUALITY = 85
"""Of the lossy WebP: a tenth of a PNG's size. What is to be measured, or printed, lies beside it as PNG."""


class Tiles:
    def __init__(self) -> None:
        self.images: list[np.ndarray] = []
        self.where: dict[str, list[int]] = {}
        """name -> number of the first tile, how many"""

    def add(self, name: str, images: np.ndarray) -> None:
        """float (N, C, H, W) in [0, 1]"""
        self.where[name] = [len(self.images), len(images)]
        while images.shape[-1] > MOST:
            even = images[..., : images.shape[-2] // 2 * 2, : images.shape[-1] // 2 * 2]
            images = (even[..., ::2, ::2] + even[..., 1::2, ::2] + even[..., ::2, 1::2] + even[..., 1::2, 1::2]) / 4
        self.images += [np.repeat(image, 3, axis=0) if len(image) == 1 else image for image in images]

    def webp(self) -> bytes:
        """Without gaps, so that a tile is found by its number alone."""
        content = io.BytesIO()
        sheet = grid(np.stack(self.images), COLUMNS, gap=0)
        Image.fromarray(sheet).save(content, format="webp", quality=QUALITY, method=4)
        return content.getvalue()

    def about(self) -> dict[str, object]:
        height, width = self.images[0].shape[1:]
        return {"columns": COLUMNS, "count": len(self.images), "height": height, "width": width, "where": self.where}


def grid(images: np.ndarray, columns: int, gap: int = 1) -> np.ndarray:
    """float (N, C, H, W) in [0, 1] -> uint8 (H', W', C), row by row."""
    n, channels, height, width = images.shape
    rows = -(-n // columns)
    sheet = np.ones((channels, rows * (height + gap) - gap, columns * (width + gap) - gap), np.float32)
    for i, image in enumerate(images):
        top, left = (i // columns) * (height + gap), (i % columns) * (width + gap)
        sheet[:, top : top + height, left : left + width] = image
    return np.round(sheet.clip(0, 1) * 255).astype(np.uint8).transpose(1, 2, 0)


def png(pixels: np.ndarray) -> bytes:
    content = io.BytesIO()
    Image.fromarray(pixels.squeeze()).save(content, format="png")
    return content.getvalue()
