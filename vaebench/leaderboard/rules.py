"""The rules of a board, which come from the suite, installed packages and the track; no record can change them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from vaebench.components.declared import Declared, Facts
from vaebench.components.parameters import split_spec
from vaebench.errors import UserError
from vaebench.leaderboard.runs import CODE_SIZE, VERDICTS, Entrant, Measure
from vaebench.planning.suite import Preset, Suite
from vaebench.planning.verdicts import RANKED
from vaebench.records.clean import clean
from vaebench.trial import REGIME_VERSIONS, canonical

Role = Literal["reference", "floor", "newcomer"]
"""A reference is a model that the suite names and ranks; a floor has no rank; a newcomer is any other model."""
Key = tuple[str, frozenset[tuple[str, str]], str, frozenset[tuple[str, str]]]


@dataclass(frozen=True)
class Rules:
    """The suite's seeds, headlines, references and floors, the installed versions, and the pinned digests."""

    suite: str
    """NAME@VERSION"""
    preset: str
    source: str
    tuned: str = ""
    """what the suite's parameters were tuned for, and on which data"""
    datasets: tuple[str, ...] = ()
    seeds: tuple[int, ...] = ()
    settings: str | None = None
    """settings of the preset without its metrics, as canonical JSON; None allows any settings"""
    headline: Mapping[str, str] = field(default_factory=dict)
    """verdict -> metric"""
    summary: tuple[str, ...] = ()
    margins: Mapping[str, float] = field(default_factory=dict)
    prices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """verdict -> metrics that boards show, together with the size of the code, as the price of the verdict's results"""
    references: tuple[Entrant, ...] = ()
    floors: tuple[Entrant, ...] = ()
    untrained: tuple[Entrant, ...] = ()
    """the floors that are untrained models"""
    floor_metrics: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    measures: Mapping[str, Measure] = field(default_factory=dict)
    """the metrics that are installed, by name"""
    on_test_split: Mapping[str, str] = field(default_factory=dict)
    """metric on images held out of the training split -> the same metric on the test split"""
    chance: Mapping[str, float] = field(default_factory=dict)
    """metric -> the value that a method without any information reaches"""
    described: Mapping[str, Facts] = field(default_factory=dict)
    """what the installed datasets declare, by name"""
    versions: Mapping[str, int] = field(default_factory=dict)
    """`model vae` -> the installed version"""
    data: Mapping[str, str] = field(default_factory=dict)
    """dataset -> the digest of its images that the track pins"""
    done: Mapping[tuple[str, str], tuple[int, ...]] = field(default_factory=dict)
    """dataset and regime -> the seeds that count so far, if not all seeds of the preset count yet"""

    @property
    def track(self) -> str:
        return f"{self.suite}/{self.preset}/{self.source}"

    def due(self, dataset: str, regime: str) -> tuple[int, ...]:
        """Return the seeds for which a model needs numbers to be ranked."""
        return self.done.get((dataset, regime), self.seeds)

    @cached_property
    def _roles(self) -> Mapping[Key, Role]:
        named: list[tuple[Role, tuple[Entrant, ...]]] = [("reference", self.references), ("floor", self.floors)]
        return {_key(entrant): role for role, entrants in named for entrant in entrants}

    @cached_property
    def _asked(self) -> dict[Entrant, Role]:
        """A cache of roles: a board looks up each entrant's role thousands of times."""
        return {}

    def role(self, entrant: Entrant) -> Role:
        if (found := self._asked.get(entrant)) is None:
            found = "floor" if entrant.floor else self._roles.get(_key(entrant), "newcomer")
            self._asked[entrant] = found
        return found

    def beside(self, verdict: str | None) -> tuple[str, ...]:
        """Return the metrics and costs shown next to a verdict's metrics as the price of the results."""
        named = self.prices.get(verdict or "", ())
        return (*named, CODE_SIZE) if named else ()

    def label(self, entrant: Entrant) -> str:
        """Return an entrant's model, followed by its loss if needed to distinguish it from the suite's models.

        The label does not depend on other rows of the board."""
        if entrant.floor or not entrant.loss:
            return entrant.floor or entrant.model
        losses = {one.loss for one in (*self.references, *self.floors) if one.model == entrant.model}
        alone = self.role(entrant) != "newcomer" and len(losses) == 1
        return entrant.model if alone else f"{entrant.model} + {entrant.loss}"

    def declares(self, dataset: str, what: str) -> str:
        """Return what a dataset declares, such as its `title`; empty if nothing is known."""
        return str(self.described.get(_split(dataset)[0], {}).get(what, ""))

    def names(self, datasets: Iterable[str]) -> dict[str, str]:
        """Return dataset -> the value of its parameter `name`, with which users name their own data.

        A name that is also that of another dataset, on the board or installed, is left out."""
        known = {*datasets, *self.datasets}
        given = {dataset: clean(_split(dataset)[1].get("name", "")) for dataset in known}
        times = Counter(given.values())
        others = known | {what.removeprefix("dataset ") for what in self.versions}
        return {dataset: name for dataset, name in given.items() if name and times[name] == 1 and name not in others}


