"""Jobs: the trials of a plan in the form that executors receive. A job can be stored as JSON and means the same on
every machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from vaebench.components.registry import Registry, registry
from vaebench.planning.plan import Plan
from vaebench.records import store
from vaebench.training.build import code_of, versions_of
from vaebench.trial import Settings, Trial


@dataclass(frozen=True)
class Job:
    """A trial, with everything that determines its result. A job contains no path, device or time: folders and devices
    are passed separately, in a `Site`."""

    trial: Trial
    settings: Settings
    data: str
    """The digest of the prepared data."""
    components: Mapping[str, int]
    """The version of every part of the trial, named as in `versions_of`."""
    code: Mapping[str, str]
    """The digest of the code of each part, under the same names as in `components`."""
    home: str | None = None
    """The distribution in which the trial's names are looked up first."""
    replaces: str = ""
    """The SHA-256 of the record that the job may replace; empty if there was none. A record with a different digest
    comes from another run."""
    attempt: int = 1
    """The number of this attempt, counted from 1."""
    paired: tuple[str, ...] = ()
    """The metrics whose replicates the record keeps."""
    measure_only: bool = False
    """True if the stored record is valid but lacks metrics, which can be computed from the stored weights."""
    graphs: bool = False
    """True if a GPU replays training steps as CUDA graphs."""

    def to_json(self) -> dict[str, Any]:
        data = {field.name: getattr(self, field.name) for field in fields(self)}
        own = {"trial": self.trial.to_json(), "settings": self.settings.to_json()}
        return {
            **data,
            **own,
            "components": dict(self.components),
            "code": dict(self.code),
            "paired": list(self.paired),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Job:
        own = {"trial": Trial.from_json(data["trial"]), "settings": Settings.from_json(data["settings"])}
        return cls(**{**data, **own, "paired": tuple(data.get("paired", ()))})


class Versions:
    """The versions and code digests of the parts of trials, for trials with the same settings. Each combination of
    components is looked up once."""

    def __init__(self, settings: Settings, components: Registry) -> None:
        self.settings, self.components = settings, components
        self._versions: dict[tuple[str, ...], Mapping[str, int]] = {}
        self._code: dict[tuple[str, ...], Mapping[str, str]] = {}

    def of(self, trial: Trial) -> Mapping[str, int]:
        if (key := _names(trial)) not in self._versions:
            self._versions[key] = versions_of(trial, self.settings, self.components)
        return self._versions[key]

    def code_of(self, trial: Trial) -> Mapping[str, str]:
        if (key := _names(trial)) not in self._code:
            self._code[key] = code_of(trial, self.settings, self.components)
        return self._code[key]


def jobs_of(plan: Plan) -> Iterator[Job]:
    """Yield a job for every trial that remains to be done. The data must be prepared."""
    versions = Versions(plan.settings, registry().at(plan.suite.home))
    digests = {name: ready.digest for name, ready in plan.ready.items()}
    for trial in plan.todo:
        yield Job(
            trial,
            plan.settings,
            digests[str(trial.dataset)],
            versions.of(trial),
            versions.code_of(trial),
            home=plan.suite.home,
            replaces=plan.seen[trial.id] if trial.id in plan.seen else store.digest_of(plan.path_of(trial)),
            paired=plan.suite.verdicts.paired(plan.settings.metrics),
            measure_only=trial.id in plan.trained,
            graphs=plan.request.graphs,
        )


def _names(trial: Trial) -> tuple[str, ...]:
    return str(trial.model), trial.dataset.name, trial.loss.name if trial.loss else "", trial.regime
