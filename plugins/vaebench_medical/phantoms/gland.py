"""Prostate tissue in haematoxylin and eosin by Gleason pattern: class 0 is benign, 1 to 3 are patterns 3 to 5.

Benign glands are large and folded, with a wide lumen. Pattern 3: small, round, separate glands. Pattern 4: fused
glands, a mass with punched-out holes. Pattern 5: no glands, only cells in sheets and cords. The stains absorb light by
the Beer-Lambert law, I = exp(-density). The same drawing without the lesion has benign glands in place of the tumour.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from vaebench_medical.phantoms.camera import photograph
from vaebench_medical.phantoms.canvas import (
    axes,
    bump,
    ellipse,
    inside,
    noise,
    repeat,
    rise,
    scatter,
    turn,
)
from vaebench_medical.phantoms.chance import Chance
from vaebench_medical.phantoms.drawing import Drawing, Painting, render

CLASSES = ("benign", "Gleason 3", "Gleason 4", "Gleason 5")
CHANNELS = 3
HEALTHY, DISEASED = {0}, {1, 2, 3}

HAEMATOXYLIN = (0.65, 0.70, 0.29)
EOSIN = (0.07, 0.99, 0.11)
"""Optical density in red, green and blue (Ruifrok and Johnston 2001)."""


def draw(seed: int, index: np.ndarray, label: np.ndarray, size: int, patient: np.ndarray | None = None) -> Drawing:
    return render(paint, "gland", seed, index, label, size, patient)


def paint(person: Chance, shot: Chance, label: np.ndarray, size: int) -> Painting:
    # The frame is turned at random, larger than the image, and warped, so that no lattice is visible.
    x, y = axes(size)
    rotation = shot.uniform("rotation", 0, 90)
    u, v = turn(x, y, rotation)
    u = 0.7 * u + 0.035 * noise(shot, "warp x", 5, size)
    v = 0.7 * v + 0.035 * noise(shot, "warp y", 5, size)

    waves = noise(shot, "fibre waves", 4, size)
    fibre = (u * 0.6 + v) * 24 + 1.6 * waves
    fibres = bump(repeat(fibre), 0.22)
    splits = bump(repeat(fibre * np.float32(0.2)), 0.12)
    tears = rise(noise(shot, "tears", 5, size) + 1.6 * splits + shot.uniform("torn", -1.7, 0.0), 1.7, 2.0)
    texture = noise(shot, "texture", 30, size)
    benign = benign_glands(shot, u, v, size)
    tumour = tumour_glands(shot, u, v, label, size)
    spread = shot.uniform("lesion size", -0.1, 1.1)
    area = rise(noise(shot, "tumour area", 3, size) + spread, -0.55, -0.25) * (label > 0)
    mixed = tuple(b + (t - b) * area for b, t in zip(benign, tumour, strict=True))
    nuclei = nucleus(shot, u, v, size)
    stain = person.normal("haematoxylin", 1, 0.10), person.normal("eosin", 1, 0.12)

    def scan(tissue: tuple[np.ndarray, ...]) -> np.ndarray:
        lumen, epithelium, crowd = tissue
        lumen = np.maximum(lumen, tears)
        epithelium = epithelium * (1 - tears)
        stroma = 1 - np.maximum(lumen, epithelium)
        cells = nuclei(crowd)
        blue = stain[0] * (0.06 + 0.24 * epithelium + 0.9 * cells + 0.05 * texture) * (1 - 0.97 * lumen)
        pink = (
            stain[1]
            * (0.12 + 0.22 * epithelium + stroma * (0.30 + 0.30 * fibres) + 0.04 * texture)
            * (1 - 0.95 * lumen)
        )
        return np.stack([transmit(h * blue + e * pink) for h, e in zip(HAEMATOXYLIN, EOSIN, strict=True)])

    return photograph(
        shot,
        scan(mixed),
        scan(benign),
        {
            "haematoxylin": stain[0],
            "eosin": stain[1],
            "rotation": rotation,
            "lesion_size": area.mean((1, 2), dtype=np.float64, keepdims=True),
        },
        blurs=0.014,
        grains=(0.003, 0.022),
        exposures=(0.68, 0.035),
        contrasts=(0.12, 0.016),
    )


def transmit(density: np.ndarray) -> np.ndarray:
    """Return (1 + density / 8) ** -8, close to exp(-density) but bit-identical on every machine."""
    t = 1 / (1 + np.maximum(density, 0) * np.float32(0.125))
    t = t * t
    t = t * t
    return t * t


def benign_glands(shot: Chance, u: np.ndarray, v: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return lumen, epithelium and the density of nuclei for large glands with folded walls."""
    dx, dy, each = scatter(shot, "benign", u, v, 3, 0.42)
    present = each("present", 0, 1) < 0.72
    folds = 0.022 * noise(shot, "folds", 11, size)
    wall = ellipse(dx, dy, each("width", 0.06, 0.125), each("height", 0.06, 0.125)) + folds
    lumen = inside(wall, 0.012, size) * present
    epithelium = inside(wall - 0.034, 0.012, size) * present - lumen
    rim = bump(wall - 0.024, 0.012) * present
    return lumen, epithelium, 0.15 + 0.85 * rim


def tumour_glands(
    shot: Chance, u: np.ndarray, v: np.ndarray, label: np.ndarray, size: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return lumen, epithelium and the density of nuclei for the Gleason pattern of the label."""
    three, four, five = ((label == k).astype(np.float32) for k in (1, 2, 3))
    dx, dy, each = scatter(shot, "tumour", u, v, 9 - 3 * three, 0.36, most=9)
    present = each("present", 0, 1) < 0.88 * three + 0.62 * four + 0.02 * five
    radius = (0.017 + 0.009 * three) * each("radius", 0.7, 1.3)
    wall = ellipse(dx, dy, radius, radius * each("shape", 0.8, 1.25)) + 0.004 * noise(shot, "ragged", 20, size)
    lumen = inside(wall, 0.010, size) * present
    ring = inside(wall - 0.026, 0.010, size) * present
    mass = rise(noise(shot, "mass", 6, size), -0.6 - 0.4 * four, 0.4 - 1.1 * four)
    epithelium = (ring * three + mass * (four + five)) * (1 - lumen)
    rim = bump(wall - 0.018, 0.011) * present
    return lumen, epithelium, 0.08 + 0.85 * rim * three + (0.55 * four + 0.75 * five) * mass * (1 - lumen)


def nucleus(shot: Chance, u: np.ndarray, v: np.ndarray, size: int) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function that draws nuclei with a given density; their positions are the same for every density."""
    dx, dy, each = scatter(shot, "nuclei", u, v, 54, 0.28)
    here = inside(ellipse(dx, dy, each("width", 0.0055, 0.0085), each("height", 0.0055, 0.0085)), 0.004, size)
    threshold = each("present", 0, 1)
    return lambda crowd: here * rise(crowd - threshold, -0.02, 0.02)
