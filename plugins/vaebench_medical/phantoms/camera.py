"""The simulated camera, which turns a scene into a picture: focus, exposure, grain.

The detector adjusts each picture, lesion included, to a randomly drawn brightness (and contrast), and the focus varies
between pictures. Mean, contrast and sharpness therefore do not depend on the lesion and do not reveal it. The same
drawing without the lesion is photographed with the same settings, so the two pictures differ only where the lesion is.
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
    """Convert scenes with and without the lesion, (N, H, W) or (3, N, H, W) in colour, to a painting.

    `blurs` is the largest blur as a share of the side; `grains` are the smallest and largest amounts of grain;
    `exposures` gives mean and sd of the distribution from which the mean grey value of a picture is drawn, and
    `contrasts` gives mean and sd of the distribution from which the sd of its grey values is drawn. Without
    `contrasts`, scenes are only multiplied by a gain, so black stays black. `marker` is drawn on top.
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
