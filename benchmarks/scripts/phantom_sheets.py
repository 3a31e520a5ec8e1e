"""Draw the contact sheets in docs/phantoms: `python benchmarks/scripts/phantom_sheets.py [modality ...]`.

Each row of images shows one class, and each column shows the same patient in every class. Below each diseased row are
the masks of its images.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

import numpy as np
from PIL import Image

MODALITIES = ("chest", "fundus", "gland", "mammogram", "knee", "brain")
FOLDER = Path(__file__).resolve().parents[2] / "docs" / "phantoms"


def sheet(modality: str, size: int = 96, columns: int = 6) -> Image.Image:
    module = import_module(f"vaebench_medical.phantoms.{modality}")
    rows = []
    for label in range(len(module.CLASSES)):
        drawing = module.draw(0, np.arange(columns), np.full(columns, label), size)
        rows.append(drawing.images.transpose(2, 0, 3, 1))
        if drawing.masks.any():
            masks = drawing.masks.transpose(1, 0, 2)[..., None] * np.uint8(255)
            rows.append(np.broadcast_to(masks, rows[-1].shape))
    pixels = np.concatenate([row.reshape(size, columns * size, -1) for row in rows])
    return Image.fromarray(pixels.squeeze())


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for modality in sys.argv[1:] or MODALITIES:
        few_colours = sheet(modality).quantize(40, dither=Image.Dither.NONE)
        few_colours.save(FOLDER / f"{modality}.png", optimize=True)