def rules_of(suite: Suite, preset: str, source: str, declared: Declared, data: Mapping[str, str]) -> Rules:
    """Return the rules of a track; `data` contains the digests that the track pins."""
    asked, said = suite.presets[preset], suite.verdicts
    metrics = asked.settings.metrics
    told = declared.known("metrics", metrics)
    measures = {name: _measure(name, facts) for name, facts in told.items()}
    entrants = {text: _entrant(text, declared) for text in dict.fromkeys((*asked.models, *said.floor_models))}
    floors = tuple(entrants[text] for text in said.floor_models)
    return Rules(
        suite=str(suite),
        preset=preset,
        source=source,
        tuned=suite.tuned,
        datasets=asked.datasets,
        seeds=tuple(sorted(asked.seeds)),
        settings=canonical({key: value for key, value in asked.settings.to_json().items() if key != "metrics"}),
        headline=headline_of(suite, preset, declared),
        summary=said.summary,
        margins=said.margins,
        prices=said.prices,
        references=tuple(own for text, own in entrants.items() if text not in said.floor_models),
        floors=floors,
        untrained=tuple(entrants[text] for text in said.untrained),
        floor_metrics=said.floor_metrics,
        measures=measures,
        on_test_split={name: facts["on_test_split"] for name, facts in told.items() if facts.get("on_test_split")},
        chance={name: facts["chance"] for name, facts in told.items() if facts.get("chance") is not None},
        described=declared.known("datasets", [split_spec(text)[0] for text in asked.datasets]),
        versions=declared.versions(_components(asked, entrants.values())) | _regimes(),
        data=data,
    )


def headline_of(suite: Suite, preset: str, declared: Declared) -> Mapping[str, str]:
    """Return a mapping from verdict to headline metric.

    If the suite names no headlines, the headline of each verdict is its first metric in the preset."""
    if suite.verdicts.headline:
        return suite.verdicts.headline
    metrics, found = suite.presets[preset].settings.metrics, dict[str, str]()
    facts = declared.known("metrics", metrics)
    for name in metrics:
        if name in facts and facts[name]["verdict"] in RANKED:
            found.setdefault(facts[name]["verdict"], name)
    return {verdict: found[verdict] for verdict in VERDICTS if verdict in found}


def _measure(name: str, facts: Facts) -> Measure:
    shown = {key: value for key, value in facts.items() if key in Measure._fields}
    return Measure(**{"name": name, "unit": "", "title": name, **shown})


def _entrant(text: str, declared: Declared) -> Entrant:
    """Return the row that a suite denotes by `NAME[param=value,...]`."""
    name, given = split_spec(text)
    loss = given.pop("loss", "") or declared.get("models", name).get("default_loss", "")
    inside = ",".join(f'{key}="{value}"' if "," in value else f"{key}={value}" for key, value in sorted(given.items()))
    return Entrant(f"{name}[{inside}]" if inside else name, loss)


def _components(preset: Preset, entrants: Iterable[Entrant]) -> list[tuple[str, str]]:
    """Return the kind and name of each component of the preset's trials."""
    found = [("datasets", split_spec(text)[0]) for text in preset.datasets]
    for entrant in entrants:
        found.append(("models", entrant.name))
        if entrant.loss:
            found.append(("losses", split_spec(entrant.loss)[0]))
    return found


def _regimes() -> dict[str, int]:
    return {f"regime {name}": REGIME_VERSIONS.get(name, 1) for name in ("all", "healthy")}


def _key(entrant: Entrant) -> Key:
    """Return a key that is equal for equivalent texts: a suite may write `lr=5e-3`, and a record `lr=0.005`."""
    return (*_parts(entrant.model), *_parts(entrant.loss))


def _parts(text: str) -> tuple[str, frozenset[tuple[str, str]]]:
    name, given = _split(text)
    return name, frozenset((key, _plain(value)) for key, value in given.items())


def _split(text: str) -> tuple[str, dict[str, str]]:
    try:
        return split_spec(text) if text else ("", {})
    except UserError:  # a model in an untrusted record may have any name
        return text, {}


def _plain(value: str) -> str:
    try:
        return repr(float(value))
    except ValueError:
        return value.lower() if value.lower() in ("true", "false") else value
