"""Chest X-rays of children: 0 healthy, 1 bacterial pneumonia (focal consolidation), 2 viral (diffuse, interstitial).

Bones and soft tissue add density, air reduces it, and pneumonia fills air spaces.
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
    repeat,
    rise,
    stroke,
    turn,
)
from vaebench_medical.phantoms.chance import Chance
from vaebench_medical.phantoms.drawing import Drawing, Painting, render

CLASSES = ("healthy", "bacterial", "viral")
CHANNELS = 1
HEALTHY, DISEASED = {0}, {1, 2}


def draw(seed: int, index: np.ndarray, label: np.ndarray, size: int, patient: np.ndarray | None = None) -> Drawing:
    return render(paint, "chest", seed, index, label, size, patient)


def paint(person: Chance, shot: Chance, label: np.ndarray, size: int) -> Painting:
    # The pose of this picture, then the patient's frame: u points to the image's right, v downwards, from the middle.
    rotation = shot.normal("rotation", 0, 2.5)
    zoom = person.normal("build", 1.17, 0.05) * shot.normal("zoom", 1, 0.03)
    x, y = axes(size)
    x, y = x - shot.normal("shift x", 0, 0.015), y - shot.normal("shift y", 0, 0.02)
    u, v = turn(x, y, rotation)
    u, v = u / zoom, v / zoom
    side = np.abs(u)

    cage = person.normal("chest width", 0.345, 0.016)
    heart_width = person.normal("heart width", 0.172, 0.016)
    breath = shot.normal("breath", 0, 0.022)  # a deep breath lowers the domes

    # Trunk: the shoulders slope to the neck, and the trunk is narrower below the armpits.
    flank = np.minimum(0.155 + 1.1 * np.maximum(v + 0.47, 0), cage + 0.085 + 0.05 * rise(v, 0.0, -0.3))
    trunk = inside(side - flank, 0.05, size)
    thickness = np.sqrt(np.maximum(1 - np.square(side / (flank + 0.12)), 0)) * (0.85 + 0.25 * rise(v, -0.1, 0.45))

    # Lungs: inside the cage, outside the mediastinum, above the domes of the diaphragm.
    wall = ellipse(side, np.minimum(v - 0.16, 0), cage, 0.53) + 0.06 * np.square(np.maximum(v - 0.16, 0))
    right = rise(u, 0.02, -0.02)
    dome = 0.235 + breath + 0.035 * (1 - right) + 2.6 * np.square(side - 0.17)
    spine = 0.062 + 0.02 * np.square(v / 0.3)
    lung = inside(wall + 0.03, 0.03, size) * inside(v - dome, 0.012, size) * inside(spine - side, 0.03, size)
    hu, hv = turn(u - 0.05, v - 0.13 - breath * 0.6, np.float32([[[38.0]]]))
    heart = inside(ellipse(hu, hv, heart_width, heart_width * 0.84), 0.035, size)
    aorta = inside(ellipse(u - 0.025, v + 0.06, 0.075, 0.19), 0.05, size)
    middle = np.maximum(heart, 0.9 * aorta)
    air = lung * (1 - 0.88 * middle)

    # Bones: ribs as repeated arcs (behind: falling outwards; in front: falling inwards, faint), spine, clavicles.
    spacing = person.normal("rib spacing", 0.074, 0.003)
    slope = person.normal("rib slope", 0.9, 0.2)
    behind = repeat((v + 0.30 - 0.05 * bump(side - 0.12, 0.1) - slope * np.square(side - 0.03)) / spacing)
    front = repeat((v + 0.40 + 0.55 * side - 1.3 * np.square(np.maximum(side - 0.2, 0))) / (1.35 * spacing))
    ribs = bump(behind, 0.19) + 0.5 * bump(np.abs(behind) - 0.24, 0.06)
    within = inside(wall, 0.02, size) * rise(side, 0.03, 0.07) * rise(v, 0.40, 0.30)
    edge = bump(wall + 0.012, 0.016) * rise(v, 0.36, 0.28)
    bone = within * (0.12 * ribs * (1 + 0.9 * edge) + 0.075 * bump(front, 0.17) * rise(side, 0.1, 0.2)) + 0.05 * edge
    vertebrae = repeat((v + 0.1) / (0.8 * spacing))
    bone = bone + bump(side, 0.034) * (0.13 + 0.06 * bump(np.abs(vertebrae) - 0.3, 0.12))
    lift = person.normal("clavicle", 0.05, 0.015)
    bone = bone + 0.13 * stroke(side, v, (0.04, -0.285), (0.31, -0.30 - lift), 0.012) * trunk
    bone = bone + 0.12 * inside(ellipse(side - cage - 0.05, v + 0.36, 0.07, 0.055), 0.04, size) * trunk

    # Vessels fan out from the hila and fade; soft tissue is uneven.
    hilum = bump(ellipse(side - 0.11, v + 0.01, 0.05, 0.08), 0.085)
    branches = bump(noise(person, "vessels", 14, size), 0.35) + bump(noise(person, "fine vessels", 26, size), 0.3)
    vessels = hilum * (0.09 + 0.07 * branches) + 0.017 * branches * bump(side - 0.12, 0.12)
    grainy = 0.03 * noise(shot, "tissue", 6, size) + 0.012 * noise(shot, "texture", 24, size)

    # Pneumonia.
    bacterial, viral = (label == 1).astype(np.float32), (label == 2).astype(np.float32)
    lobe, reach = consolidation(shot, u, v, cage, size)
    strength = shot.uniform("lesion contrast", 0.5, 1.0)
    spread = shot.uniform("haze size", 0.09, 0.15)
    haze = interstitium(shot, side, v, spread, size)
    filled = (bacterial * lobe + viral * haze) * strength

    def radiograph(air: np.ndarray) -> np.ndarray:
        tissue = trunk * (0.60 * thickness + 0.09 * middle * lung + grainy) + bone * trunk
        belly = 0.10 * trunk * inside(dome - v, 0.03, size) * inside(wall - 0.02, 0.04, size)
        return tissue + belly - air * (0.30 - vessels)

    return photograph(
        shot,
        radiograph(air * (1 - filled)),
        radiograph(air),
        {
            "heart_width": heart_width / cage,
            "rotation": rotation,
            "breath": breath,
            "lesion_size": bacterial * reach + viral * spread,
            "lesion_contrast": (bacterial + viral) * strength,
        },
        blurs=0.009,
        grains=(0.005, 0.018),
        exposures=(0.47, 0.05),
        contrasts=(0.235, 0.02),
        marker=marker(shot, x, y),
    )


def consolidation(
    shot: Chance, u: np.ndarray, v: np.ndarray, cage: np.ndarray, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return a consolidation, a cloud with a ragged border in either lung at any height, and its radius."""
    left = np.where(shot.happens("lesion left", 0.45) > 0, np.float32(1), np.float32(-1))
    cx = left * (cage * shot.uniform("lesion x", 0.5, 0.7))
    cy = shot.uniform("lesion y", -0.16, 0.13) - 0.03 * (left + 1)  # the heart hides the lower left lung
    reach = shot.uniform("lesion size", 0.08, 0.15)
    ragged = 0.17 * reach * noise(shot, "lesion border", 9, size)
    cloud = inside(
        ellipse(u - cx, v - cy, reach, reach * shot.uniform("lesion shape", 0.75, 1.25)) + ragged, 0.05, size
    )
    return cloud * (0.85 + 0.12 * noise(shot, "lesion texture", 16, size)), reach


