"""Axial brain MRI slices with contrast medium, by class: 0 no tumour, 1 glioma, 2 meningioma, 3 pituitary tumour.

The fat of scalp and marrow is bright, bone and cerebrospinal fluid are dark, and white matter is brighter than grey. A
glioma is a ragged ring around a dark core, in a dark swelling; a meningioma is a uniformly bright mass at the brain's
surface; a pituitary tumour is small, bright and in the midline.
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
    turn,
)
from vaebench_medical.phantoms.chance import Chance
from vaebench_medical.phantoms.drawing import Drawing, Painting, render

CLASSES = ("no tumour", "glioma", "meningioma", "pituitary tumour")
CHANNELS = 1
HEALTHY, DISEASED = {0}, {1, 2, 3}


def draw(seed: int, index: np.ndarray, label: np.ndarray, size: int, patient: np.ndarray | None = None) -> Drawing:
    return render(paint, "brain", seed, index, label, size, patient)


def paint(person: Chance, shot: Chance, label: np.ndarray, size: int) -> Painting:
    # u points to the image's right, v from the forehead backwards; both are 0 in the middle of the head.
    x, y = axes(size)
    rotation = shot.normal("rotation", 0, 4)
    u, v = turn(x - shot.normal("shift x", 0, 0.015), y - shot.normal("shift y", 0, 0.015), rotation)
    zoom = shot.normal("zoom", 1, 0.03)
    u, v = u / zoom, v / zoom

    breadth, length = person.normal("head breadth", 0.34, 0.014), person.normal("head length", 0.42, 0.014)
    outline = ellipse(u, v, breadth, length) + 0.006 * noise(person, "outline", 4, size)
    scalp = inside(outline, 0.015, size) * inside(-0.028 - outline, 0.015, size)
    marrow = bump(outline + 0.050, 0.010)
    brain = inside(outline + 0.068, 0.012, size)

    # Grey matter follows the border in folds, and white matter lies within. Fluid fills folds, cleft and ventricles.
    depth = -(outline + 0.068)
    folds = bump(noise(person, "folds", 13, size), 0.28)
    cortex = rise(depth + 0.022 * noise(person, "cortex", 11, size), 0.075, 0.03)
    sulci = np.maximum(folds * rise(depth, 0.08, 0.02), bump(u, 0.008) * rise(np.abs(v), 0.14, 0.2))
    wide = person.uniform("ventricle size", 0.6, 1.5)
    side = np.abs(u)
    front = ellipse(*turn(side - 0.045, v + 0.075, np.float32([[[-22.0]]])), 0.017 * wide, 0.075)
    rear = ellipse(*turn(side - 0.075, v - 0.11, np.float32([[[-28.0]]])), 0.018 * wide, 0.07)
    fluid = np.maximum(inside(front, 0.015, size), inside(rear, 0.015, size))
    nuclei = inside(ellipse(side - 0.10, v + 0.02, 0.035, 0.07), 0.03, size)
    vessels = 0.10 * bump(noise(person, "vessels", 22, size), 0.12)
    grainy = 0.035 * noise(person, "tissue", 7, size) + 0.02 * noise(person, "texture", 24, size)
    matter = 0.46 - 0.11 * np.maximum(cortex, 0.7 * nuclei) + grainy + vessels

    kinds = (label == 1).astype(np.float32), (label == 2).astype(np.float32), (label == 3).astype(np.float32)
    strength = shot.uniform("lesion contrast", 0.7, 1.0)
    reach = kinds[0] * shot.uniform("glioma size", 0.06, 0.11)
    reach = reach + kinds[1] * shot.uniform("meningioma size", 0.05, 0.09)
    reach = reach + kinds[2] * shot.uniform("pituitary size", 0.032, 0.055)
    place = tumour_place(shot, breadth, length, reach, kinds)
    bright, dark = tumour(shot, u - place[0], v - place[1], reach, kinds, size)

    def scan(bright: np.ndarray | float, dark: np.ndarray | float) -> np.ndarray:
        tissue = matter * (1 - 0.75 * np.maximum(0.8 * sulci, fluid))
        tissue = tissue * (1 - 0.5 * dark) * (1 - bright) + 0.78 * bright
        return 0.05 + brain * tissue + 0.80 * scalp + 0.35 * marrow

    return photograph(
        shot,
        scan(bright * strength, dark * strength),
        scan(0.0, 0.0),
        {
            "head_breadth": breadth,
            "ventricle_size": wide,
            "rotation": rotation,
            "lesion_size": reach,
            "lesion_contrast": (label > 0) * strength,
        },
        blurs=0.010,
        grains=(0.004, 0.018),
        exposures=(0.26, 0.03),
        contrasts=(0.20, 0.02),
    )


def tumour_place(
    shot: Chance, breadth: np.ndarray, length: np.ndarray, reach: np.ndarray, kinds: tuple[np.ndarray, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the centre of a tumour: anywhere in a hemisphere for a glioma, at the brain's border for a meningioma, in
    the midline for a pituitary tumour."""
    left = np.where(shot.happens("lesion left", 0.5) > 0, np.float32(1), np.float32(-1))
    # A point on the circle without sine or cosine, whose last bits differ between machines.
    t = shot.uniform("lesion angle", -0.9, 0.9)
    across, along = (1 - t * t) / (1 + t * t), 2 * t / (1 + t * t)
    glioma = left * shot.uniform("lesion x", 0.11, 0.17), shot.uniform("lesion y", -0.17, 0.19)
    border = left * across * (breadth - 0.085 - 0.8 * reach), along * (length - 0.085 - 0.8 * reach)
    middle = shot.normal("midline x", 0, 0.006), shot.uniform("midline y", -0.10, -0.03)
    places = zip(glioma, border, middle, strict=True)
    one, two = (sum(kind * place for kind, place in zip(kinds, axis, strict=True)) for axis in places)
    return one, two


def tumour(
    shot: Chance, u: np.ndarray, v: np.ndarray, reach: np.ndarray, kinds: tuple[np.ndarray, ...], size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the parts of a tumour that are brighter than the tissue, and the parts that are darker."""
    glioma, meningioma, pituitary = kinds
    reach = np.maximum(reach, np.float32(1e-3))
    ragged = noise(shot, "lesion border", 12, size) * reach * (0.30 * glioma + 0.07 * meningioma + 0.05 * pituitary)
    body = ellipse(u, v, reach, reach * shot.uniform("lesion shape", 0.8, 1.2)) + ragged
    solid = inside(body, 0.012, size) * (meningioma + pituitary)
    ring = bump(body + 0.25 * reach, 0.22 * reach + 0.004) * (0.6 + 0.25 * noise(shot, "ring", 8, size)) * glioma
    core = inside(body + 0.35 * reach, 0.015, size) * glioma
    swelling = inside(body - 0.45 * reach, 0.05, size) * 0.6 * glioma
    return np.clip(solid + ring, 0, 1), np.maximum(core, swelling)
