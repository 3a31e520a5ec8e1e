"""The training recipe: settings of the optimisation that all trained methods share."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

WARMUP = 0.05
"""Share of the steps over which the schedule `cosine` raises the learning rate from 0."""


@dataclass(frozen=True)
class Recipe:
    """The settings of the optimisation. Each field is a parameter of every trained model and can be set on the command
    line (`-m "vae[lr=3e-4]"`), in presets and in suites. A method's defaults are in its class attribute `recipe`."""

    lr: float | None = None
    """The learning rate of the first parameter group; those of the other groups change in proportion. None keeps
    every group's own learning rate."""
    schedule: Literal["constant", "cosine"] = "constant"
    """The course of the learning rate over a stage, for parameter groups without their own schedule."""
    average: float = 0.0
    """The decay of the running average of the weights, which replaces the last weights; 0 keeps the last weights."""
    clip: float = 0.0
    """The norm to which the gradient of each parameter group is clipped; 0 disables clipping."""

    def __post_init__(self) -> None:
        if self.lr is not None and self.lr <= 0:
            raise ValueError(f"lr must be above 0, not {self.lr}")
        if self.schedule not in ("constant", "cosine"):
            raise ValueError(f"schedule must be constant or cosine, not {self.schedule!r}")
        if not 0 <= self.average < 1:
            raise ValueError(f"average must be at least 0 and below 1, not {self.average}")
        if self.clip < 0:
            raise ValueError(f"clip must be 0 or more, not {self.clip}")

    def rate(self, step: int, steps: int) -> float:
        """Return the factor by which the learning rate is multiplied at a step; `cosine` is a linear warm-up followed
        by half a cosine down to 0."""
        if self.schedule == "constant":
            return 1.0
        rising = max(1, round(WARMUP * steps))
        if step < rising:
            return (step + 1) / rising
        return 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1, steps - rising)))

    def decay(self, steps: int) -> float:
        """Return the decay of the average after `steps` steps. The decay is smaller at first, so that the initial
        weights are soon forgotten."""
        return min(self.average, (1 + steps) / (10 + steps))
