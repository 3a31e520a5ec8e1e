"""Fixtures that the tests of the variants share: a simple loss, smooth images, and one step of the training loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
import torch
from torch import Tensor, nn

from vaebench.interfaces import At, Images, Loss, Model
from vaebench.training.loop import named, step_once
from vaebench.training.stepper import Stepper


class Squares(Loss):
    """Squared error, with a parameter that must never be trained, such as a fixed spread."""

    name = "squares"
    version = 1

    def __init__(self) -> None:
        super().__init__()
        self.fixed = nn.Parameter(torch.ones(()), requires_grad=False)

    def forward(self, raw: Tensor, target: Tensor) -> Tensor:
        return (self.image(raw) - target).square().flatten(1).sum(1)


@pytest.fixture
def loss() -> Loss:
    return Squares()


def blobs(count: int, side: int = 32, channels: int = 1, seed: int = 0) -> Images:
    """Return images of one soft disc each, with random place, size and brightness."""
    generator = torch.Generator().manual_seed(seed)
    row, column, radius, light = torch.rand(4, count, 1, 1, generator=generator)
    axis = torch.arange(side) / side
    distance = (axis[:, None] - 0.2 - 0.6 * row).square() + (axis - 0.2 - 0.6 * column).square()
    disc = torch.sigmoid(80 * ((0.1 + 0.15 * radius).square() - distance)) * (0.4 + 0.6 * light)
    return Images((255 * disc[:, None]).to(torch.uint8).repeat(1, channels, 1, 1))


@pytest.fixture
def images() -> Callable[..., Images]:
    return blobs


Advance = Callable[..., Mapping[str, Tensor]]


@pytest.fixture
def advance() -> Advance:
    """Return a function that takes one training step with new optimisers and returns the minimised terms by name."""

    def run(model: Model, x: Tensor, step: int = 0, steps: int = 10, stage: str = "main", seed: int = 0) -> Mapping:
        torch.manual_seed(seed)
        steppers = {name: Stepper(group) for name, group in model.train().groups().items()}
        return step_once(model, x, At(stage, step, steps), steppers)

    return run


@pytest.fixture
def routed() -> Callable[..., list[dict[str, list[Tensor]]]]:
    """Return a function that returns, for each yield of a step, the gradients of each group's own objective, without
    updating any parameters."""

    def run(model: Model, x: Tensor, step: int = 9, steps: int = 10, seed: int = 0) -> list[dict[str, list[Tensor]]]:
        torch.manual_seed(seed)
        groups = {name: list(group.parameters) for name, group in model.train().groups().items()}
        found = []
        for objectives in model.objectives(x, At("main", step, steps)):
            totals = {name: sum(named(value, name, len(x)).values()) for name, value in objectives.items()}
            found.append({name: slopes(total, groups[name]) for name, total in totals.items()})
        return found

    return run


def slopes(total: Tensor, parameters: list[nn.Parameter]) -> list[Tensor]:
    """Return gradients, with zeros for parameters that `total` does not depend on."""
    found = torch.autograd.grad(total, parameters, retain_graph=True, allow_unused=True)
    return [torch.zeros_like(p) if g is None else g for p, g in zip(parameters, found, strict=True)]


@pytest.fixture
def same_slopes() -> Callable[[list[Tensor], Tensor, list[nn.Module]], None]:
    """Return a function that compares gradients with those of a total that was worked out by hand."""

    def check(found: list[Tensor], total: Tensor, modules: list[nn.Module]) -> None:
        expected = slopes(total, [p for module in modules for p in module.parameters()])
        assert any(g.abs().max() > 0 for g in expected)
        torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-5)

    return check
