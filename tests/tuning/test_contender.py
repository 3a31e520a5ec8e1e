"""What is searched of a method: the ranges that it declares, and those of the recipe."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from laboratory import Lab, suite

from vaebench.checks import tasks
from vaebench.components.parameters import parameters_of, tunable_of
from vaebench.components.registry import Offer, registry
from vaebench.errors import UserError
from vaebench.interfaces import Choice, Linear, Log, Model
from vaebench.planning.plan import Request, make_plan
from vaebench.tunable import TRAINING
from vaebench.tuning.contender import Contender, contenders

MODELS = sorted(registry().offers("models"))


@pytest.mark.parametrize("name", MODELS)
def test_every_range_is_of_a_parameter_and_holds_its_default(name: str) -> None:
    component = registry().get("models", name).component
    known = parameters_of(component)
    for parameter, searched in tunable_of(component).items():
        default = known[parameter].default
        assert default is None or known[parameter].required or searched.holds(default), f"{parameter}={default}"
    assert bool(tunable_of(component)) == bool(component.stages)


def test_what_is_trained_has_the_ranges_of_the_recipe_and_its_own_count_more() -> None:
    vae = registry().get("models", "vae").component

    class Own(vae):
        tunable: ClassVar = {"lr": Log(1e-5, 1e-4)}

    assert TRAINING.items() <= tunable_of(vae).items()
    assert tunable_of(Own)["lr"] == Log(1e-5, 1e-4)


@pytest.mark.parametrize("make", [lambda: Linear(1, 1), lambda: Log(0, 1), lambda: Choice(1), lambda: Choice(1, 1)])
def test_a_range_of_nothing_is_refused(make: Any) -> None:
    with pytest.raises(ValueError, match=r"a range|a choice"):
        make()


def test_ranges_can_be_read() -> None:
    assert str(Log(1e-4, 3e-3)) == "from 0.0001 to 0.003, log scale"
    assert str(Choice(True, 0.5)) == "one of true, 0.5"


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    def of(ranges: dict[str, Any]) -> str:
        offer = registry().get("models", "vae")

        class Ranged(offer.component):  # type: ignore[misc, name-defined]
            tunable: ClassVar = ranges

        found = tasks(Offer(Ranged, offer.plugin), {})
        return next(task for task in found if task.name.startswith("tunable")).run().reason

    yield of


def test_check_finds_a_range_of_nothing_and_one_that_is_refused(checked: Any) -> None:
    assert checked({"beta": Log(0.1, 1)}) == ""
    assert "'betta', which is not a parameter. Did you mean 'beta'" in checked({"betta": Log(0.1, 1)})
    assert "beta=-1 is in the range that tunable declares, but is refused" in checked({"beta": Linear(-1, 1)})
    assert "lr=-1 is in the range" in checked({"lr": Choice(-1, 1)})


def found(lab: Lab, *models: str, free_rate: bool = False) -> list[Contender]:
    return contenders(make_plan(suite(), Request(lab.folder, lab.folder, models=models)), free_rate)


def test_what_is_given_or_changes_the_code_is_not_searched(lab: Lab) -> None:
    plain, given, free = (
        found(lab, "shifted")[0],
        found(lab, "shifted[shift=0,lr=0.01]")[0],
        found(lab, "shifted", free_rate=True)[0],
    )
    assert list(plain.ranges) == ["shift", *TRAINING]
    assert list(given.ranges) == ["schedule", "average"]
    assert list(free.ranges) == ["shift", "width", *TRAINING]


def test_defaults_are_those_in_force_and_the_rate_that_of_the_first_group(lab: Lab) -> None:
    (one,) = found(lab, "shifted")
    assert one.defaults == {"shift": -0.8, "schedule": "constant", "average": 0.0}, "0.01 lies outside the range of lr"
    (vae,) = found(lab, "vae")
    assert vae.defaults == {"beta": 1.0, "lr": 1e-3, "schedule": "constant", "average": 0.99}


def test_numbers_of_a_model_have_three_digits(lab: Lab) -> None:
    (one,) = found(lab, "shifted[width=2]")
    assert str(one.with_values({"shift": 0.123456, "lr": 0.00123456})) == "shifted[lr=0.00123,shift=0.123,width=2]"


def test_a_range_of_no_parameter_is_told(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Model, "tunable", {"gian": Linear(0, 1)})
    with pytest.raises(UserError, match=r"steady declares a range for 'gian', .* Did you mean 'gain'"):
        found(lab, "steady")
