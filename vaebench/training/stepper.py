"""The optimiser of one group: its gradients, its learning rate over a stage, and its step."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from vaebench.interfaces import At, Group, Recipe
from vaebench.training.devices import choices

FUSED = (torch.optim.Adam, torch.optim.AdamW)
CAPTURABLE = (*FUSED, torch.optim.RMSprop)
"""Optimisers whose step can be recorded in a CUDA graph, because they keep the number of steps and the learning rate on
the device."""


def steppers_of(groups: dict[str, Group], recipe: Recipe) -> dict[str, Stepper]:
    """Return a stepper for every group. The recipe's learning rate is that of the first group; the rates of the other
    groups keep their ratio to it."""
    steppers = {name: Stepper(group, recipe) for name, group in groups.items()}
    if recipe.lr is not None and steppers:
        first = next(iter(steppers.values())).rates[0]
        for stepper in steppers.values():
            stepper.rates = [rate * recipe.lr / first for rate in stepper.rates]
    for stepper in steppers.values():
        stepper.set_rates(1.0)
    return steppers


class Stepper:
    """A group's optimiser and learning-rate schedule."""

    def __init__(self, group: Group, recipe: Recipe = Recipe()) -> None:  # noqa: B008 (frozen)
        self.parameters = list(group.parameters)
        self.optimizer = group.optimizer(self.parameters, **_options(group, self.parameters))
        self.rates = [float(part["lr"]) for part in self.optimizer.param_groups]
        self.schedule, self.critic, self.recipe = group.schedule, group.critic, recipe
        self._factor: float | None = None

    @property
    def capturable(self) -> bool:
        """True if the optimiser's step can be captured in a CUDA graph."""
        return isinstance(self.optimizer, CAPTURABLE) and bool(self.optimizer.defaults["capturable"])

    def gradients(self, total: Tensor, keep_graph: bool) -> tuple[Tensor | None, ...]:
        self.forget()  # not sooner: memory freed before a forward pass is returned to the system and requested again
        return torch.autograd.grad(total, self.parameters, retain_graph=keep_graph, allow_unused=True)

    def schedule_rate(self, at: At) -> None:
        """Set the learning rate of this step."""
        factor = self.schedule(at.progress) if self.schedule else self.recipe.rate(at.step, at.steps)
        if factor != self._factor:
            self.set_rates(factor)

    def set_rates(self, factor: float) -> None:
        self._factor = factor
        for part, rate in zip(self.optimizer.param_groups, self.rates, strict=True):
            if isinstance(part["lr"], Tensor):  # a captured step reads this tensor, so it must not be replaced
                part["lr"].fill_(rate * factor)
            else:
                part["lr"] = rate * factor

    def step(self, gradients: tuple[Tensor | None, ...]) -> None:
        if self.recipe.clip:
            gradients = _clipped(gradients, self.recipe.clip)
        for parameter, gradient in zip(self.parameters, gradients, strict=True):
            parameter.grad = gradient
        self.optimizer.step()

    def forget(self) -> None:
        self.optimizer.zero_grad(set_to_none=True)

    def resume(self, state: dict[str, Any]) -> None:
        """Load an optimiser's state, except for the learning rates, which are set again at the next step."""
        rates = [part["lr"] for part in self.optimizer.param_groups]
        self.optimizer.load_state_dict(state)
        for part, rate in zip(self.optimizer.param_groups, rates, strict=True):
            part["lr"] = rate
        self._factor = None


def _clipped(gradients: tuple[Tensor | None, ...], largest: float) -> tuple[Tensor | None, ...]:
    """Return the gradients, scaled down together if their norm exceeds `largest`, without waiting for the device."""
    known = [gradient for gradient in gradients if gradient is not None]
    scale = (largest / (nn.utils.get_total_norm(known) + 1e-6)).clamp(max=1.0)
    scaled = iter(torch._foreach_mul(known, scale))
    return tuple(None if gradient is None else next(scaled) for gradient in gradients)


def _options(group: Group, parameters: list[nn.Parameter]) -> dict[str, Any]:
    """Return the group's options, with the device's settings for those that the group does not set."""
    options = dict(group.options)
    devices = {parameter.device for parameter in parameters}
    if len(devices) != 1:
        return options
    device = devices.pop()
    chosen = choices(device.type)
    if group.optimizer in FUSED and not options.keys() & {"fused", "foreach"}:
        options["fused"] = all(parameter.is_floating_point() and chosen["fused"] for parameter in parameters)
    if group.optimizer in CAPTURABLE and chosen["capturable"] and "capturable" not in options:
        options["capturable"] = True
        if "lr" in options and not isinstance(options["lr"], Tensor):
            options["lr"] = torch.tensor(float(options["lr"]), device=device)
    return options
