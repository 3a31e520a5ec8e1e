"""The way from what a lesion and its surroundings look like to a picture: focus, exposure, grain.

A detector ranges each picture to a brightness (and contrast) of its own, lesion included, and no lens focuses twice
alike. So mean, contrast and sharpness vary on their own account and do not give the lesion away. The healthy twin goes
through the same optics with the same settings, so it differs where the lesion is and nowhere else.
"""

from __future__ import annotations

import numpy as np

from vaebench_medical.phantoms.canvas import blur, moments
from vaebench_medical.phantoms.chance import Chance
from vaebench_medical.phantoms.drawing import Painting


def photograph(
    shot: Chance,
    ill: np.ndarray,
    clean: np.ndarray,
    factors: dict[str, np.ndarray],
    *,
    blurs: float,
    grains: tuple[float, float],
    exposures: tuple[float, float],
    contrasts: tuple[float, float] | None = None,
    marker: np.ndarray | float = 0.0,
) -> Painting:
    """Scenes (N, H, W), or (3, N, H, W) in colour, to a painting.

    `blurs`: the most, as a share of the side; `grains`: least and most; `exposures` and `contrasts`: mean and sd of
    what the picture's own mean and sd become. Without `contrasts` the scene is gained only, and black stays black.
    """
    size = ill.shape[-1]
    sigma = shot.uniform("blur", 0.0, blurs)
    ill, clean = blur(ill, sigma, blurs), blur(clean, sigma, blurs)
    exposure = shot.normal("exposure", *exposures)
    mean, sd = moments(ill if ill.ndim == 3 else (ill[0] + ill[1] + ill[2]) / np.float32(3))
    settings = {"blur": sigma, "exposure": exposure}
    if contrasts is None:
        gain, offset = exposure / mean, np.float32(0)
    else:
        settings["contrast"] = shot.normal("contrast", *contrasts)
        gain = settings["contrast"] / sd
        offset = exposure - mean * gain
    grain = shot.uniform("grain", *grains) * shot.normal("grains", shape=(size, size))

    def develop(scene: np.ndarray) -> np.ndarray:
        film = np.maximum(scene * gain + offset + grain, marker)
        return np.moveaxis(film, 0, 1) if film.ndim == 4 else film[:, None]

    return Painting(develop(ill), develop(clean), factors | settings)
