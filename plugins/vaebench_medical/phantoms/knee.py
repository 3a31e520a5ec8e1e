"""Knee radiographs from the front, by Kellgren-Lawrence grade of osteoarthritis, 0 to 4.

With increasing grade, the joint space narrows on the inner side, spurs (osteophytes) grow at the joint's margins, and
the bone below the cartilage hardens. The space narrows because bone grows into it, while everything else stays in
place, so the same drawing without the disease differs only at the joint.
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

CLASSES = ("KL 0", "KL 1", "KL 2", "KL 3", "KL 4")
CHANNELS = 1
HEALTHY, DISEASED = {0}, {2, 3, 4}

NARROWING = np.float32([0, 0.09, 0.28, 0.58, 0.90])
"""The share of the joint space that is lost on the inner side, by grade."""
SPURS = np.float32([0, 0.015, 0.025, 0.035, 0.047])
HARDENING = np.float32([0, 0.0, 0.25, 0.6, 1.0])


def draw(seed: int, index: np.ndarray, label: np.ndarray, size: int, patient: np.ndarray | None = None) -> Drawing:
    return render(paint, "knee", seed, index, label, size, patient)


def paint(person: Chance, shot: Chance, label: np.ndarray, size: int) -> Painting:
    # u points towards the outer side of both knees; the joint lies at v = 0.
    which = np.where(shot.happens("left knee", 0.5) > 0, np.float32(1), np.float32(-1))
    x, y = axes(size)
    rotation = shot.normal("rotation", 0, 3)
    u, v = turn((x - shot.normal("shift x", 0, 0.02)) * which, y - shot.normal("shift y", 0.01, 0.02), rotation)
    zoom = person.normal("build", 1, 0.045)
    u, v = u / zoom, v / zoom
    u = u + 0.004 * noise(person, "outline x", 8, size)
    v = v + 0.004 * noise(person, "outline y", 8, size)

    space = person.normal("joint space", 0.056, 0.005)
    breadth = person.normal("joint breadth", 0.365, 0.014)
    lost = np.clip(NARROWING[label] + (label > 0) * shot.uniform("narrowing", -0.04, 0.10), 0, 1)
    spur = SPURS[label] * shot.uniform("spur", 0.75, 1.25)
    hard = HARDENING[label] * shot.uniform("hardening", 0.6, 1.2)
    tilt = 0.35 + 0.65 * rise(u, 0.10, -0.10)  # the inner side loses more

    texture = 0.03 * noise(person, "trabeculae", 40, size) + 0.03 * noise(person, "bone", 7, size)
    patella = inside(ellipse(u - 0.02, v + 0.24, 0.15, 0.16), 0.03, size)
    leg = inside(np.abs(u) - person.normal("leg width", 0.52, 0.03) - 0.05 * v * v, 0.04, size)
    flesh = leg * (
        0.24 + 0.05 * np.sqrt(np.maximum(1 - np.square(u / 0.6), 0)) + 0.02 * noise(person, "flesh", 6, size)
    )

    def radiograph(lost: np.ndarray, spur: np.ndarray, hard: np.ndarray) -> np.ndarray:
        gap = 0.5 * space * (1 - lost * tilt)
        beaks = osteophytes(u, v, gap, breadth, spur)
        thigh = np.minimum(femur(u, v, gap, breadth), beaks[0])
        shin = np.minimum(tibia(u, v, gap, breadth), beaks[1])
        fibula = ellipse(np.abs(u - 0.315 + 0.03 * v), np.minimum(v - 0.21, 0), 0.055, 0.07)
        film = flesh
        for bone, thick in ((fibula, 0.13), (thigh, 0.27), (shin, 0.27)):
            body = inside(bone, 0.010, size)
            film = film + body * (thick + texture) + (0.45 * thick) * bump(bone + 0.009, 0.009)
        film = film + 0.10 * patella * inside(thigh, 0.01, size)
        plate = bump(np.maximum(thigh, -v - 0.10) + 0.016, 0.016) + bump(np.maximum(shin, v - 0.10) + 0.018, 0.016)
        near = rise(np.abs(v), 0.13, 0.05) * rise(np.abs(u), 0.02, 0.05)
        return film + (0.05 + 0.14 * hard * tilt) * plate * near

    return photograph(
        shot,
        radiograph(lost, spur, hard),
        radiograph(0 * lost, 0 * spur, 0 * hard),
        {
            "joint_space": space * (1 - lost),
            "joint_breadth": breadth,
            "rotation": rotation,
            "lesion_size": spur,
        },
        blurs=0.008,
        grains=(0.004, 0.016),
        exposures=(0.48, 0.045),
        contrasts=(0.19, 0.02),
    )


def femur(u: np.ndarray, v: np.ndarray, gap: np.ndarray, breadth: np.ndarray) -> np.ndarray:
    """Return the approximate signed distance to a shaft that ends in two rounded condyles with a notch between them."""
    side = np.abs(u)
    across = side / breadth
    shaft = 0.205 + (breadth - 0.205) * rise(v, -0.52, -0.16)
    from_middle = np.square(np.square(across - 0.5) * 4)
    bottom = v + gap + 0.085 * from_middle * rise(across, 0.3, 0.9) + 0.07 * rise(across, 0.26, 0.08)
    return np.maximum(side - shaft, bottom)


def tibia(u: np.ndarray, v: np.ndarray, gap: np.ndarray, breadth: np.ndarray) -> np.ndarray:
    """Return the approximate signed distance to a shaft that widens to a flat plateau with two spines."""
    side = np.abs(u)
    shaft = 0.19 + (breadth - 0.19) * rise(v, 0.44, 0.02)
    spines = 0.034 * bump(side - 0.035, 0.016) + 0.008 * rise(side, 0.10, 0.04)
    top = gap - v - spines + 0.03 * rise(side / breadth, 0.80, 1.02)
    return np.maximum(side - shaft, top)


def osteophytes(
    u: np.ndarray, v: np.ndarray, gap: np.ndarray, breadth: np.ndarray, spur: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return signed distances to spurs at the corners of femur and tibia, larger on the inner side.

    An image with a `spur` of 0 has no spurs."""
    out = np.abs(u) - breadth
    reach = np.maximum(spur * np.where(u < 0, np.float32(1.15), np.float32(0.8)), np.float32(1e-3))
    none = np.float32(1) * (spur <= 0)
    above = ellipse(out + 0.008, v + gap + 0.055 - 0.5 * out, reach, 0.5 * reach + 0.004)
    below = ellipse(out + 0.008, v - gap - 0.024 + 0.3 * out, reach, 0.45 * reach + 0.004)
    return above + none, below + none
