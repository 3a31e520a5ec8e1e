"""Look up names from suites and the command line: datasets, models with their losses, and the source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from vaebench.components.parameters import convert, parameters_of, split_spec
from vaebench.components.registry import Registry, registry
from vaebench.errors import UserError, did_you_mean
from vaebench.interfaces import Dataset, Executor, Shape
from vaebench.planning.suite import Suite
from vaebench.trial import Settings, Spec, Trial, Value


@dataclass(frozen=True)
class Chosen:
    """A dataset of a plan."""

    dataset: Dataset
    spec: Spec
    """The spec that trials contain, without parameters that depend on this machine."""
    given: Mapping[str, Value] = field(default_factory=dict)
    """All parameters of the dataset, including those that depend on this machine."""


class Entrant(NamedTuple):
    """A model with the loss that it is trained on."""

    model: Spec
    loss: Spec | None


def chosen_dataset(text: str, names: Registry, suite: Registry) -> Chosen:
    """Return the dataset that a text names. The text is looked up in the registry `names`; the dataset's name in trials
    is its name in the registry `suite`, in which the suite's own distribution takes precedence."""
    offer, spec = names.spec("datasets", text)
    public = {key: value for key, value in spec.params.items() if key not in offer.component.local}
    try:
        dataset = offer.component(**spec.params)
    except (TypeError, ValueError) as error:
        raise UserError(f"{text}: {error}") from error
    return Chosen(dataset, Spec(suite.canonical("datasets", offer), public), spec.params)


def chosen_executor(text: str, device_class: str = "") -> Executor:
    """Return the executor that a text names, ready to run; raise a UserError if something is missing on this machine. A
    class of device can be requested only from an executor that uses other machines."""
    offer, spec = registry().spec("executors", text)
    if missing := offer.component.missing():
        raise UserError(f"The executor {spec.name} cannot be used: {missing}.")
    try:
        made: Executor = offer.component(**spec.params)
    except (TypeError, ValueError) as error:
        raise UserError(f"{text}: {error}") from error
    if device_class and not made.remote:
        raise UserError(
            f"--device-class {device_class}: the executor {spec.name} can use only the devices of this machine."
        )
    return made


def entrant(text: str, names: Registry, suite: Registry) -> Entrant:
    """Return the model that a text names, with its loss."""
    name, given = split_spec(text)
    asked = given.pop("loss", None)
    inside = ",".join(f'{key}="{value}"' for key, value in given.items())
    offer, spec = names.spec("models", f"{name}[{inside}]" if inside else name)
    default = offer.component.default_loss
    if default is None and asked:
        raise UserError(f"{name} takes no reconstruction loss, so {asked!r} cannot be used.")
    loss = suite.spec("losses", asked or default)[1] if default else None
    return Entrant(Spec(suite.canonical("models", offer), spec.params), loss)


def chosen_source(asked: str, chosen: Sequence[Chosen], data: Path) -> tuple[str, list[Chosen], dict[str, str]]:
    """Return the source, with `auto` resolved; the datasets with images from this source; and the reason for each
    dataset that is left out."""
    if asked == "phantom":
        return asked, list(chosen), {}
    present = [one for one in chosen if one.dataset.present(data)]
    absent = {str(one.spec): one.dataset.obtain() for one in chosen if one not in present}
    if asked == "auto" and not present:
        return "phantom", list(chosen), {}
    if not present:
        ways = "\n".join(f"  {name}: {way}" for name, way in absent.items())
        raise UserError(f"There is no real data for these datasets in {data}.\n{ways}")
    return "real", present, absent


def check_preset(suite: Suite, preset: str, components: Registry) -> None:
    """Check that each parameter that a preset sets exists in at least one model; otherwise, a misspelt `width` would go
    unnoticed."""
    settings = suite.presets[preset].settings
    models = [offer.component for offers in components.offers("models").values() for offer in offers]
    stages = {stage for model in models for stage in model.stages}
    known = {name: one for model in models for name, one in parameters_of(model).items()}
    for key, names, given in (("stage_steps", stages, settings.stage_steps), ("model", known, settings.model)):
        for name in given:
            if name not in names:
                raise UserError(f"Suite {suite}, preset {preset}: {key}.{name} is unknown.{did_you_mean(name, names)}")
    for name, value in settings.model.items():
        try:
            convert(value, known[name].kind)
        except ValueError as error:
            raise UserError(
                f"Suite {suite}, preset {preset}: model.{name} cannot be {value!r} ({known[name]})."
            ) from error


def try_out(entrants: Sequence[Entrant], chosen: Sequence[Chosen], settings: Settings, components: Registry) -> None:
    """Build every model without allocating memory, so that a bad value raises an error now and not after an hour. A
    model depends on a dataset only through the shape of its images, so each shape is tried once."""
    first: dict[int, Chosen] = {}
    for one in chosen:
        first.setdefault(one.dataset.channels, one)
    for model, loss in entrants:
        for channels, one in first.items():
            trial = Trial("", "", "", one.spec, model, loss, "all", 0)
            _try_out(trial, settings, (channels, settings.size, settings.size), components)


def _try_out(trial: Trial, settings: Settings, shape: Shape, components: Registry) -> None:
    import torch

    from vaebench.training.build import build

    for device in ("meta", "cpu"):  # an error on `meta` alone (`.item()` raises one) is not the user's fault
        try:
            with torch.device(device):
                build(trial, settings, shape, components)
            return
        except Exception as error:
            if device == "cpu" or isinstance(error, TypeError | ValueError):
                raise UserError(f"{trial.model} for {trial.dataset.name} images of {shape}: {error}") from error
