"""Methods in a search: their searched parameters, with ranges and default values."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import torch

from vaebench.components.parameters import convert, parameters_of, tunable_of
from vaebench.components.registry import Registry, registry
from vaebench.errors import UserError, did_you_mean
from vaebench.planning.plan import Plan
from vaebench.training.build import build, parameters_in_force, versions_of
from vaebench.trial import Settings, Spec, Trial, Value
from vaebench.tunable import Range


@dataclass(frozen=True)
class Contender:
    """A model with its loss, as specified by the suite or the user."""

    model: Spec
    loss: Spec | None
    ranges: Mapping[str, Range]
    """the ranges of the searched parameters"""
    kinds: Mapping[str, Any]
    """the types of the searched parameters"""
    defaults: Mapping[str, Value]
    """the default values of the searched parameters, except for defaults outside their range"""
    versions: Mapping[str, int]
    """the versions of all components of a trial; results of other versions are not part of the search"""

    def __str__(self) -> str:
        return f"{self.model} + {self.loss}" if self.loss else str(self.model)

    def with_values(self, values: Mapping[str, Value]) -> Spec:
        """Return the model with the given parameters, rounded to three significant digits."""
        return Spec(self.model.name, {**self.model.params, **{key: self._plain(key, v) for key, v in values.items()}})

    def _plain(self, name: str, value: Value) -> Value:
        if isinstance(value, float):
            rounded = float(f"{value:.3g}")
            value = rounded if self.ranges[name].holds(rounded) else value
        found: Value = convert(value, self.kinds[name])
        return found


def contenders(plan: Plan, free_rate: bool) -> list[Contender]:
    """Return the plan's models that have parameters to search.

    Parameters that the suite or the user sets are not searched, nor, unless `free_rate`, are those that change the size
    of the code."""
    components = registry().at(plan.suite.home)
    first: dict[str, Trial] = {}
    for trial in plan.trials:
        first.setdefault(f"{trial.model} + {trial.loss}", trial)
    found = []
    for trial in first.values():
        component = components.get("models", trial.model.name).component
        known = parameters_of(component)
        ranges = {
            name: searched
            for name, searched in tunable_of(component).items()
            if name not in trial.model.params and (free_rate or not searched.rate)
        }
        for name in ranges:
            if name not in known:
                near = did_you_mean(name, known)
                raise UserError(f"{trial.model.name} declares a range for {name!r}, which is not a parameter.{near}")
        if ranges:
            values = _values(trial, plan, components)
            defaults = {name: values[name] for name, searched in ranges.items() if searched.holds(values[name])}
            kinds = {name: known[name].kind for name in ranges}
            versions = versions_of(trial, plan.settings, components)
            found.append(Contender(trial.model, trial.loss, ranges, kinds, defaults, versions))
    return found


def _values(trial: Trial, plan: Plan, components: Registry) -> dict[str, Value]:
    """Return the parameters in force; if the model sets its own learning rates, include its first group's rate."""
    values = parameters_in_force(trial, plan.settings, components)
    if values.get("lr", 0) is None:
        one = next(one for one in plan.datasets if one.spec == trial.dataset)
        with suppress(Exception):  # the search also works without the rate
            values["lr"] = _first_rate(trial, plan.settings, one.dataset.channels, components)
    return values


def _first_rate(trial: Trial, settings: Settings, channels: int, components: Registry) -> float:
    with torch.device("meta"):
        model = build(trial, settings, (channels, settings.size, settings.size), components)
        return float(next(iter(model.groups().values())).options["lr"])
