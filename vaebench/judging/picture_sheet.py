"""A sheet: one file with named images of equal size side by side, from which the page cuts its pictures."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

COLUMNS = 9
MOST = 128
"""The largest side of a tile in pixels; larger images are halved until they fit."""
GAIN = 4
"""A residual of 1 / GAIN is shown as white for every model, so that the residual maps of models can be compared."""
QUALITY = 85
"""The quality of the lossy WebP sheet, which has a tenth of the size of a PNG. Images for measurements and print are
also stored as PNG."""


class Tiles:
    def __init__(self) -> None:
        self.images: list[np.ndarray] = []
        self.where: dict[str, list[int]] = {}
        """name -> index of the first tile, number of tiles"""

    def add(self, name: str, images: np.ndarray) -> None:
        """Add images, float (N, C, H, W) in [0, 1]."""
        self.where[name] = [len(self.images), len(images)]
        while images.shape[-1] > MOST:
            even = images[..., : images.shape[-2] // 2 * 2, : images.shape[-1] // 2 * 2]
            images = (even[..., ::2, ::2] + even[..., 1::2, ::2] + even[..., ::2, 1::2] + even[..., 1::2, 1::2]) / 4
        self.images += [np.repeat(image, 3, axis=0) if len(image) == 1 else image for image in images]

    def webp(self) -> bytes:
        """Return the sheet without gaps, so that a tile is found by its index alone."""
        content = io.BytesIO()
        sheet = grid(np.stack(self.images), COLUMNS, gap=0)
        Image.fromarray(sheet).save(content, format="webp", quality=QUALITY, method=4)
        return content.getvalue()

    def about(self) -> dict[str, object]:
        height, width = self.images[0].shape[1:]
        return {"columns": COLUMNS, "count": len(self.images), "height": height, "width": width, "where": self.where}


def grid(images: np.ndarray, columns: int, gap: int = 1) -> np.ndarray:
    """Arrange images, float (N, C, H, W) in [0, 1], row by row in one image, uint8 (H', W', C)."""
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
