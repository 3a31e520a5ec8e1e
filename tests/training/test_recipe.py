"""The training recipe: each setting does what it says, for any method, and is told in the record."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping

import pytest
import torch
from laboratory import job, run_job
from torch import Tensor, nn

from vaebench.components.parameters import construct, parameters_of
from vaebench.components.registry import registry
from vaebench.errors import UserError
from vaebench.interfaces import At, Group, Images, Model, Objective, Recipe
from vaebench.training.loop import Course
from vaebench.training.stepper import Stepper, steppers_of
from vaebench.trial import Settings


class Line(Model):
    """Two weights that are pulled to 1, and one that a critic pulls to 2."""

    name, version = "line", 1

    def __init__(self, shape: tuple[int, int, int] = (1, 1, 1), loss: None = None, slope: float = 1.0) -> None:
        super().__init__(shape, loss)
        self.weights = nn.Parameter(torch.zeros(2))
        self.judge = nn.Parameter(torch.zeros(1))
        self.slope = slope

    def groups(self) -> dict[str, Group]:
        options = {"lr": 0.1}
        return {
            "all": Group([self.weights], torch.optim.SGD, options),
            "critic": Group([self.judge], torch.optim.SGD, {"lr": 0.3}, critic=True),
        }

    def objectives(self, x: Tensor, at: At) -> Iterator[Mapping[str, Objective]]:
        rows = torch.ones(len(x))
        yield {"all": rows * self.slope * (self.weights - 1).square().sum(), "critic": rows * (self.judge - 2).square()}


def course(steps: int = 20, **recipe: float | str) -> Course:
    images = Images(torch.zeros(8, 1, 1, 1, dtype=torch.uint8))
    model = construct(Line, **recipe)
    return Course(model, images, Settings(size=1, steps=steps, batch=4), torch.Generator().manual_seed(0))


def run(one: Course) -> Model:
    one.run(lambda at, values: None)
    return one.model


def test_the_first_groups_rate_becomes_lr_and_the_others_keep_their_ratio() -> None:
    steppers = steppers_of(Line().groups(), Recipe(lr=0.02))
    assert [part["lr"] for part in steppers["all"].optimizer.param_groups] == pytest.approx([0.02])
    assert [part["lr"] for part in steppers["critic"].optimizer.param_groups] == pytest.approx([0.06])


def test_the_cosine_rises_over_a_twentieth_and_falls_to_zero() -> None:
    rates = [Recipe(schedule="cosine").rate(step, 100) for step in range(100)]
    assert rates[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert rates[52] == pytest.approx(0.5 * (1 + math.cos(math.pi * 47 / 95)))
    assert rates[5:] == sorted(rates[5:], reverse=True)
    assert 0 < rates[-1] < 1e-3


def test_a_groups_own_schedule_comes_before_the_recipes() -> None:
    group = Group([nn.Parameter(torch.zeros(1))], torch.optim.SGD, {"lr": 1.0}, lambda progress: 0.25)
    stepper = Stepper(group, Recipe(schedule="cosine"))
    stepper.schedule_rate(At("main", 50, 100))
    assert stepper.optimizer.param_groups[0]["lr"] == 0.25


def test_the_average_is_the_running_mean_of_the_weights_and_leaves_critics_alone() -> None:
    plain, averaged = course(steps=20), course(steps=20, average=0.9)
    seen: list[Tensor] = []
    plain.run(lambda at, values: None, lambda at: seen.append(plain.model.weights.detach().clone()))
    expected = torch.zeros(2)
    for number, weights in enumerate(seen):
        decay = min(0.9, (1 + number) / (10 + number))
        expected = decay * expected + (1 - decay) * weights
    model = run(averaged)
    assert torch.allclose(model.weights, expected)
    assert not torch.allclose(model.weights, plain.model.weights, atol=1e-4)
    assert torch.equal(model.judge, plain.model.judge)


def test_a_gradient_is_scaled_down_to_the_norm_and_a_smaller_one_left_as_it_is() -> None:
    parameters = [nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1))]
    stepper = Stepper(Group(parameters, torch.optim.SGD, {"lr": 1.0}), Recipe(clip=1.0))
    stepper.step((torch.tensor([2.0, 1.0]), None, torch.tensor([2.0])))
    assert torch.cat([p.detach() for p in parameters]).tolist() == pytest.approx([-2 / 3, -1 / 3, 0, -2 / 3], rel=1e-4)
    stepper.step((torch.tensor([0.3, 0.0]), None, torch.tensor([0.0])))
    assert parameters[0].detach().tolist() == pytest.approx([-2 / 3 - 0.3, -1 / 3], rel=1e-4)


def test_a_training_with_every_setting_goes_on_to_the_same_bits() -> None:
    settings = {"lr": 0.05, "schedule": "cosine", "average": 0.8, "clip": 0.5}
    whole, first, second = (course(steps=20, **settings) for _ in range(3))

    class Killed(Exception):
        pass

    kept: dict[str, object] = {}

    def kill(at: At) -> None:
        if at.step == 11:
            kept.update(copy.deepcopy(first.state()))
            kept.update(step=12)
            raise Killed

    with pytest.raises(Killed):
        first.run(lambda at, values: None, kill)
    second.resume(kept)
    assert torch.equal(run(second).weights, run(whole).weights)


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [("lr=0", "lr must"), ("average=1", "average must"), ("clip=-1", "clip must"), ("schedule=step", "one of")],
)
def test_a_bad_setting_is_refused_by_name(setting: str, complaint: str) -> None:
    with pytest.raises((UserError, ValueError), match=complaint):
        registry().create("models", registry().spec("models", f"vae[{setting}]")[1], (1, 28, 28), None)


@pytest.mark.parametrize("name", sorted(registry().offers("models")))
def test_every_trained_model_has_the_settings(name: str) -> None:
    component = registry().get("models", name).component
    own = {"lr", "schedule", "average", "clip"} & parameters_of(component).keys()
    assert own == ({"lr", "schedule", "average", "clip"} if component.stages else set())


@pytest.mark.usefixtures("lab")
def test_the_record_tells_the_settings_in_force(tmp_path) -> None:
    record = run_job(job(tmp_path, model="steady[average=0.5]", steps=4))
    assert record.inputs.parameters["average"] == 0.5
    assert record.inputs.parameters["schedule"] == "constant"
