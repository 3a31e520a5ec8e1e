"""The training recipe: settings of the optimisation that every trained method has, whatever it is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

WARMUP = 0.05
"""Share of the steps over which the schedule `cosine` raises the learning rate from 0."""


@dataclass(frozen=True)
class Recipe:
    """How the weights are stepped. Presets, suites and `-m "vae[lr=3e-4]"` set each of these as a parameter of the
    model; a method's own defaults are its class attribute `recipe`."""

    lr: float | None = None
    """The first group's learning rate, by which those of all groups are scaled; None leaves them as they are."""
    schedule: Literal["constant", "cosine"] = "constant"
    """The learning rate over a stage, for groups without a schedule of their own."""
    average: float = 0.0
    """Decay of the running average of the weights that is kept instead of the last ones; 0 keeps the last ones."""
    clip: float = 0.0
    """The largest norm of a group's gradient; 0 leaves gradients as they are."""

    def __post_init__(self) -> None:
        if self.lr is not None and self.lr <= 0:
            raise ValueError(f"lr must be above 0, not {self.lr}")
        if self.schedule not in ("constant", "cosine"):
            raise ValueError(f"schedule must be constant or cosine, not {self.schedule!r}")
        if not 0 <= self.average < 1:
            raise ValueError(f"average must be from 0 to below 1, not {self.average}")
        if self.clip < 0:
            raise ValueError(f"clip must be 0 or more, not {self.clip}")

    def rate(self, step: int, steps: int) -> float:
        """The factor on the learning rate at a step: linear warm-up, then half a cosine down to 0."""
        if self.schedule == "constant":
            return 1.0
        rising = max(1, round(WARMUP * steps))
        if step < rising:
            return (step + 1) / rising
        return 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1, steps - rising)))

    def decay(self, steps: int) -> float:
        """The decay of the average after so many steps: shorter at first, so that the start is soon forgotten."""
        return min(self.average, (1 + steps) / (10 + steps))
