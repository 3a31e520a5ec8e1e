"""A plan: which trials a suite asks for, every name resolved and every parameter checked before anything trains."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from vaebench.components.parameters import convert, parameters_of, split_spec
from vaebench.components.registry import Offer, Registry
from vaebench.data.prepare import Prepared
from vaebench.errors import UserError, did_you_mean
from vaebench.interfaces import Dataset
from vaebench.planning.suite import Suite
from vaebench.records import provenance, store
from vaebench.records.record import Record
from vaebench.trial import Settings, Spec, Trial


@dataclass(frozen=True)
class Chosen:
    """A dataset of this sweep."""

    dataset: Dataset
    spec: Spec
    """as it stands in trials: without parameters that are local to this machine"""


@dataclass
class Plan:
    """What a sweep will do."""

    suite: Suite
    preset: str
    source: str
    device: str
    results: Path
    data: Path
    settings: Settings
    datasets: list[Chosen]
    trials: list[Trial]
    left_out: dict[str, str] = field(default_factory=dict)
    """dataset -> why it is left out and how to get it"""
    ready: dict[str, Prepared] = field(default_factory=dict)
    """dataset -> where it lies ready, once it does"""
    done: dict[str, Record] = field(default_factory=dict)
    """trial id -> its good record"""
    trained: dict[str, Record] = field(default_factory=dict)
    """trial id -> its record, good but for metrics that are missing or outdated: measured again, not trained"""

    others: tuple[str, ...] = ()
    """more devices of the same kind"""
    before: dict[str, int] = field(default_factory=dict)
    """trial id -> when the record that was looked at was written (`records.written`)"""

    @property
    def todo(self) -> list[Trial]:
        return [trial for trial in self.trials if trial.id not in self.done]

    @property
    def folder(self) -> Path:
        """The track's folder."""
        return self.results / str(self.suite) / self.preset / self.source

    @property
    def device_class(self) -> str:
        return provenance.device_class(self.device)

    def path_of(self, trial: Trial) -> Path:
        return store.path_of(self.results, trial, self.device_class)


def make_plan(
    suite: Suite,
    registry: Registry,
    *,
    preset: str,
    source: str,
    device: str,
    results: Path,
    data: Path,
    models: Sequence[str] = (),
    datasets: Sequence[str] = (),
    seeds: Sequence[int] | None = None,
) -> Plan:
    """Every name resolved and every parameter checked, nothing trained yet."""
    preset = suite.preset(preset, device)
    asked = suite.presets[preset]
    settings = asked.settings
    chosen = [_dataset(text, registry, suite, typed=bool(datasets)) for text in datasets or asked.datasets]
    source, kept, left_out = _choose_source(source, chosen, data)
    entrants = [_entrant(text, registry, suite, typed=bool(models)) for text in models or asked.models]
    for name in settings.metrics:
        registry.get("metrics", name, suite.home)
    _check_preset(suite, preset, registry)
    for (offer, spec, loss), one in itertools.product(entrants, kept):
        _try_out(offer, spec, loss, one, settings, registry, suite.home)
    # Seeds outermost, then regimes: the board fills evenly, and a first result for everything comes early.
    trials = [
        Trial(str(suite), preset, source, one.spec, spec, loss, regime, seed)
        for seed in (asked.seeds if seeds is None else seeds)
        for regime in asked.regimes
        for _, spec, loss in entrants
        for one in kept
    ]
    if doubled := [str(t) for i, t in enumerate(trials) if t in trials[:i]]:
        raise UserError(f"This trial is asked for twice: {doubled[0]}.")
    return Plan(suite, preset, source, device, results, data, settings, kept, trials, left_out)