def interstitium(shot: Chance, side: np.ndarray, v: np.ndarray, spread: np.ndarray, size: int) -> np.ndarray:
    """Return a haze over both lungs: streaks and patches, densest around the hila."""
    net = bump(noise(shot, "net", 18, size), 0.4) + 0.7 * bump(noise(shot, "fine net", 30, size), 0.4)
    patches = rise(noise(shot, "patches", 5, size), -0.8, 1.6)
    around = 0.25 + 0.75 * bump(ellipse(side - 0.13, v, 0.09, 0.16), spread)
    return around * (0.45 * net + 0.55 * patches)


def marker(shot: Chance, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the lead letter R next to the patient's right shoulder; about 30 % of the images have none."""
    x, y = x + shot.uniform("marker x", 0.41, 0.46), y + shot.uniform("marker y", 0.05, 0.4)
    strokes = (
        ((-0.012, -0.02), (-0.012, 0.022)),
        ((-0.012, -0.019), (0.009, -0.012)),
        ((0.009, -0.012), (-0.010, 0.0)),
        ((-0.006, 0.0), (0.012, 0.022)),
    )
    letter = sum(stroke(x, y, *line, 0.006) for line in strokes)
    return np.minimum(letter, 1) * shot.uniform("marker brightness", 0.75, 1.0) * shot.happens("marker", 0.7)
