"""Build the model of a trial, and list its parameters in force and the versions of its parts."""

from __future__ import annotations

import math
from typing import Any

from vaebench.components.parameters import parameters_of
from vaebench.components.registry import Registry
from vaebench.data.prepare import code_digest
from vaebench.data.regimes import keep_out
from vaebench.interfaces import Model, Network, Shape
from vaebench.training.devices import lay_out
from vaebench.trial import REGIME_VERSIONS, Settings, Trial, Value


def build(trial: Trial, settings: Settings, shape: Shape, components: Registry, device: str = "cpu") -> Model:
    """Return the trial's untrained model. The user's parameters override the preset's, which override the model's
    defaults. The weights are laid out for `device`; the caller moves them there."""
    loss = components.create("losses", trial.loss) if trial.loss else None
    given = parameters_in_force(trial, settings, components)
    preset = {key: value for key, value in given.items() if key in settings.model}
    model: Model = components.create("models", trial.model, shape, loss, **preset)
    return lay_out(model, device)


def parameters_in_force(trial: Trial, settings: Settings, components: Registry) -> dict[str, Value]:
    """Return every parameter of the model with its value: the user's, else the preset's, else the default."""
    known = parameters_of(components.get("models", trial.model.name).component)
    values = {name: trial.model.params.get(name, settings.model.get(name, known[name].default)) for name in known}
    return {name: value if _is_json(value) else _named(value) for name, value in values.items()}


def versions_of(trial: Trial, settings: Settings, components: Registry) -> dict[str, int]:
    """Return the versions of all components, and of the regime, that the record's numbers depend on."""
    regime = {_regime(trial): REGIME_VERSIONS[trial.regime]} if trial.regime in REGIME_VERSIONS else {}
    return dict(components.version(*part) for part in _parts(trial, settings, components)) | regime


def code_of(trial: Trial, settings: Settings, components: Registry) -> dict[str, str]:
    """Return the code digest of each component and of the regime, under the same names as in `versions_of`."""
    regime = {_regime(trial): code_digest(keep_out)} if trial.regime in REGIME_VERSIONS else {}
    found = {}
    for kind, name in _parts(trial, settings, components):
        found[components.version(kind, name)[0]] = code_digest(components.get(kind, name).component)
    return found | regime


def _parts(trial: Trial, settings: Settings, components: Registry) -> list[tuple[str, str]]:
    """Return the kind and name of every component that the record's numbers depend on."""
    specs = [("models", trial.model), ("datasets", trial.dataset), ("losses", trial.loss)]
    found = [(kind, spec.name) for kind, spec in specs if spec]
    found += [("networks", name) for name in _networks(trial, settings, components)]
    return found + [("metrics", name) for name in settings.metrics]


def _networks(trial: Trial, settings: Settings, components: Registry) -> list[str]:
    """Return the networks that the trial or its preset names. A model's default network is part of the model and
    covered by the model's version."""
    given = {**settings.model, **trial.model.params}
    model = components.get("models", trial.model.name).component
    return [components.canonical("networks", one) for one in components.networks(model, given).values()]


def _regime(trial: Trial) -> str:
    return f"regime {trial.regime}"


def origin_of(trial: Trial, components: Registry) -> str:
    """Return the origin of the trial's images, which datasets with the same patients share."""
    return components.get("datasets", trial.dataset.name).component.origin or trial.dataset.name


def optimised(trial: Trial, components: Registry) -> set[str]:
    """Return the metrics that the trial's model or loss is declared to optimise."""
    named = [("models", trial.model), ("losses", trial.loss)]
    parts = [components.get(kind, spec.name).component for kind, spec in named if spec]
    return {name for part in parts for name in part.optimises}


def _named(value: Any) -> str:
    return str(value.name) if isinstance(value, type) and issubclass(value, Network) else str(value)


def _is_json(value: Any) -> bool:
    """Return True if JSON can represent the value; a default may be anything, such as a class, a path or infinity."""
    return value is None or isinstance(value, bool | int | str) or (isinstance(value, float) and math.isfinite(value))
