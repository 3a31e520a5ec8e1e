"""Images along walks through the space of codes, computed in advance for the sliders of the page."""

from __future__ import annotations

import numpy as np
import torch

from vaebench.evidence import Evidence, pictures
from vaebench.interfaces import NotApplicable

DIMENSIONS = 6
FRAMES = 9
TRIED = 64
"""The number of dimensions whose effect on the picture is measured: those with the largest variance."""
SWING = (0.02, 0.98)
"""Each dimension moves from one of these quantiles of the test images' codes to the other."""


def dimensions(evidence: Evidence) -> tuple[list[int], np.ndarray, np.ndarray]:
    """Return the dimensions that change the picture most, in descending order; their values (d, FRAMES); and the frames
    (d * FRAMES, C, H, W), with all other dimensions at their mean."""
    codes = evidence.codes("test")
    spread = codes.std(axis=0)
    tried = np.argsort(-spread, kind="stable")[:TRIED]
    tried = tried[spread[tried] > 0]
    if not len(tried):
        raise NotApplicable("the code is the same for every image")
    low, high = np.quantile(codes[:, tried], SWING, axis=0).astype(np.float32)
    centre = codes.mean(axis=0)
    ends = decoded(evidence, np.concatenate([_set(centre, tried, low), _set(centre, tried, high)]))
    change = np.square(ends[: len(tried)] - ends[len(tried) :]).mean(axis=(1, 2, 3))
    best = np.argsort(-change, kind="stable")[:DIMENSIONS]
    values = np.linspace(low[best], high[best], FRAMES, axis=1)
    frames = decoded(evidence, _set(centre, np.repeat(tried[best], FRAMES), values.ravel()))
    return tried[best].tolist(), values, frames


def between(evidence: Evidence, one: int, other: int) -> np.ndarray:
    """Return FRAMES images on the straight line from the code of one test image to that of another."""
    codes = evidence.codes("test")
    steps = np.linspace(0, 1, FRAMES, dtype=np.float32)[:, None]
    return decoded(evidence, (1 - steps) * codes[one] + steps * codes[other])


def decoded(evidence: Evidence, codes: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        return pictures(
            evidence.model.decode(torch.from_numpy(codes).to(evidence.device)).float().cpu().numpy(), "decoded codes"
        )


def _set(centre: np.ndarray, which: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return a copy of the centre for each value, with the dimension in `which` set to the value."""
    rows = np.repeat(centre[None], len(which), axis=0)
    rows[np.arange(len(which)), which] = values
    return rows
