"""Reads the part of each record that a board needs, as small immutable objects."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeVar

import numpy as np

from vaebench.records.record import Cell, Cost, Device, Record
from vaebench.trial import Direction, Regime, Settings, Verdict, canonical

T = TypeVar("T")
VERDICTS = ("reconstruction", "representation", "anomaly", "generation", "other", "cost")
COSTS: dict[
    str, tuple[str, Direction, str, float, bool]
] = {  # name in a record: title, better, unit, scale, whether it depends on the machine
    "train_seconds": ("Training time", "lower", "s", 1, True),
    "images_per_second": ("Training speed", "higher", "images/s", 1, True),
    "peak_memory_bytes": ("Peak memory", "lower", "MiB", 2**-20, True),
    "parameters": ("Parameters", "lower", "", 1, False),
    "reconstruction_flops": ("FLOPs per reconstruction", "lower", "MFLOP", 1e-6, False),
    "code_size": ("Code size", "lower", "", 1, False),
}
LEAD_COST, CODE_SIZE = "train_seconds", "code_size"


class Entrant(NamedTuple):
    """A row of the board: a model with its parameters, and its reconstruction loss ("" for a model that takes none)."""

    model: str
    loss: str
    floor: str = ""
    """for a floor that is not a model: the title of the metric, or `best shortcut`"""

    @property
    def name(self) -> str:
        """The model without its parameters."""
        return self.model.partition("[")[0]


class Measure(NamedTuple):
    """The declaration of a metric."""

    name: str
    version: int
    better: Direction
    unit: str
    regime: Regime
    verdict: Verdict
    title: str
    least_images: int = 0
    """numbers from fewer images are flagged"""

    def same(self, other: Measure) -> bool:
        return self[:5] == other[:5]


class Number(NamedTuple):
    """A metric's value in one record, or the reason why it is missing."""

    measure: Measure
    value: float | None
    reason: str = ""
    variant: str = ""
    error: float | None = None
    n: int | None = None
    replicates: np.ndarray | None = None
    """float32, which is enough for the six digits of a record"""
    optimised: bool = False
    """the model or its loss optimises this metric in training"""
    patients: int | None = None
    classes: int = 1
    widening: float = 1.0
    freedom: float = 200.0
    warning: str = ""
    """why the value should be read with caution"""
    follows: tuple[tuple[str, float], ...] = ()
    """rank correlations, over images, between the score behind the value and trivial traits"""
    beside: tuple[tuple[str, float], ...] = ()
    """other numbers of the same model"""


@dataclass(frozen=True, slots=True)
class Run:
    """The part of one record that a board needs."""

    id: str
    entrant: Entrant
    dataset: str
    regime: str
    seed: int
    status: str
    kind: str
    message: str
    digest: str
    settings: str
    versions: tuple[tuple[str, int], ...]
    device: str
    started: str
    numbers: tuple[Number, ...]
    costs: tuple[Number, ...]
    """costs that depend on the machine"""
    shortcuts: tuple[tuple[str, float], ...] = ()
    """the name of each trivial property of the test images, and its AUROC as an anomaly score"""
    both: bool = False
    """measured on several device classes"""


class Hidden(NamedTuple):
    """Records or numbers that are not comparable, with the reason."""

    dataset: str
    what: Literal["records", "numbers"]
    reason: str
    remedy: str = ""
    """the command that makes the records or numbers comparable: run, score or repin"""


class OtherSeeds(NamedTuple):
    """An entrant with runs for seeds that the preset does not name."""

    entrant: Entrant
    dataset: str
    regime: str


def read(records: Iterable[Record], track: str) -> list[Run]:
    """Return the runs of one track, in an order that does not depend on the order of the records."""
    reader = Reader()
    return sorted((reader.run(record) for record in records if record.trial.track == track), key=place_in_line)


def entrant_of(record: Record) -> Entrant:
    return Entrant(str(record.trial.model), str(record.trial.loss or ""))