def repeat_plan(
    record: Record, suite: Suite, device: str, results: Path, data: Path, registry: Registry, dataset: str | None = None
) -> Plan:
    """The plan that does one record's trial again, with the settings of that record; `dataset` may add the parameters
    that say where its files are on this machine."""
    trial = Trial.from_json(record["trial"])
    suite = replace(suite, version=int(trial.suite.rpartition("@")[2]))
    one = _dataset(dataset or str(trial.dataset), registry, suite, typed=False)
    if one.spec != trial.dataset:
        raise UserError(f"The record is of {trial.dataset}, not of {one.spec}.")
    try:
        settings = Settings.from_json(record["settings"])
    except (TypeError, KeyError) as error:
        raise UserError(f"The record's settings are not this vaebench's ({error}).") from error
    offer, _ = registry.spec("models", str(trial.model), suite.home)
    if trial.loss:
        registry.spec("losses", str(trial.loss), suite.home)
    for name in settings.metrics:
        registry.get("metrics", name, suite.home)
    _try_out(offer, trial.model, trial.loss, one, settings, registry, suite.home)
    return Plan(suite, trial.preset, trial.source, device, results, data, settings, [one], [trial])


def _dataset(text: str, registry: Registry, suite: Suite, typed: bool) -> Chosen:
    offer, spec = registry.spec("datasets", text, None if typed else suite.home)
    name = registry.canonical("datasets", offer, suite.home)
    public = {key: value for key, value in spec.params.items() if key not in offer.component.local}
    try:
        dataset = offer.component(**spec.params)
    except (TypeError, ValueError) as error:
        raise UserError(f"{text}: {error}") from error
    return Chosen(dataset, Spec(name, public))


def _entrant(text: str, registry: Registry, suite: Suite, typed: bool) -> tuple[Offer, Spec, Spec | None]:
    home = None if typed else suite.home
    name, given = split_spec(text)
    asked = given.pop("loss", None)
    inside = ",".join(f'{key}="{value}"' for key, value in given.items())
    offer, spec = registry.spec("models", f"{name}[{inside}]" if inside else name, home)
    spec = Spec(registry.canonical("models", offer, suite.home), spec.params)
    default = offer.component.default_loss
    if default is None and asked:
        raise UserError(f"{name} takes no reconstruction loss, so {asked!r} means nothing to it.")
    loss = registry.spec("losses", asked or default, suite.home)[1] if default else None
    return offer, spec, loss


def _check_preset(suite: Suite, preset: str, registry: Registry) -> None:
    """What a preset sets for models must mean something to one of them, or a misspelt `width` would go unnoticed."""
    settings = suite.presets[preset].settings
    models = [offer.component for offers in registry.offers("models").values() for offer in offers]
    stages = {stage for model in models for stage in model.stages}
    known = {name: one for model in models for name, one in parameters_of(model).items()}
    for key, names, given in (("stage_steps", stages, settings.stage_steps), ("model", known, settings.model)):
        for name in given:
            if name not in names:
                raise UserError(
                    f"Suite {suite}, preset {preset}: {key}.{name} means nothing.{did_you_mean(name, names)}"
                )
    for name, value in settings.model.items():
        try:
            convert(value, known[name].kind)
        except ValueError as error:
            raise UserError(f"Suite {suite}, preset {preset}: model.{known[name]}, not {value!r}.") from error


def _try_out(
    offer: Offer, spec: Spec, loss: Spec | None, one: Chosen, settings: Settings, registry: Registry, home: str | None
) -> None:
    """Build the model without memory, so that a bad value is an error now and not after an hour."""
    import torch

    from vaebench.training.build import build

    shape = (one.dataset.channels, settings.size, settings.size)
    trial = Trial("", "", "", one.spec, spec, loss, "all", 0)
    for device in ("meta", "cpu"):  # what only fails without memory (say, `.item()`) is no fault of the user's
        try:
            with torch.device(device):
                build(trial, settings, shape, home)
            return
        except Exception as error:
            if device == "cpu" or isinstance(error, TypeError | ValueError):
                raise UserError(f"{spec} for {one.spec.name} images of {shape}: {error}") from error


def _choose_source(asked: str, chosen: list[Chosen], data: Path) -> tuple[str, list[Chosen], dict[str, str]]:
    if asked == "phantom":
        return asked, chosen, {}
    present = [one for one in chosen if one.dataset.present(data)]
    absent = {one.spec.name: one.dataset.obtain() for one in chosen if one not in present}
    if asked == "auto" and not present:
        return "phantom", chosen, {}
    if not present:
        ways = "\n".join(f"  {name}: {way}" for name, way in absent.items())
        raise UserError(f"No real data of these datasets is in {data}.\n{ways}")
    return "real", present, absent
