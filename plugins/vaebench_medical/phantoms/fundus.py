"""Eye fundus photographs by grade of diabetic retinopathy, 0 to 4.

0: no lesions; 1: a few red dots; 2: haemorrhages and some hard exudates; 3: many of both, and cotton-wool spots;
4: in addition, a large haemorrhage and new vessels. A lamp lights the retina; pigment and blood absorb light, and the
disc and exudates are bright.
"""

from __future__ import annotations

from collections.abc import Iterator

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

CLASSES = ("no retinopathy", "mild", "moderate", "severe", "proliferative")
CHANNELS = 3
HEALTHY, DISEASED = {0}, {1, 2, 3, 4}

DOTS = np.float32([0, 0.10, 0.20, 0.42, 0.34])
"""The share of a fine lattice's points that are haemorrhages, by grade."""
EXUDATES = np.float32([0, 0, 0.20, 0.28, 0.24])
"""The share of a fine lattice's points that are exudates, by grade."""
BLOTS = np.float32([0, 0, 0.14, 0.4, 0.3])
WOOL = np.float32([0, 0, 0, 0.3, 0.2])
"""The share of a coarse lattice's points that are cotton-wool spots, by grade."""


def draw(seed: int, index: np.ndarray, label: np.ndarray, size: int, patient: np.ndarray | None = None) -> Drawing:
    return render(paint, "fundus", seed, index, label, size, patient)


def paint(person: Chance, shot: Chance, label: np.ndarray, size: int) -> Painting:
    # u points towards the temple in both eyes; the disc lies on the side of the nose.
    eye = np.where(shot.happens("left eye", 0.5) > 0, np.float32(1), np.float32(-1))
    x, y = axes(size)
    x, y = x - shot.normal("shift x", 0, 0.01), y - shot.normal("shift y", 0, 0.01)
    rotation = shot.normal("rotation", 0, 5)
    u, v = turn(x * eye, y, rotation)
    u = u + 0.012 * noise(person, "tortuous x", 7, size)
    v = v + 0.012 * noise(person, "tortuous y", 7, size)
    du, dv = u + person.normal("disc x", 0.21, 0.015), v - person.normal("disc y", 0.0, 0.012)

    field = ellipse(x, y, shot.uniform("field", 0.46, 0.53), 0.5)
    lit = inside(field, 0.012, size) * inside(np.abs(y) - shot.uniform("cut", 0.42, 0.6), 0.01, size)
    lamp_u, lamp_v = x - shot.normal("lamp x", 0, 0.1), y - shot.normal("lamp y", 0, 0.1)
    lamp = lit * (1.12 - shot.uniform("vignette", 0.8, 2.0) * (lamp_u * lamp_u + lamp_v * lamp_v))

    disc_size = person.normal("disc size", 0.068, 0.006)
    disc = inside(ellipse(du, dv, disc_size * 0.9, disc_size), 0.02, size)
    cup = inside(ellipse(du, dv, disc_size * 0.45, disc_size * 0.5), 0.03, size)
    macula = bump(ellipse(u - 0.10, v - 0.02, 0.03, 0.03), 0.075)
    blood = vessels(person, du, dv, size)
    pigment = person.normal("pigment", 0, 1)
    choroid = 0.05 * noise(person, "choroid", 5, size) + 0.04 * noise(person, "texture", 22, size)

    # The light that the retina reflects, per colour, and the lesions on top: haemorrhages are dark, exudates bright.
    red_lesions, bright_lesions, contrast = lesions(shot, u, v, np.sqrt(du * du + dv * dv), label, size)
    image, clean = [], []
    for base, tint, thickness, glow, shine in (
        (0.80, -0.05, 0.32, 0.10, 0.10),
        (0.40, -0.045, 0.62, 0.42, 0.46),
        (0.19, -0.03, 0.45, 0.34, 0.22),
    ):
        retina = base + tint * pigment - base * (0.38 * macula - choroid) + disc * (glow + 0.25 * glow * cup)
        light = lamp * shot.normal(f"balance {base}", 1, 0.04)
        healthy = retina * (1 - thickness * blood) * light
        clean.append(healthy)
        image.append(healthy * (1 - thickness * 1.15 * red_lesions) + (shine * light) * bright_lesions)

    return photograph(
        shot,
        np.stack(image),
        np.stack(clean),
        {
            "disc_size": disc_size,
            "rotation": rotation,
            "pigment": pigment,
            "lesion_size": np.maximum(red_lesions, bright_lesions).mean((1, 2), dtype=np.float64, keepdims=True),
            "lesion_contrast": contrast,
        },
        blurs=0.012,
        grains=(0.004, 0.020),
        exposures=(0.33, 0.035),
    )