def place_in_line(run: Run) -> tuple[Any, ...]:
    """Return a sort key that makes the order of runs independent of how they were found."""
    answers = [-math.inf if number.value is None else number.value for number in (*run.numbers, *run.costs)]
    return run.id, run.device, run.started, run.digest, run.status, answers


def declared_by(name: str, cell: Cell) -> Measure:
    """Return a metric as a record's cell declares it."""
    return Measure(name, cell.version, cell.better, cell.unit, cell.regime, cell.verdict, cell.title or name)


class Reader:
    """Reads runs from records; values shared by many records are stored once, so that comparing them is fast."""

    def __init__(self) -> None:
        self.measures: dict[tuple[Any, ...], Measure] = {}
        self.settings: dict[str, str] = {}
        self.known: dict[Any, Any] = {}

    def run(self, record: Record) -> Run:
        trial, inputs, good = record.trial, record.inputs, record.status == "ok"
        components = {f"regime {trial.regime}": 1, **inputs.components}  # older records do not name their regime
        answers = sorted(record.metrics.items()) if good else []
        numbers = [self._number(name, cell) for name, cell in answers if cell.regime == trial.regime]
        costs = list(_costs(record.cost, _machine(record.device))) if good and trial.regime == "all" else []
        return Run(
            id=record.id,
            entrant=self.once(entrant_of(record)),
            dataset=str(trial.dataset),
            regime=trial.regime,
            seed=trial.seed,
            status=record.status,
            kind=record.error.kind if record.error else "",
            message=record.error.message if record.error else "",
            digest=inputs.data,
            settings=self._settings(record.settings),
            versions=self.once(tuple(sorted(item for item in components.items() if item[0][:7] != "metric "))),
            device=record.device.kind,
            started=record.started,
            numbers=(*numbers, *(cost for cost in costs if not cost.variant)),
            costs=tuple(cost for cost in costs if cost.variant),
            shortcuts=tuple(sorted(inputs.shortcuts.items())),
        )

    def measure(self, name: str, *declared: Any) -> Measure:
        """Return the metric with this declaration; equal metrics share one object. `declared` ends with the title."""
        at = (name, *declared)
        if (found := self.measures.get(at)) is None:
            found = self.measures[at] = Measure(*(*at[:-1], at[-1] or name))
        return found

    def _settings(self, settings: Settings) -> str:
        """Return the settings without the list of metrics, since further metrics do not affect comparability."""
        told = repr(settings)
        if told not in self.settings:
            self.settings[told] = canonical({k: v for k, v in settings.to_json().items() if k != "metrics"})
        return self.settings[told]

    def once(self, value: T) -> T:
        """Return the stored value that equals `value`; if there is none, store and return `value` itself."""
        found: T = self.known.setdefault(value, value)
        return found

    def _number(self, name: str, cell: Cell) -> Number:
        measure = self.measure(*declared_by(name, cell)[:-1])
        if cell.value is None:
            return Number(measure, None, cell.reason)
        replicates = np.array(cell.replicates, np.float32) if cell.replicates else None
        numbers = cell.value, "", cell.variant, cell.error, cell.n, replicates, cell.optimised
        watched = tuple(cell.follows.items()), tuple(cell.beside.items())
        patients = cell.patients, cell.classes, cell.widening, cell.freedom
        return Number(measure, *numbers, *patients, cell.warning, *watched)


def _costs(cost: Cost, place: str) -> Iterable[Number]:
    for name, (title, better, unit, scale, local) in COSTS.items():
        if (value := cost.get(name)) is not None:
            measure = Measure(name, 1, better, unit, "all", "cost", title)
            yield Number(measure, float(value * scale), variant=place if local else "")


def _machine(device: Device) -> str:
    """Return the machine as text: costs share a column if device class, threads and precision agree."""
    parts = [device.kind]
    if device.threads != 1:
        parts.append(f"{device.threads} threads")
    if device.precision != "float32":
        parts.append(device.precision)
    return ", ".join(parts)
