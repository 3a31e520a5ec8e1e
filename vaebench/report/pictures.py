"""Pictures a trial leaves for people: originals over reconstructions, residuals, and samples from the prior."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from vaebench.evidence import Evidence
from vaebench.interfaces import NotApplicable
from vaebench.records import write_atomically

SHOWN = 8


def write_pictures(evidence: Evidence, folder: Path) -> None:
    """`reconstructions.png` (three rows: original, reconstruction, residual), `variations.png` (two rows: original, and
    as its posterior varies it) and `samples.png` (5 x 5, from the prior)."""
    shown = np.linspace(0, len(evidence.split("test")) - 1, SHOWN).astype(int)

    def reconstructions() -> np.ndarray:
        originals = evidence.images("test")[shown]
        answers = evidence.reconstructions("test")[shown]
        return grid(np.concatenate([originals, answers, np.abs(originals - answers)]), columns=SHOWN)

    def variations() -> np.ndarray:
        return grid(np.concatenate([evidence.images("test")[shown], evidence.variations(shown)]), columns=SHOWN)

    def samples() -> np.ndarray:
        return grid(evidence.samples()[:25], columns=5)

    pictures: list[Callable[[], np.ndarray]] = [reconstructions, variations, samples]
    for draw in pictures:
        try:
            write_atomically(folder / f"{draw.__name__}.png", png(draw()))
        except NotApplicable:
            continue  # the dash on the board says why


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
