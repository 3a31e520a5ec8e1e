"""The plan of a sweep: its trials, with every name resolved and every parameter checked before any training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from vaebench.components.registry import registry
from vaebench.data.prepare import PHANTOM_SEED, Prepared
from vaebench.errors import UserError
from vaebench.planning.names import (
    Chosen,
    Entrant,
    check_preset,
    chosen_dataset,
    chosen_executor,
    chosen_source,
    entrant,
    try_out,
)
from vaebench.planning.suite import Suite
from vaebench.records import provenance, store
from vaebench.records.record import Record
from vaebench.trial import Settings, Trial


@dataclass(frozen=True)
class Request:
    """A user's request: the parts of a suite to run, and the folders and devices of this machine to use."""

    results: Path
    data: Path
    devices: tuple[str, ...] = ("cpu",)
    """The devices, all of one kind."""
    device_class: str = ""
    """The class of an executor's devices on other machines; empty for the class of this machine's devices."""
    preset: str = "auto"
    source: str = "auto"
    models: Sequence[str] = ()
    """Models to use instead of the suite's; `datasets` and `seeds` work in the same way."""
    datasets: Sequence[str] = ()
    seeds: Sequence[int] | None = None
    cache: Path | None = None
    """The folder of prepared data to use instead of this machine's usual folder."""
    executor: str = "local"
    """The executor that runs the trials, as `NAME[param=value,...]`."""
    graphs: bool = True
    """True if GPUs replay training steps as CUDA graphs, for models that allow it."""
    population: int = PHANTOM_SEED
    """The seed of the population that phantoms are drawn from."""


@dataclass(frozen=True)
class Plan:
    """The plan of a sweep. Each step of planning (preparing data, finding finished trials) returns a new plan."""

    suite: Suite
    preset: str
    source: str
    request: Request
    settings: Settings
    datasets: tuple[Chosen, ...]
    trials: tuple[Trial, ...]
    left_out: Mapping[str, str] = field(default_factory=dict)
    """dataset -> why it is left out, and how to get it"""
    ready: Mapping[str, Prepared] = field(default_factory=dict)
    """dataset -> its prepared data, once they exist"""
    seen: Mapping[str, str] = field(default_factory=dict)
    """trial id -> the digest of its record, or an empty string if it has none; known only after a search for records"""
    done: Mapping[str, Record] = field(default_factory=dict)
    """trial id -> its valid record"""
    trained: Mapping[str, Record] = field(default_factory=dict)
    """trial id -> its record, valid except for missing or outdated metrics; it is measured again but not trained"""

    @property
    def todo(self) -> list[Trial]:
        return [trial for trial in self.trials if trial.id not in self.done]

    @property
    def folder(self) -> Path:
        """The track's folder."""
        return self.request.results / str(self.suite) / self.preset / self.source

    @property
    def device(self) -> str:
        """The first of the requested devices; the others are of the same kind."""
        return self.request.devices[0]

    @property
    def device_class(self) -> str:
        return self.request.device_class or provenance.device_class(self.device)

    def path_of(self, trial: Trial) -> Path:
        """Return the path of the trial's record, even if it does not exist yet."""
        return store.path_of(self.request.results, trial, self.device_class)


def make_plan(suite: Suite, request: Request) -> Plan:
    """Return the plan of a request, with every name resolved and every parameter checked, before any training."""
    everybody, own = registry(), registry().at(suite.home)
    chosen_executor(request.executor, request.device_class)
    preset = suite.preset(request.preset, request.devices[0])
    asked = suite.presets[preset]
    settings = asked.settings
    # Names that the user typed are looked up in all plugins; the suite's names are looked up in its own distribution
    # first.
    datasets, models = (everybody if typed else own for typed in (request.datasets, request.models))
    chosen = [chosen_dataset(text, datasets, own) for text in request.datasets or asked.datasets]
    source, kept, left_out = chosen_source(request.source, chosen, request.data)
    entrants = [entrant(text, models, own) for text in request.models or asked.models]
    for name in settings.metrics:
        own.get("metrics", name)
    check_preset(suite, preset, own)
    try_out(entrants, kept, settings, own)
    # Seeds outermost, then regimes: the board fills evenly, and every model soon has a first result on every dataset.
    trials = tuple(
        Trial(str(suite), preset, source, one.spec, model, loss, regime, seed)
        for seed in (asked.seeds if request.seeds is None else request.seeds)
        for regime in asked.regimes
        for model, loss in entrants
        for one in kept
    )
    _refuse_twins(trials)
    return Plan(suite, preset, source, request, settings, tuple(kept), trials, left_out)


def repeat_plan(record: Record, suite: Suite, request: Request) -> Plan:
    """Return the plan that repeats one record's trial, with the settings of that record. From the request, only
    folders, devices and a dataset are used; the dataset may add the parameters that locate its files on this
    machine."""
    trial, settings, own = record.trial, record.settings, registry().at(suite.home)
    chosen_executor(request.executor, request.device_class)
    suite = replace(suite, version=int(trial.suite.rpartition("@")[2]))
    one = chosen_dataset(next(iter(request.datasets), str(trial.dataset)), own, own)
    if one.spec != trial.dataset:
        raise UserError(f"The record's dataset is {trial.dataset}, not {one.spec}.")
    own.spec("models", str(trial.model))
    if trial.loss:
        own.spec("losses", str(trial.loss))
    for name in settings.metrics:
        own.get("metrics", name)
    try_out([Entrant(trial.model, trial.loss)], [one], settings, own)
    return Plan(suite, trial.preset, trial.source, request, settings, (one,), (trial,))


def _refuse_twins(trials: Sequence[Trial]) -> None:
    known = set[str]()
    for trial in trials:
        if trial.id in known:
            raise UserError(f"This trial is requested twice: {trial}.")
        known.add(trial.id)
