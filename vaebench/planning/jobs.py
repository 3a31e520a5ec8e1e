"""Jobs: what a plan hands to those who do its trials. A job is JSON and means the same on every machine."""

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
    """A trial plus how to do it. No path, no device, no clock: where it is done is said beside it."""

    trial: Trial
    settings: Settings
    data: str
    """The digest of the ready data."""
    components: Mapping[str, int]
    """The version of everything that the trial is made of, as `versions_of` names it."""
    code: Mapping[str, str]
    """The digest of the code of each of them, by the same names."""
    home: str | None = None
    """The distribution whose components the trial's names mean first."""
    replaces: str = ""
    """The SHA-256 of the record it may replace; empty if there was none. Any other record is somebody else's answer."""
    attempt: int = 1
    """Which try at the trial this is."""
    paired: tuple[str, ...] = ()
    """The metrics whose replicates the record keeps."""
    measure_only: bool = False
    """Whether the stored record is good but for metrics, which the stored weights can answer."""
    graphs: bool = False
    """Whether a GPU replays training steps as CUDA graphs."""

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
    """Versions and code of what trials with the same settings are made of. Trials of the same components share one
    answer, which is looked up once."""

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
    """A job for every trial that is to do. The data must be ready."""
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