def vessels(person: Chance, u: np.ndarray, v: np.ndarray, size: int) -> np.ndarray:
    """Return the vessels, in pairs of a vein and an artery: arcades from the disc around the macula, and smaller pairs
    towards the nose."""
    blood = np.float32(0)
    for name, angle, bend, length, width, children in trunks():
        angle, bend = person.normal(f"{name} angle", angle, 5), person.normal(f"{name} bend", bend, 0.2)
        along, across = turn(u, v, angle)
        blood = np.maximum(blood, vessel(along, across, bend, length, width, size))
        for child in range(children):
            start = person.uniform(f"{name} {child} start", 0.2 + 0.25 * child, 0.4 + 0.25 * child) * length
            sign = 1 if child % 2 else -1
            turned = turn(
                along - start,
                across - bend * start * (length - start),
                person.normal(f"{name} {child} angle", sign * 38, 8),
            )
            bend_ = person.normal(f"{name} {child} bend", -sign * 0.9, 0.5)
            blood = np.maximum(blood, vessel(*turned, bend_, 0.62 * (length - start) + 0.06, width * 0.62, size))
    return blood


def trunks() -> Iterator[tuple[str, float, float, float, float, int]]:
    """Yield name, angle (clockwise from the temple), bend, length, width and number of branches of each main vessel."""
    for half, sign in (("upper", -1), ("lower", 1)):
        yield f"{half} vein", 38 * sign, 1.75 * sign, 0.74, 0.0105, 2
        yield f"{half} artery", 46 * sign, 1.5 * sign, 0.66, 0.0075, 2
        yield f"{half} nasal vein", 122 * sign, -0.9 * sign, 0.40, 0.0075, 1
        yield f"{half} nasal artery", 141 * sign, 0.7 * sign, 0.36, 0.006, 0


def vessel(
    along: np.ndarray, across: np.ndarray, bend: np.ndarray, length: np.ndarray | float, width: float, size: int
) -> np.ndarray:
    """Return a tapering arc from the origin that returns to its axis at `length`. Parts narrower than a pixel fade."""
    bow = across - bend * along * (length - along)
    slope = bend * (length - 2 * along)
    taper = width * (1 - 0.55 * np.clip(along / length, 0, 1))
    shown = np.maximum(taper, np.float32(0.6 / size))
    ends = np.clip(np.minimum(along, length - along) * 40, 0, 1)
    return bump(bow / np.sqrt(1 + slope * slope), shown) * (taper / shown * ends)


def lesions(
    shot: Chance, u: np.ndarray, v: np.ndarray, to_disc: np.ndarray, label: np.ndarray, size: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return maps of red and of bright lesions, from 0 to 1, and the contrast of the lesions (0 for healthy eyes)."""
    contrast = shot.uniform("lesion contrast", 0.65, 1.0)
    ragged = 0.006 * noise(shot, "ragged", 20, size)

    def spots(
        what: str, cells: int, red: np.ndarray, bright: np.ndarray, low: float, high: float, soft: float
    ) -> tuple[np.ndarray, np.ndarray]:
        dx, dy, each = scatter(shot, what, u, v, cells, 0.25)
        distance = ellipse(dx, dy, each("width", low, high), each("height", low, high))
        spot, kind = inside(distance + ragged * (high / 0.03), soft, size), each("kind", 0, 1)
        return spot * (kind < red), spot * (kind > 1 - bright)

    near_macula = bump(ellipse(u - 0.10, v - 0.02, 0.05, 0.05), 0.12)
    dots, exudates = spots("fine", 12, DOTS[label], EXUDATES[label] * (0.3 + 2.2 * near_macula), 0.007, 0.016, 0.008)
    blots, wool = spots("coarse", 6, BLOTS[label], WOOL[label], 0.014, 0.036, 0.016)

    # One haemorrhage always exists, so that no diseased eye looks healthy; in grade 4 it is large, with new vessels.
    sure = np.where(label == 4, shot.uniform("bleeding", 0.09, 0.15), shot.uniform("dot", 0.010, 0.014))
    below = np.where(shot.happens("bleeding below", 0.7) > 0, np.float32(1), np.float32(-1))
    du, dv = u - shot.uniform("bleeding x", 0.0, 0.22), v - shot.uniform("bleeding y", 0.09, 0.24) * below
    certain = inside(ellipse(du, dv, sure * 1.2, sure) + ragged * (sure / 0.02), 0.012, size) * (label > 0)
    sprouts = bump(noise(shot, "new vessels", 26, size), 0.25) * bump(to_disc, 0.09) * (label == 4)

    off_disc = rise(to_disc, 0.09, 0.12)
    red = np.maximum(np.maximum(np.maximum(certain, dots), 0.9 * blots) * off_disc, 0.7 * sprouts)
    return red * contrast, np.maximum(exudates, 0.6 * wool) * off_disc * contrast, contrast * (label > 0)
