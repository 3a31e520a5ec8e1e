"""From a trial to its model: built, with the parameters in force, and the versions of everything it is made of."""

from __future__ import annotations

import math
from typing import Any

import torch

from vaebench.components.parameters import parameters_of
from vaebench.components.registry import registry
from vaebench.data.regimes import VERSIONS
from vaebench.interfaces import Model, Shape
from vaebench.trial import Settings, Spec, Trial, Value


def build(trial: Trial, settings: Settings, shape: Shape, home: str | None = None) -> Model:
    """The trial's model, fresh: user's parameters over the preset's, its own defaults below both."""
    loss = registry().create("losses", trial.loss, home=home) if trial.loss else None
    preset = {key: value for key, value in parameters_in_force(trial, settings, home).items() if key in settings.model}
    model: Model = registry().create("models", trial.model, shape, loss, home=home, **preset)
    # docs/speed.md has what this layout is worth, `engine.CHOICES` tells it in each record.
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def parameters_in_force(trial: Trial, settings: Settings, home: str | None) -> dict[str, Value]:
    """Every parameter of the model with the value it has: given, else the preset's, else its default."""
    known = parameters_of(registry().get("models", trial.model.name, home).component)
    values = {name: trial.model.params.get(name, settings.model.get(name, known[name].default)) for name in known}
    return {name: value if _is_json(value) else str(value) for name, value in values.items()}


def versions_of(trial: Trial, settings: Settings, home: str | None) -> dict[str, int]:
    """The version of every component, and of the regime, whose change would change the record's numbers."""
    named = [("models", trial.model), ("datasets", trial.dataset), ("losses", trial.loss)]
    named += [("metrics", Spec(name)) for name in settings.metrics]
    regime = {f"regime {trial.regime}": VERSIONS[trial.regime]} if trial.regime in VERSIONS else {}
    return dict(registry().version(kind, spec.name, home) for kind, spec in named if spec) | regime


def origin_of(trial: Trial, home: str | None) -> str:
    """The source of its images: datasets that share patients have one."""
    return registry().get("datasets", trial.dataset.name, home).component.origin or trial.dataset.name


def optimised(trial: Trial, home: str | None) -> set[str]:
    """The metrics that the trial's model or loss says it is trained on."""
    named = [("models", trial.model), ("losses", trial.loss)]
    parts = [registry().get(kind, spec.name, home).component for kind, spec in named if spec]
    return {name for part in parts for name in part.optimises}


def _is_json(value: Any) -> bool:
    """A default may be anything: a class, a path, infinity."""
    return value is None or isinstance(value, bool | int | str) or (isinstance(value, float) and math.isfinite(value))
