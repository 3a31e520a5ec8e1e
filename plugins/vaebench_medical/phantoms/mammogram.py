"""Mediolateral oblique mammograms of the right breast: 0 no finding, 1 a mass, 2 a cluster of calcifications.

The chest wall is at the right edge, the pectoral muscle in the upper right corner, and the nipple on the left. Fat is
dark; glandular tissue is bright and converges towards the nipple.
"""

from __future__ import annotations

import numpy as np

from vaebench_medical.phantoms.camera import photograph
from vaebench_medical.phantoms.canvas import (
    axes,
    bump,
    ellipse,
    inside,
    noise,
    rise,
    scatter,
    turn,
)
from vaebench_medical.phantoms.chance import Chance
from vaebench_medical.phantoms.drawing import Drawing, Painting, render

CLASSES = ("no finding", "mass", "calcifications")
CHANNELS = 1
HEALTHY, DISEASED = {0}, {1, 2}


def draw(seed: int, index: np.ndarray, label: np.ndarray, size: int, patient: np.ndarray | None = None) -> Drawing:
    return render(paint, "mammogram", seed, index, label, size, patient)


def paint(person: Chance, shot: Chance, label: np.ndarray, size: int) -> Painting:
    # u points from the chest wall towards the nipple, v downwards; v is 0 at the height of the nipple.
    x, y = axes(size)
    rotation = shot.normal("rotation", 0, 4)
    u, v = turn(0.5 - x, y - shot.normal("nipple height", 0.09, 0.035), rotation)

    depth = person.normal("breast depth", 0.62, 0.06)
    height = person.normal("breast height", 0.44, 0.035)
    droop = v - 0.10 * np.square(u / depth)
    profile = ellipse(u, np.where(droop < 0, droop / 1.55, droop), depth, height)
    profile = profile + 0.006 * noise(person, "outline", 5, size)
    breast = inside(profile, 0.012, size)
    nipple = bump(np.sqrt(np.square(u - depth) + np.square(v - 0.1)), 0.018)
    compressed = rise(profile, 0.0, -0.11)
    skin = bump(profile + 0.006, 0.006)

    # The muscle: a bright wedge whose border falls from the top edge to the chest wall.
    muscle_width, muscle_end = person.normal("muscle width", 0.25, 0.05), person.normal("muscle length", 0.36, 0.08)
    down = y + 0.5
    border = (0.5 - x) - muscle_width * (1 - down / (muscle_end + 0.28)) - 0.03 * np.square(down)
    muscle = inside(border, 0.02, size)

    # Glandular tissue: clouds and strands behind the nipple, dense in some breasts, sparse in others.
    density = person.uniform("density", 0.0, 1.0)
    behind = bump(ellipse(u - 0.55 * depth, v - 0.03, 0.12, 0.10), 0.11 + 0.06 * density)
    clouds = rise(noise(person, "clouds", 6, size) + 1.1 * density + 0.7 * behind, 0.0, 2.2)
    strands = bump(noise(person, "strands", (17, 7), size), 0.4)
    strands = strands + 0.7 * bump(noise(person, "fine strands", (36, 15), size), 0.4)
    gland = behind * clouds * (0.55 + 0.20 * strands) * (1 - 0.7 * muscle)
    fat = 0.25 + 0.06 * noise(person, "fat", 9, size) + 0.05 * strands
    tissue = breast * compressed * (fat + (0.30 + 0.35 * density) * gland) + breast * 0.09
    tissue = tissue + 0.10 * skin + 0.14 * nipple * rise(profile, 0.03, 0.0)
    tissue = tissue + breast * muscle * (0.30 + 0.03 * noise(person, "muscle fibres", 18, size))

    # The finding lies in the breast, outside the muscle.
    cx, cy = shot.uniform("lesion depth", 0.40, 0.63) * depth, shot.uniform("lesion height", -0.13, 0.08)
    mass_size, strength = shot.uniform("lesion size", 0.05, 0.09), shot.uniform("lesion contrast", 0.6, 1.0)
    mass = tumour(shot, u - cx, v - cy, mass_size, size)
    cluster_size = shot.uniform("cluster size", 0.06, 0.12)
    specks = calcifications(shot, u - cx, v - cy, x, y, cluster_size, size)
    cloud = bump(np.sqrt(np.square(u - cx) + np.square(v - cy)), 0.05)  # tissue around the specks is often dense
    is_mass, is_specks = (label == 1).astype(np.float32), (label == 2).astype(np.float32)
    lesion = breast * strength * (0.42 * is_mass * mass + is_specks * (0.60 * specks + 0.16 * cloud))

    return photograph(
        shot,
        tissue + lesion,
        tissue,
        {
            "breast_depth": depth,
            "density": density,
            "rotation": rotation,
            "lesion_size": is_mass * mass_size + is_specks * cluster_size,
            "lesion_contrast": (is_mass + is_specks) * strength,
        },
        blurs=0.010,
        grains=(0.002, 0.016),
        exposures=(0.20, 0.02),
    )


def tumour(shot: Chance, x: np.ndarray, y: np.ndarray, radius: np.ndarray, size: int) -> np.ndarray:
    """Return a round mass with a fuzzy border, sometimes with spicules."""
    fuzz = noise(shot, "lesion border", 14, size)
    body = inside(
        ellipse(x, y, radius, radius * shot.uniform("lesion shape", 0.75, 1.2)) + 0.2 * radius * fuzz, 0.035, size
    )
    spicules = bump(noise(shot, "spicules", 24, size), 0.25) * bump(ellipse(x, y, radius, radius), 0.022)
    return body + 0.5 * shot.happens("spiculated", 0.5) * spicules * (1 - body)


def calcifications(
    shot: Chance, u: np.ndarray, v: np.ndarray, x: np.ndarray, y: np.ndarray, radius: np.ndarray, size: int
) -> np.ndarray:
    """Return a few specks around the origin of (u, v), always including one in the middle."""
    dx, dy, each = scatter(shot, "specks", x, y, 24, 0.2)
    speck = inside(ellipse(dx, dy, each("width", 0.004, 0.010), each("height", 0.004, 0.010)), 0.008, size)
    near = np.sqrt(u * u + v * v) < radius
    certain = inside(ellipse(u, v, 0.010, 0.008), 0.008, size)
    return np.maximum(certain, speck * near * (each("present", 0, 1) < 0.6) * each("strength", 0.5, 1.0))
