"""Weight averaging: a running average over a stage, which replaces the weights at the end of the stage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from vaebench.interfaces import Model
from vaebench.training.stepper import Stepper


class Averages:
    """The running averages of all trained parameters except those of critics; buffers are not averaged."""

    def __init__(self, model: Model, steppers: Iterable[Stepper]) -> None:
        self.recipe = model.recipe
        averaged = [stepper.parameters for stepper in steppers if not stepper.critic] if self.recipe.average else []
        self.parameters: list[Tensor] = [parameter for parameters in averaged for parameter in parameters]
        self.restart()

    def restart(self) -> None:
        self.steps = 0
        self.values = [parameter.detach().clone() for parameter in self.parameters]

    def follow(self) -> None:
        """Update the averages; called after every step."""
        if self.parameters:
            with torch.no_grad():
                torch._foreach_lerp_(self.values, self.parameters, 1 - self.recipe.decay(self.steps))
            self.steps += 1

    def finish(self) -> None:
        """Replace the weights by their averages; called at the end of a stage."""
        if self.parameters and self.steps:
            with torch.no_grad():
                torch._foreach_copy_(self.parameters, self.values)
            self.restart()

    def state(self) -> dict[str, Any]:
        return {"steps": self.steps, "values": self.values}

    def resume(self, state: Mapping[str, Any]) -> None:
        if [tuple(value.shape) for value in state["values"]] != [tuple(value.shape) for value in self.values]:
            raise ValueError("the averages belong to another model")
        self.steps = state["steps"]
        for value, stored in zip(self.values, state["values"], strict=True):
            value.copy_(stored)
