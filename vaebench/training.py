"""The training loop: every group takes the gradient of its own objective alone, so routing holds by construction."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import torch
from torch import Tensor

from vaebench.interfaces import At, Group, Images, Model, Objective
from vaebench.trial import Settings

Report = Callable[[At, Mapping[str, float]], None]


class Diverged(Exception):
    """A loss became NaN or infinite."""


def train(model: Model, images: Images, settings: Settings, order: torch.Generator, report: Report) -> None:
    """Fit and train a model; `order` draws the batches, torch's global generator the model's noise."""
    model.train()
    with torch.no_grad():
        model.fit(images)
    steppers = {name: Stepper(group) for name, group in model.groups().items()} if model.stages else {}
    for number, stage in enumerate(model.stages):
        steps = settings.steps if number == 0 else settings.stage_steps.get(stage, settings.steps)
        every = max(1, steps // 50)
        batches = endless(
            len(images), settings.batch, order, (images.pixels if images.rows is None else images.rows).device
        )
        for step in range(steps):
            at = At(stage, step, steps)
            terms = step_once(model, images[next(batches)], at, steppers)
            if step % every == 0 or step == steps - 1:  # the only place that waits for the device
                values = {name: float(value) for name, value in {**terms, **at.logs}.items()}
                if bad := [name for name, value in values.items() if not abs(value) < float("inf")]:
                    raise Diverged(f"{', '.join(bad)} became {values[bad[0]]} at step {step} of stage {stage}")
                report(at, values)
    model.eval()


def step_once(model: Model, x: Tensor, at: At, steppers: Mapping[str, Stepper]) -> dict[str, Tensor]:
    """One training step; what was minimised, by name."""
    seen: dict[str, Tensor] = {}
    for objectives in model.objectives(x, at):
        unknown = [name for name in objectives if name not in steppers]
        if unknown:
            raise KeyError(f"objectives() yields {unknown[0]!r}, which groups() does not name")
        gradients = {}
        waiting = list(objectives)
        for name, objective in objectives.items():
            waiting.pop(0)
            terms = named(objective, name)
            total = sum(terms.values(), start=x.new_zeros(()))
            gradients[name] = steppers[name].gradients(total, keep_graph=bool(waiting))
            shared = len(objectives) > 1 and isinstance(objective, Mapping)
            seen |= {f"{name} {k}" if shared else k: v.detach() for k, v in terms.items()}
        for name, gradient in gradients.items():
            steppers[name].step(gradient, at)
    return seen


def named(objective: Objective, name: str) -> dict[str, Tensor]:
    """An objective's terms, averaged over the images."""
    terms = {name: objective} if isinstance(objective, Tensor) else objective
    return {key: term.float().mean() for key, term in terms.items()}


class Stepper:
    """A group's optimiser and learning-rate schedule."""

    def __init__(self, group: Group) -> None:
        self.parameters = list(group.parameters)
        self.optimizer = group.optimizer(self.parameters, **group.options)
        self.rates = [part["lr"] for part in self.optimizer.param_groups]
        self.schedule = group.schedule

    def gradients(self, total: Tensor, keep_graph: bool) -> tuple[Tensor | None, ...]:
        return torch.autograd.grad(total, self.parameters, retain_graph=keep_graph, allow_unused=True)

    def step(self, gradients: tuple[Tensor | None, ...], at: At) -> None:
        if self.schedule is not None:
            for part, rate in zip(self.optimizer.param_groups, self.rates, strict=True):
                part["lr"] = rate * self.schedule(at.progress)
        for parameter, gradient in zip(self.parameters, gradients, strict=True):
            parameter.grad = gradient
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)


def endless(n: int, batch: int, order: torch.Generator, device: torch.device) -> Iterator[Tensor]:
    """Row numbers, every image once per round in a new order; a batch may reach into the next round."""
    waiting = torch.empty(0, dtype=torch.long, device=device)
    while True:
        while len(waiting) < batch:
            waiting = torch.cat([waiting, torch.randperm(n, generator=order, device=order.device).to(device)])
        yield waiting[:batch]
        waiting = waiting[batch:]
